"""Res2Net. Gao, Cheng, Zhao, Zhang, Yang, Torr: Res2Net: a new multi-scale backbone architecture, 2019.

`res2net50_26w_4s` is a ResNet-50 whose bottlenecks have, in place of the 3x3 convolution, 4 splits of 26 channels (in
the first stage): each but the last goes through a 3x3 convolution of its own, with the result of the split before it
added to its input, so that one block sees windows of several sizes. As in the authors' release and in timm, the last
split stays as it is; in the first block of a stage, nothing is added, and the last split goes through 3x3 mean pooling,
which counts the zeros around the map. The paper's figure leaves out the first split instead. No known departures beyond
these and those of `cnn_bench.models.resnet`, whose fields it has.
"""

from functools import partial

import jax.numpy as jnp

from cnn_bench.models.layers import avg_pool, identity
from cnn_bench.models.resnet import ResidualBlock, ResNet50

PAPER_BASE = 64  # `features` of the first stage, for which `split_maps` is


class Res2Bottleneck(ResidualBlock):
    """A 1x1 convolution, `splits` groups of channels in hierarchy, and a 1x1 to four times `features`."""

    split_maps: int = 26  # channels of a split where `features` is 64
    splits: int = 4

    def body(self, x):
        first = self.stride > 1 or x.shape[-1] != 4 * self.features
        strides = (self.stride, 1) if self.stride_first else (1, self.stride)
        channels = max(1, self.features * self.split_maps // PAPER_BASE)
        x = self.conv_norm_act(channels * self.splits, 1, strides[0], name='conv1')(x)
        *convolved, last = jnp.split(x, self.splits, axis=-1)
        outputs = []
        for number, split in enumerate(convolved, 1):
            split = split if first or not outputs else split + outputs[-1]
            outputs.append(self.conv_norm_act(channels, 3, strides[1], name=f'conv2_{number}')(split))
        if first:
            last = avg_pool(jnp.pad(last, ((0, 0), (1, 1), (1, 1), (0, 0))), 3, strides[1])
        x = jnp.concatenate([*outputs, last], axis=-1)
        return self.conv_norm_act(4 * self.features, 1, act=identity, name='conv3')(x)


Res2Net50 = partial(ResNet50, block=Res2Bottleneck)
