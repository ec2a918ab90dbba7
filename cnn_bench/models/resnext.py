"""ResNeXt. Xie, Girshick, Dollár, Tu, He: Aggregated residual transformations for deep neural networks, 2016.

`resnext50_32x4d` is a ResNet-50 with twice the channels in its 3x3 convolutions, in 32 groups (of 4 channels in the
first stage), as in torchvision; the two of 101 layers have four times the channels, in 32 groups of 8 or 64 of 4. No
known departures beyond those of `cnn_bench.models.resnet`, whose fields it has.

At a smaller `width` there are as many groups, with fewer channels each.
"""

from functools import partial

from cnn_bench.models.resnet import Bottleneck, ResNet50, ResNet101

ResNeXt50 = partial(ResNet50, block=partial(Bottleneck, widen=2, groups=32))
ResNeXt101 = partial(ResNet101, block=partial(Bottleneck, widen=4, groups=32))
ResNeXt101Groups64 = partial(ResNet101, block=partial(Bottleneck, widen=4, groups=64))
