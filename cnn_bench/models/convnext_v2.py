"""ConvNeXt V2. Woo, Debnath, Hu, Chen, Liu, Kweon, Xie: ConvNeXt V2: co-designing and scaling ConvNets with masked
autoencoders, 2023.

ConvNeXt (`cnn_bench.models.convnext`, whose fields it has) with global response normalisation behind the GELU of each
block and without layer scale. Networks and drop-path rates are those with which the authors fine-tuned on ImageNet;
those of femto, pico and nano are atto's, which their training guide does not state one by one. `norm` does not replace
the response normalisation, which mixes channels.
"""

from functools import partial
from typing import Any

import jax.numpy as jnp
from flax import linen as nn

from cnn_bench.models.convnext import ConvNeXt


class GlobalResponseNorm(nn.Module):
    """x (n, h, w, c) plus scale x r + bias, section 3.3: r is the norm of a channel over the image, divided by the
    mean of these norms over the channels. `scale` and `bias` start at 0.
    """

    epsilon: float
    dtype: Any

    @nn.compact
    def __call__(self, x):
        scale, bias = (self.param(name, nn.initializers.zeros, (x.shape[-1],)) for name in ('scale', 'bias'))
        squares = jnp.square(x.astype(jnp.float32)).sum((1, 2), keepdims=True)
        norms = jnp.where(squares > 0, jnp.sqrt(jnp.where(squares > 0, squares, 1)), 0)  # a root has no slope at 0
        response = norms / (norms.mean(-1, keepdims=True) + self.epsilon)
        return (x * (1 + scale * response) + bias).astype(self.dtype)


class ConvNeXtV2(ConvNeXt):
    """A ConvNeXt with `GlobalResponseNorm` in each block."""

    layer_scale: float | None = None

    @nn.nowrap
    def block_of(self, train: bool) -> Any:
        respond = partial(GlobalResponseNorm, self.bn_epsilon, self.dtype)
        return partial(super().block_of(train), respond=respond)


ConvNeXtV2Atto = partial(ConvNeXtV2, maps=(40, 80, 160, 320), depths=(2, 2, 6, 2))
ConvNeXtV2Femto = partial(ConvNeXtV2, maps=(48, 96, 192, 384), depths=(2, 2, 6, 2))
ConvNeXtV2Pico = partial(ConvNeXtV2, maps=(64, 128, 256, 512), depths=(2, 2, 6, 2))
ConvNeXtV2Nano = partial(ConvNeXtV2, maps=(80, 160, 320, 640), depths=(2, 2, 8, 2))
ConvNeXtV2Tiny = partial(ConvNeXtV2, drop_path=0.2)
ConvNeXtV2Base = partial(ConvNeXtV2, maps=(128, 256, 512, 1024), depths=(3, 3, 27, 3))
