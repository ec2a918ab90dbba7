"""AlexNet in three forms.

`alexnet`: Krizhevsky, Sutskever, Hinton: ImageNet classification with deep convolutional neural networks, 2012. The two
towers are groups of 2 in the second, fourth and fifth convolution; local response normalisation after the first two,
overlapping 3x3 pooling with stride 2, dropout in the hidden dense layers. Departures from the paper:
  - 224x224 images are padded by one pixel before and two behind, which gives the paper's 55x55 feature maps;
  - He initialisation and zero biases instead of Gaussians with deviation 0.01 (`kernel_init='gaussian'`) and biases of
    1 in some layers.

`alexnet_owt`: Krizhevsky: One weird trick for parallelizing convolutional neural networks, 2014, as in torchvision:
one tower of 64, 192, 384, 256, 256 channels, no response normalisation, dropout before the hidden layers, two pixels of
padding. For images of other sizes than 224x224, torchvision pools the last map to 6x6, and so does `adaptive_pool`.

`alexnet_bn`: the one-tower form with batch normalisation (epsilon 0.001) between every convolution or hidden dense
layer, which keeps its bias, and its ReLU. It stands for the BN-AlexNet of Canziani, Paszke, Culurciello: An analysis of
deep neural network models for practical applications, 2016, which does not list the layers. That network's weights are
by S. Zagoruyko, who says (imagenet-validation.torch) that he trained them with imagenet-multiGPU.torch; our choice is
the only AlexNet with batch normalisation in that repository. He cropped images to 227x227; here they are 224x224, as
for the other networks. The last feature map is 6x6 in both cases.

`stem='small'` (ours): a 3x3 first convolution with stride 1; 28x28 images are pooled to 13, 6 and 2.
"""

from collections.abc import Callable
from functools import partial
from typing import ClassVar

from flax import linen as nn

from cnn_bench.models.blocks import Classifier, DenseHead, require
from cnn_bench.models.fast_ops import Pads
from cnn_bench.models.layers import batch_norm, local_response_norm, no_norm

LAST_MAP = 6  # its side for images of 224x224


class AlexNet(Classifier):
    """Five convolutions with `maps` channels and three dense layers."""

    takes_maxout: ClassVar[bool] = True

    dropout: float = 0.5
    norm: Callable = no_norm  # after every convolution
    dense_norm: Callable = no_norm  # after every hidden dense layer
    lrn: Callable = local_response_norm  # after the activation of the first two
    maps: tuple = (96, 256, 384, 384, 256)
    groups: int = 2
    stem_padding: int | Pads = ((1, 2), (1, 2))
    drop_inputs: bool = False  # dropout before each hidden dense layer instead of after it
    adaptive_pool: bool = False  # to 6x6 before the dense layers

    def __post_init__(self):
        super().__post_init__()
        require(self, 'maps', len(self.maps) == 5, '5 numbers')

    @nn.compact
    def features(self, x, train=False):
        conv_norm_act = self.conv_norm_act(train, use_bias=True)
        lrn = self.normalise(train, self.lrn)
        pool = partial(self.pool, window=3, stride=2)
        channels = [self.scaled(count) for count in self.maps]
        first = (3,) if self.small else (11, 4, self.stem_padding)
        x = conv_norm_act(channels[0], *first, name='conv1')(x)
        x = pool(lrn(name='lrn1')(x))
        x = conv_norm_act(channels[1], 5, groups=self.groups, name='conv2')(x)
        x = pool(lrn(name='lrn2')(x))
        x = conv_norm_act(channels[2], 3, name='conv3')(x)
        x = conv_norm_act(channels[3], 3, groups=self.groups, name='conv4')(x)
        x = conv_norm_act(channels[4], 3, groups=self.groups, name='conv5')(x)
        return pool(x)

    @nn.nowrap
    def make_head(self):
        hidden = (self.scaled(4096),) * 2
        norm = self.normalise(False, self.dense_norm)  # the head sets `train` itself
        fields = {'norm': norm, 'pool_to': LAST_MAP if self.adaptive_pool else None}
        return DenseHead(self.num_classes, hidden, self.dropout, self.dense, self.act, self.drop_inputs, **fields)


AlexNetOWT = partial(AlexNet, maps=(64, 192, 384, 256, 256), groups=1, lrn=no_norm, stem_padding=2, drop_inputs=True)
AlexNetBN = partial(AlexNetOWT, norm=batch_norm, dense_norm=batch_norm, bn_epsilon=1e-3)
