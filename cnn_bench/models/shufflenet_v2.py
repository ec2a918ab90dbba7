"""ShuffleNetV2. Ma, Zhang, Zheng, Sun: ShuffleNet V2: practical guidelines for efficient CNN architecture design, 2018.

`shufflenet_v2_x0_5` to `x2_0` are the four columns of the paper's table 5, as in torchvision. No known departures; the
paper leaves the initialisation open, here it is He's.

`stem='small'` (ours): the first convolution has stride 1 and no pooling follows, so that 28x28 images give 28, 14, 7
and 4.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from flax import linen as nn

from cnn_bench.models.blocks import Classifier, Stage, require
from cnn_bench.models.layers import identity


def shuffle(x: jax.Array, groups: int) -> jax.Array:
    """Shuffle the channels of x (n, h, w, c): the first of each group, then the second of each, and so on."""
    parts = x.reshape(*x.shape[:-1], groups, x.shape[-1] // groups)
    return parts.swapaxes(-1, -2).reshape(x.shape)


class ShuffleBlock(nn.Module):
    """Half of the channels go through a 1x1, a 3x3 depthwise and a 1x1 convolution; then all are shuffled (figure 3c).

    With stride 2, all channels go through these and through a depthwise and a 1x1 convolution in parallel (figure 3d).
    """

    features: int
    stride: int
    conv_norm_act: Callable

    @nn.compact
    def __call__(self, x):
        half = self.features // 2
        if self.stride == 1:
            kept, y = jnp.split(x, 2, axis=-1)
        else:
            kept, y = self._filtered(x, 'shortcut_depthwise'), x
            kept = self.conv_norm_act(half, 1, name='shortcut')(kept)
        y = self.conv_norm_act(half, 1, name='conv1')(y)
        y = self._filtered(y, 'depthwise')
        y = self.conv_norm_act(half, 1, name='conv2')(y)
        return shuffle(jnp.concatenate([kept, y], axis=-1), 2)

    def _filtered(self, x, name):
        return self.conv_norm_act(x.shape[-1], 3, self.stride, groups=x.shape[-1], act=identity, name=name)(x)


class ShuffleNetV2(Classifier):
    """A stem, stages 2 to 4, each starting with a block of stride 2, and a 1x1 convolution (conv5)."""

    maps: tuple = (116, 232, 464)
    depths: tuple = (4, 8, 4)
    last_maps: int = 1024

    def __post_init__(self):
        super().__post_init__()
        require(self, 'depths', len(self.depths) == len(self.maps), f'as long as maps, {len(self.maps)}')

    @nn.compact
    def features(self, x, train=False):
        conv_norm_act = self.conv_norm_act(train)
        x = conv_norm_act(self.scaled(24), 3, 1 if self.small else 2, name='conv1')(x)
        if not self.small:
            x = self.pool(x, 3, 2, padding=1)
        for stage, (channels, depth) in enumerate(zip(self.maps, self.depths, strict=True), 2):
            strides = (2, *(1,) * (depth - 1))
            x = Stage(tuple(self._block(channels, stride, conv_norm_act) for stride in strides), name=f'stage{stage}')(
                x
            )
        return conv_norm_act(self.scaled(self.last_maps), 1, name='conv5')(x)

    @nn.nowrap
    def _block(self, channels, stride, conv_norm_act):
        return lambda name: ShuffleBlock(self.scaled(channels), stride, conv_norm_act, name=name)


ShuffleNetV2x05 = partial(ShuffleNetV2, maps=(48, 96, 192))
ShuffleNetV2x15 = partial(ShuffleNetV2, maps=(176, 352, 704))
ShuffleNetV2x20 = partial(ShuffleNetV2, maps=(244, 488, 976), last_maps=2048)
