"""Semantic segmentation on any network of the registry: logits for every pixel of the image.

    FCN         Long, Shelhamer, Darrell: Fully convolutional networks for semantic segmentation, 2015
    DeepLabV3   Chen, Papandreou, Schroff, Adam: Rethinking atrous convolution for semantic image segmentation, 2017
    LRASPP      Howard et al.: Searching for MobileNetV3, 2019, section 6.4

`base` names the network whose last feature map, at an output stride of `output_stride`, the head classifies pixel by
pixel; logits are resized to the image by bilinear interpolation. As in torchvision, FCN has one map and no skip
connections (the paper's FCN-32s, made denser by dilation), its 3x3 convolution has a quarter of the map's channels, and
with `aux` there is a second head of this kind, in training only, on the last map of half that stride before dilation.
LR-ASPP adds classes from the last map with a stride of 8.

Other fields are the network's; it has no head of its own, and `norm`, `act` and `width` hold for both.
"""

import math
from collections.abc import Callable
from functools import lru_cache, partial

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from cnn_bench.errors import UserError
from cnn_bench.models import registry
from cnn_bench.models.blocks import Classifier, require, sow_aux
from cnn_bench.models.output_stride import dilated
from cnn_bench.models.variables import KEPT

# Fields that the network gets from the whole.
SHARED = ('width', 'stem', 'dtype', 'norm', 'act', 'conv', 'pool', 'kernel_init')
SHARED += ('bn_axis', 'bn_momentum', 'bn_epsilon')
STRIDES = (8, 16, 32)
AUX_DROPOUT = 0.1
DETAIL = 8  # stride of the finer map of LR-ASPP


