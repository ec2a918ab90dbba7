"""Wide ResNet. Zagoruyko, Komodakis: Wide residual networks, 2016.

For ImageNet (section 3, "WRN-50-2-bottleneck"), `wide_resnet50_2` is a ResNet-50 with bottlenecks that are twice as
wide inside: twice the channels in the first 1x1 and the 3x3 convolution, but the same output channels. As in
torchvision, a bottleneck has its stride in the 3x3. No known departures beyond those of `cnn_bench.models.resnet`,
whose fields it has.

For CIFAR (section 2, table 1), `wide_resnet28_10` is WRN-28-10: pre-activation blocks of two 3x3 convolutions, four in
a stage, ten times as wide as those of a ResNet for CIFAR. Its fields are those of `cnn_bench.models.resnet_v2`, so that
WRN-40-4 is `depths=(6, 6, 6), maps=(64, 128, 256)`. No known departures from the paper's network without dropout; the
one that has it between a block's convolutions is not here (`dropout` is that of the head).
"""

from functools import partial

from cnn_bench.models.resnet import Bottleneck, ResNet50, ResNet101
from cnn_bench.models.resnet_v2 import CifarResNetV2, PreActivationBasic

WideResNet50 = partial(ResNet50, block=partial(Bottleneck, widen=2))
WideResNet101 = partial(ResNet101, block=partial(Bottleneck, widen=2))
WideResNet28 = partial(
    CifarResNetV2, block=PreActivationBasic, stem_maps=16, maps=(160, 320, 640), depths=(4, 4, 4), stride_first=False
)
