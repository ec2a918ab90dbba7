"""Tables of what networks and single layers cost, as counted by `complexity`. Nothing is measured or trained.

`layer_rows` lists a network layer by layer or, if there are too many layers, block by block or stage by stage.
`inception`, `residual` and `separable` compare a costly and a cheap way to build a layer, part by part, in the columns
`form`, `part`, `output`, `macs` and `params`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import pandas as pd

from cnn_bench.complexity import Layer, model_cost
from cnn_bench.complexity.receptive_field import model_receptive_fields
from cnn_bench.models import layers, registry
from cnn_bench.models.blocks import ConvNorm
from cnn_bench.models.resnet import BasicBlock, Bottleneck

MOST_ROWS = 60
_WITHIN = ('conv', 'norm')  # modules inside `ConvNorm`, not rows of their own
WEIGHTED = ('conv', 'dense')


@dataclass(frozen=True)
class Row:
    """A layer, block or stage: the shape (h, w, c) or (c,) of its output, and sums over its layers."""

    name: str
    shape: tuple[int, ...]
    params: int
    macs: int
    activation_bytes: int


def overview(names: Iterable[str]) -> pd.DataFrame:
    """A row per architecture at its native size: facts from the registry and counts; sizes in MiB of float32."""
    rows = []
    for name in names:
        arch = registry.get(name)
        cost = model_cost(registry.build(name), arch.input_shape)
        dense = [layer for layer in cost.layers if layer.op == 'dense']
        rows.append(
            {
                'network': name,
                'year': arch.year,
                'input': 'x'.join(map(str, arch.input_shape)),
                'convolutions and dense layers': sum(layer.op in WEIGHTED for layer in cost.layers),
                'parameters (M)': cost.params / 1e6,
                'MACs (M)': cost.macs / 1e6,
                'MACs per parameter': cost.macs / cost.params,
                'parameters in dense layers (%)': 100 * sum(layer.params for layer in dense) / cost.params,
                'MACs in dense layers (%)': 100 * sum(layer.macs for layer in dense) / cost.macs,
                'weights (MiB)': cost.param_bytes / 2**20,
                'activations (MiB)': cost.activation_bytes / 2**20,
            }
        )
    return pd.DataFrame(rows).set_index('network')


def receptive_fields(names: Iterable[str]) -> pd.DataFrame:
    """A row per architecture at its native size: receptive field in the last map, and distance between neighbours.

    Padding counts as image, so a field can be larger than the image. Empty if every output sees the whole image.
    """
    rows = []
    for name in names:
        arch = registry.get(name)
        last = model_receptive_fields(registry.build(name), arch.input_shape).last_map
        field = {'image': arch.size, 'last map': last.output_shape[1], 'field': last.size[0], 'distance': last.jump[0]}
        rows.append({'network': name, **field})
    return pd.DataFrame(rows).set_index('network').astype('Int64').add_suffix(' (pixels)')


def layer_rows(
    module: nn.Module, input_shape: tuple[int, int, int], most: int = MOST_ROWS, depth: int | None = None
) -> list[Row]:
    """The module's layers in the order of execution, grouped by the first `depth` names of their path.

    Without `depth`, the greatest that gives at most `most` rows is used. A convolution and the normalisation behind it
    are one layer. Operations without weights or a feature map of their own (additions, activations) are left out.
    Pools between named modules have rows of their own.
    """
    counted = [layer for layer in model_cost(module, input_shape).layers if layer.params or layer.activation_bytes]
    shapes = _output_shapes(module, input_shape)
    deepest = max(len(_parts(layer)) for layer in counted)
    for level in [depth] if depth else range(deepest, 0, -1):
        groups = _grouped(counted, level)
        if len(groups) <= most or level == 1:
            break
    return [_row(path, group, shapes) for path, group in groups]


def _parts(layer: Layer) -> list[str]:
    parts = layer.path.split('/')
    return parts[: next((i for i, part in enumerate(parts) if i and part in _WITHIN), len(parts))]


def _grouped(counted: list[Layer], depth: int) -> list[tuple[str, list[Layer]]]:
    groups: dict[tuple[str, int], list[Layer]] = {}
    for place, layer in enumerate(counted):
        path = '/'.join(_parts(layer)[:depth])
        groups.setdefault((path, 0 if path else place), []).append(layer)
    return [(path, group) for (path, _), group in groups.items()]


def _row(path: str, group: list[Layer], shapes: dict[str, tuple[int, ...]]) -> Row:
    sums = {column: sum(getattr(layer, column) for layer in group) for column in ('params', 'macs', 'activation_bytes')}
    pools = all(layer.op == 'pool' for layer in group)
    name = '/'.join(part for part in (path, 'pool' if pools else '') if part) or group[0].op
    shape = shapes[path] if path in shapes and path and not pools else group[-1].output_shape[1:]
    return Row(name, shape, **sums)


def _output_shapes(module: nn.Module, input_shape: tuple[int, int, int]) -> dict[str, tuple[int, ...]]:
    """Output shape of each submodule by path, without the batch, when last called."""
    image = jax.ShapeDtypeStruct((1, *input_shape), jnp.float32)
    key = jax.eval_shape(lambda: jax.random.key(0))
    run = partial(module.init, mutable=True, capture_intermediates=True)
    kept = jax.eval_shape(run, {'params': key, 'dropout': key}, image)['intermediates']
    shapes = {}
    for keys, leaf in jax.tree_util.tree_leaves_with_path(kept):
        names = [key.key for key in keys if hasattr(key, 'key')]
        shapes['/'.join(names[:-1])] = leaf.shape[1:]
    return shapes


def one_convolution(
    image: tuple[int, int, int] = (100, 150, 3), kernel: int = 5, features: int = 200, batch: int = 100
) -> pd.DataFrame:
    """Cost of one convolution with stride 1 and half the kernel as padding, as counted and by hand."""
    height, width, channels = image
    cost = model_cost(layers.conv(features, kernel), image)
    many = model_cost(layers.conv(features, kernel), image, batch=batch)
    values, products = height * width * features, kernel * kernel * channels
    rows = {
        'parameters': (cost.params, features * (products + 1)),
        'products per output value': (cost.macs // (cost.activation_bytes // 4), products),
        'output values': (cost.activation_bytes // 4, values),
        'multiply-adds': (cost.macs, values * products),
        'bits of the output': (cost.activation_bytes * 8, values * 32),
        'bytes of the output': (cost.activation_bytes, values * 4),
        f'bytes for {batch} images': (many.activation_bytes, values * 4 * batch),
    }
    table = pd.DataFrame.from_dict(rows, orient='index', columns=['counted', 'by hand'])
    in_bytes = [name.startswith('bytes') for name in rows]
    return table.assign(MiB=(table.counted / 2**20).where(in_bytes))


INCEPTION_PARTS = {
    'branch_1x1': '1×1',
    'branch_3x3_reduce': '1×1 before 3×3',
    'branch_3x3': '3×3',
    'branch_5x5_reduce': '1×1 before 5×5',
    'branch_5x5': '5×5',
    'branch_pool': '1×1 after the pool',
}


def inception() -> pd.DataFrame:
    """The naive and the reduced Inception module on 28x28x256, a row per convolution."""
    rows = []
    for form in ('naive', 'reduced'):
        name = f'inception_module_{form}'
        counted = model_cost(registry.build(name), registry.get(name).input_shape).layers
        of_branch = {layer.path.split('/')[1]: layer for layer in counted if layer.op == 'conv'}
        rows += [_part(form, INCEPTION_PARTS[b], of_branch[b]) for b in INCEPTION_PARTS if b in of_branch]
    return pd.DataFrame(rows)


def residual(side: int = 56) -> pd.DataFrame:
    """ResNet's two kinds of block at `side` x `side`, without normalisation, a row per convolution."""
    conv_norm_act = partial(ConvNorm, conv=partial(layers.conv, use_bias=False))
    forms = {
        'basic, 256 channels': (BasicBlock, 256, 256),
        'bottleneck, 256 channels': (Bottleneck, 64, 256),
        'basic, 64 channels': (BasicBlock, 64, 64),
    }
    rows = []
    for form, (block, features, channels) in forms.items():
        counted = model_cost(block(features, 1, conv_norm_act, nn.relu), (side, side, channels)).layers
        kernels = {BasicBlock: ('3×3', 'second 3×3'), Bottleneck: ('1×1 to 64', '3×3', '1×1 to 256')}[block]
        convolutions = [layer for layer in counted if layer.op == 'conv']
        rows += [_part(form, part, layer) for part, layer in zip(kernels, convolutions, strict=True)]
    return pd.DataFrame(rows)


def separable(kernel: int = 3, image: tuple[int, int, int] = (28, 28, 256)) -> pd.DataFrame:
    """A plain and a separable convolution without bias that keep the shape of `image`, a row per convolution."""
    rows = []
    for form, make in (('plain', layers.conv), ('separable', layers.separable_conv)):
        counted = model_cost(make(image[-1], kernel, use_bias=False), image).layers
        rows += [_part(form, layer.path or 'plain', layer) for layer in counted if layer.op == 'conv']
    return pd.DataFrame(rows)


def _part(form: str, part: str, layer: Layer) -> dict:
    shape = 'x'.join(map(str, layer.output_shape[1:]))
    return {'form': form, 'part': part, 'output': shape, 'macs': layer.macs, 'params': layer.params}


def side_by_side(table: pd.DataFrame, column: str = 'macs') -> pd.DataFrame:
    """A comparison with a column per form, a row per part and the sums below; empty if a form lacks the part."""
    wide = table.pivot(index='part', columns='form', values=column).reindex(table.part.unique())
    wide.loc['sum'] = wide.sum()
    return wide[table.form.unique()].astype('Int64').rename_axis(columns=None)