class PixelHead(nn.Module):
    """A 3x3 convolution to a quarter of the channels of x (n, h, w, c), dropout, and logits (n, h, w, num_classes)."""

    num_classes: int
    dropout: float
    layers: Callable  # `layers(train)(features, kernel, name=...)(x)`: convolution, normalisation and activation
    point: Callable  # a convolution with bias: `point(features, 1, name=...)`

    @nn.compact
    def __call__(self, maps: dict[int, jax.Array], train: bool):
        x = maps[max(maps)]
        x = self.layers(train)(x.shape[-1] // 4, 3, name='conv1')(x)
        x = nn.Dropout(self.dropout, deterministic=not train, name='dropout')(x)
        return self.point(self.num_classes, 1, name='fc')(x)


class PyramidHead(nn.Module):
    """DeepLabv3's: 1x1 and dilated 3x3 convolutions and the global mean of x (n, h, w, c) side by side, put together by
    a 1x1 convolution; dropout, a 3x3 convolution, and logits (n, h, w, num_classes)."""

    num_classes: int
    dropout: float
    features: int
    rates: tuple[int, ...]  # dilation of the 3x3 convolutions
    layers: Callable
    layer: Callable  # a convolution as `layers` have it
    point: Callable

    @nn.compact
    def __call__(self, maps: dict[int, jax.Array], train: bool):
        x, conv_norm_act = maps[max(maps)], self.layers(train)
        parts = [conv_norm_act(self.features, 1, name='point')(x)]
        for number, rate in enumerate(self.rates, 1):
            layer = partial(self.layer, dilation=rate)
            parts.append(conv_norm_act(self.features, 3, conv=layer, name=f'atrous{number}')(x))
        mean = conv_norm_act(self.features, 1, name='pooled')(x.mean((1, 2), keepdims=True))
        parts.append(jnp.broadcast_to(mean, parts[0].shape))
        x = conv_norm_act(self.features, 1, name='project')(jnp.concatenate(parts, axis=-1))
        x = nn.Dropout(self.dropout, deterministic=not train, name='dropout')(x)
        x = conv_norm_act(self.features, 3, name='conv1')(x)
        return self.point(self.num_classes, 1, name='fc')(x)


class GatedHead(nn.Module):
    """LR-ASPP: a 1x1 convolution of the last map times a gate of its global mean; logits of it, resized, and of the map
    with a stride of 8 are added: (n, h / 8, w / 8, num_classes)."""

    num_classes: int
    features: int
    layers: Callable
    layer: Callable
    point: Callable

    @nn.compact
    def __call__(self, maps: dict[int, jax.Array], train: bool):
        fine, x, conv_norm_act = maps[DETAIL], maps[max(maps)], self.layers(train)
        gate = self.layer(self.features, 1, use_bias=False, name='gate')(x.mean((1, 2), keepdims=True))
        x = conv_norm_act(self.features, 1, name='project')(x) * nn.sigmoid(gate)
        x = resized(x, fine.shape[1:3])
        return self.point(self.num_classes, 1, name='fine')(fine) + self.point(self.num_classes, 1, name='fc')(x)


class Segmenter(Classifier):
    """The base of the networks here: logits (n, h, w, num_classes), float32, for images (n, h, w, c)."""

    base: str = 'resnet50'
    output_stride: int = 8
    dropout: float = 0.1

    def __post_init__(self):
        super().__post_init__()
        require(self, 'output_stride', self.output_stride in STRIDES, f'one of {", ".join(map(str, STRIDES))}')

    def setup(self):
        self.trunk = self.network()
        super().setup()

    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        """Logits of every pixel. Training needs the RNG 'dropout'."""
        maps = self.maps(x, train)
        if not self.num_classes:
            return maps[max(maps)].astype(jnp.float32)
        self.add_aux(maps, x, train)
        return self.of_pixels(self.head(maps, train), x)

    def add_aux(self, maps: dict[int, jax.Array], x: jax.Array, train: bool) -> None:
        """Store the logits of an auxiliary head, where there is one."""

    def features(self, x: jax.Array, train: bool = False) -> jax.Array:
        """The last feature map (n, h', w', c'), at the output stride."""
        maps = self.maps(x, train)
        return maps[max(maps)]

    def maps(self, x: jax.Array, train: bool = False) -> dict[int, jax.Array]:
        """The network's last feature map of every stride, by the stride that it has without dilation."""
        alone = self.trunk.clone(parent=None, name=None)
        names = levels(alone, x.shape[1:])
        found: dict[str, jax.Array] = {}

        def keep(run, args, kwargs, context):
            made = run(*args, **kwargs)
            if context.method_name == '__call__' and context.module.path[:-1] == self.trunk.path:
                found[context.module.name] = made
            return made

        with nn.intercept_methods(keep), dilated(partial(_features, alone), x.shape, self.output_stride):
            last = self.trunk.features(x, train)
        return {**{stride: found[name] for stride, name in names.items()}, max(names): last}

    def of_pixels(self, logits: jax.Array, x: jax.Array) -> jax.Array:
        """Logits of a map as logits of every pixel of the images x."""
        return resized(logits.astype(jnp.float32), x.shape[1:3])

    @nn.nowrap
    def network(self) -> Classifier:
        """The network below the head."""
        set_here = {name: getattr(self, name) for name in SHARED if getattr(self, name) != getattr(Classifier, name)}
        return registry.build(self.base, num_classes=0, **set_here)

    @property
    def point(self) -> Callable:
        """A convolution with bias: `point(features, 1, name=...)`."""
        return partial(self.conv, dtype=self.dtype, kernel_init=self.kernel_init)

    @property
    def layer(self) -> Callable:
        """A convolution without bias, for a normalisation behind it."""
        return partial(self.point, use_bias=False)


class FCN(Segmenter):
    """One map classified pixel by pixel."""

    aux: bool = False  # a second head in training, on the last map of half the stride

    def setup(self):
        super().setup()
        if self.aux and self.num_classes:
            self.aux_head = PixelHead(self.num_classes, AUX_DROPOUT, self.conv_norm_act, self.point)

    def add_aux(self, maps: dict[int, jax.Array], x: jax.Array, train: bool) -> None:
        """Store the logits of the auxiliary head, in training only."""
        if self.aux and (train or self.is_initializing()):
            below = {stride: each for stride, each in maps.items() if stride < max(maps)}
            sow_aux(self.aux_head, self.of_pixels(self.aux_head(below, train), x))

    @nn.nowrap
    def make_head(self):
        return PixelHead(self.num_classes, self.dropout, self.conv_norm_act, self.point)


class DeepLabV3(FCN):
    """Dilated convolutions of several rates before the classes; the rates are for an output stride of 8."""

    rates: tuple = (12, 24, 36)
    pyramid: int = 256  # channels
    dropout: float = 0.5

    @nn.nowrap
    def make_head(self):
        channels, layers = self.scaled(self.pyramid), (self.conv_norm_act, self.layer, self.point)
        return PyramidHead(self.num_classes, self.dropout, channels, self.rates, *layers)


class LRASPP(Segmenter):
    """Classes from two maps, cheaply."""

    base: str = 'mobilenet_v3_large'
    output_stride: int = 16
    dropout: float = 0.0
    hidden: int = 128  # channels

    @nn.nowrap
    def make_head(self):
        channels, layers = self.scaled(self.hidden), (self.conv_norm_act, self.layer, self.point)
        return GatedHead(self.num_classes, channels, *layers)


@lru_cache(KEPT)
def levels(network: Classifier, image_shape: tuple[int, int, int]) -> dict[int, str]:
    """Stride -> the last module directly below the `network` whose output has it, for images (h, w, c).

    Strides are powers of two, 2 and more. Raises UserError where no module of the network gives a feature map.
    """
    order: list[tuple[str, tuple[int, ...]]] = []

    def note(run, args, kwargs, context):
        made = run(*args, **kwargs)
        if context.method_name == '__call__' and len(context.module.path) == 1 and getattr(made, 'ndim', 0) == 4:
            order.append((context.module.name, made.shape))
        return made

    with nn.intercept_methods(note):
        jax.eval_shape(partial(_features, network), jax.ShapeDtypeStruct((1, *image_shape), jnp.float32))
    found = {2 ** round(math.log2(image_shape[0] / shape[1])): name for name, shape in order}
    strides = {stride: name for stride, name in found.items() if stride > 1}
    if not strides:
        raise UserError(f'{type(network).__name__} has no feature maps of a stride of 2 or more')
    return strides


def _features(network: Classifier, x: jax.Array) -> jax.Array:
    """The feature map of a `network` that is drawn anew; to trace, not to compute."""
    return network.init_with_output({'params': jax.random.key(0)}, x, method='features')[0]


def resized(x: jax.Array, size: tuple[int, int]) -> jax.Array:
    """x (n, h, w, c) enlarged to `size` (h, w) by bilinear interpolation between the centres of its pixels, as by
    torchvision (align_corners=False). It is no convolution, and is not counted as one."""
    for axis, wanted in enumerate(size, 1):
        length = x.shape[axis]
        at = np.clip((np.arange(wanted) + 0.5) * length / wanted - 0.5, 0, length - 1)
        first = np.minimum(at.astype(int), max(0, length - 2))
        share = jnp.asarray((at - first).reshape(-1, *(1,) * (3 - axis)), x.dtype)
        second = np.minimum(first + 1, length - 1)
        x = jnp.take(x, first, axis) * (1 - share) + jnp.take(x, second, axis) * share
    return x
