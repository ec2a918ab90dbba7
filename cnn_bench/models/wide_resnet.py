"""Wide ResNet for ImageNet. Zagoruyko, Komodakis: Wide residual networks, 2016, section 3 ("WRN-50-2-bottleneck").

`wide_resnet50_2` is a ResNet-50 whose bottlenecks are twice as wide inside: their 1x1 and 3x3 convolutions have twice
the channels, the blocks' outputs as many as before. As torchvision's: a bottleneck that halves the map does so in its
3x3. Departure: none known beyond those of `cnn_bench.models.resnet`, whose fields it has.
"""

from functools import partial

from cnn_bench.models.resnet import Bottleneck, ResNet50

WideResNet50 = partial(ResNet50, block=partial(Bottleneck, widen=2))
