"""ResNeXt. Xie, Girshick, Dollár, Tu, He: Aggregated residual transformations for deep neural networks, 2016.

`resnext50_32x4d` is a ResNet-50 whose 3x3 convolutions have twice the channels in 32 groups: 4 channels each in the
first stage. As torchvision's. Departure: none known beyond those of `cnn_bench.models.resnet`, whose fields it has.

At a smaller `width` the groups stay 32 and become narrower.
"""

from functools import partial

from cnn_bench.models.resnet import Bottleneck, ResNet50

ResNeXt50 = partial(ResNet50, block=partial(Bottleneck, widen=2, groups=32))
