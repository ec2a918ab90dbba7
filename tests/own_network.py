"""The file of a network outside the package, for tests that write it where they want it."""

NETWORK = '''
from functools import partial

from flax import linen as nn

from cnn_bench.models.blocks import Classifier

SIZE, CHANNELS = 28, 1


class MyNet(Classifier):
    """Convolutions with stride 2."""

    num_classes: int = 10
    depth: int = 2

    @nn.compact
    def features(self, x, train=False):
        for number in range(self.depth):
            x = self.conv_norm_act(train)(self.scaled(8), 3, 2, name=f'conv{number}')(x)
        return x


Deep = partial(MyNet, depth=3)
'''
# 3x3 convolutions from 28x28x1 to 14x14x8 and 7x7x8, each with batch norm, then 8 means to 10 classes.
PARAMS = (9 * 8 + 2 * 8) + (9 * 8 * 8 + 2 * 8) + (8 * 10 + 10)
MACS = 14 * 14 * 9 * 8 + 7 * 7 * 9 * 8 * 8 + 8 * 10
