"""ResNeXt. Xie, Girshick, Dollár, Tu, He: Aggregated residual transformations for deep neural networks, 2016.

`resnext50_32x4d` is a ResNet-50 with twice the channels in its 3x3 convolutions, in 32 groups (of 4 channels in the
first stage), as in torchvision. No known departures beyond those of `cnn_bench.models.resnet`, whose fields it has.

At a smaller `width` there are still 32 groups, with fewer channels each.
"""

from functools import partial

from cnn_bench.models.resnet import Bottleneck, ResNet50

ResNeXt50 = partial(ResNet50, block=partial(Bottleneck, widen=2, groups=32))
