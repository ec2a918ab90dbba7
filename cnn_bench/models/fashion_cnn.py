"""The small network for Fashion-MNIST of A. Géron, Hands-On Machine Learning, 2nd edition 2019, chapter 14.

As in the book's Keras code, with Keras's Glorot initialisation: three rounds of convolutions and 2x2 max pooling, two
hidden dense layers with dropout of one half. The softmax is part of the loss.
"""

from collections.abc import Callable
from typing import ClassVar

from flax import linen as nn

from cnn_bench.models.blocks import Classifier, DenseHead
from cnn_bench.models.layers import INITS, no_norm


class FashionCNN(Classifier):
    """A 7x7 convolution to 64 channels, two 3x3 to 128 and two to 256, with 2x2 pooling after each round."""

    stems: ClassVar[tuple[str, ...]] = ('small',)
    takes_maxout: ClassVar[bool] = True

    num_classes: int = 10
    stem: str = 'small'
    dropout: float = 0.5
    norm: Callable = no_norm
    kernel_init: Callable = INITS['glorot']

    @nn.compact
    def features(self, x, train=False):
        conv_norm_act = self.conv_norm_act(train)
        x = conv_norm_act(self.scaled(64), 7, name='conv1')(x)
        x = self.pool(x, 2)
        x = conv_norm_act(self.scaled(128), 3, name='conv2')(x)
        x = conv_norm_act(self.scaled(128), 3, name='conv3')(x)
        x = self.pool(x, 2)
        x = conv_norm_act(self.scaled(256), 3, name='conv4')(x)
        x = conv_norm_act(self.scaled(256), 3, name='conv5')(x)
        return self.pool(x, 2)

    @nn.nowrap
    def make_head(self):
        hidden = (self.scaled(128), self.scaled(64))
        return DenseHead(self.num_classes, hidden, self.dropout, self.dense, self.act)
