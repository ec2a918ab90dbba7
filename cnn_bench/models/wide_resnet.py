"""Wide ResNet for ImageNet. Zagoruyko, Komodakis: Wide residual networks, 2016, section 3 ("WRN-50-2-bottleneck").

`wide_resnet50_2` is a ResNet-50 with bottlenecks that are twice as wide inside: twice the channels in the first 1x1 and
the 3x3 convolution, but the same output channels. As in torchvision, a bottleneck has its stride in the 3x3. No known
departures beyond those of `cnn_bench.models.resnet`, whose fields it has.
"""

from functools import partial

from cnn_bench.models.resnet import Bottleneck, ResNet50

WideResNet50 = partial(ResNet50, block=partial(Bottleneck, widen=2))
