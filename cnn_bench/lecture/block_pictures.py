"""Pictures of convolution, pooling and receptive fields, drawn from numbers that our own layers computed.

Every function returns a matplotlib `Figure`. Matrices are drawn cell by cell with their numbers, blue above zero and
orange below; images are drawn in grey. Sizes are in inches, so that cells have the same size in all pictures.
"""

from collections.abc import Iterator, Mapping, Sequence

import jax
import jax.numpy as jnp
import matplotlib
import numpy as np
import pandas as pd
from flax import linen as nn
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from cnn_bench.complexity.receptive_field import model_receptive_fields
from cnn_bench.lecture.given_filters import convolve, max_pool
from cnn_bench.models.layers import conv
from cnn_bench.report.charts.style import CARD, GRID, INK, LEADER, MUTED, STYLE, THEME

CELL = 0.36  # side of a cell with a number, in inches
_TITLE, _NOTE, _MARGIN, _GAP = 0.42, 0.32, 0.12, 0.5
_LETTER = 0.075  # width of a letter in a title
_BLUE, _ORANGE = (THEME[name][0] for name in ('blue', 'vermilion'))
_MARK = {'fill': False, 'edgecolor': INK, 'linewidth': 2.0, 'zorder': 4}
Panel = tuple[str, np.ndarray]


def _faint(colour: str, share: float) -> tuple[float, float, float]:
    return tuple(1 - share * (1 - part) for part in to_rgb(colour))


SIGNED = LinearSegmentedColormap.from_list('signed', [_faint(_ORANGE, 0.6), (1, 1, 1), _faint(_BLUE, 0.6)])


@matplotlib.rc_context(STYLE)
def matrices(panels: Mapping[str, np.ndarray], digits: int = 2, note: str = '', columns: int = 4) -> Figure:
    """Matrices (h, w) side by side, `columns` to a row, with titles and numbers of `digits` decimals."""
    named = [(title, np.asarray(values, float)) for title, values in panels.items()]
    figure, all_axes = _row(named, note=note, columns=columns)
    largest = max(np.abs(values).max() for _, values in named)
    for axes, (_, values) in zip(all_axes, named, strict=True):
        _cells(axes, values, digits, largest)
    return figure


@matplotlib.rc_context(STYLE)
def convolution(
    image: np.ndarray, kernel: np.ndarray, stride: int = 1, padding: int = 0, at: tuple[int, int] = (0, 0)
) -> Figure:
    """An image (h, w), a filter (k, k) and the resulting map, with their numbers (integers).

    The frame in the image is the window of the output at `at`; the dashed one is that of its right neighbour, `stride`
    pixels on. Padding is shown as grey zeros around the image. The sum at `at` is written out below.
    """
    result = convolve(image, [kernel], stride, padding)[..., 0]
    padded, side = np.pad(np.asarray(image, float), padding), len(kernel)
    around = f', {padding} of padding' if padding else ''
    titles = (f'image {_size(image)}{around}', f'filter {_size(kernel)}', f'map {_size(result)}, stride {stride}')
    panels = list(zip(titles, (padded, np.asarray(kernel, float), result), strict=True))
    row, column = at[0] * stride, at[1] * stride
    window = padded[row : row + side, column : column + side]
    products = ' '.join(_minus(product, '+g') for product in (window * kernel).ravel() if product)
    note = f'in the frame: {products} = {_minus(result[at])}' if products else 'in the frame: all products are 0'
    figure, (left, middle, right) = _row(panels, note=note, between='∗=')
    for axes, (_, values) in zip((left, middle, right), panels, strict=True):
        _cells(axes, values, 0, max(np.abs(values).max(), 1), frame=padding if axes is left else 0)
    if at[1] + 1 < result.shape[1]:
        _outline(left, row, column + stride, side, linestyle=(0, (3, 2)), linewidth=1.4, edgecolor=MUTED)
        _outline(right, at[0], at[1] + 1, 1, linestyle=(0, (3, 2)), linewidth=1.4, edgecolor=MUTED)
    _outline(left, row, column, side)
    _outline(right, *at, 1)
    return figure


@matplotlib.rc_context(STYLE)
def pooling(values: np.ndarray, window: int, digits: int = 2, title: str = 'map') -> Figure:
    """A map (h, w) beside its maximum over windows; windows that hang over the edge are dashed."""
    values = np.asarray(values, float)
    result = max_pool(values, window)
    panels = [(f'{title} {_size(values)}', values), (f'maxima of {window}×{window} windows: {_size(result)}', result)]
    over = result.shape[0] * window - values.shape[0]
    note = f'the last windows hang {over} cell{"s" * (over > 1)} over the edge, which is left out' if over else ''
    figure, (left, right) = _row(panels, note=note, between='→', hang=over)
    largest = np.abs(values).max()
    for axes, (_, numbers) in zip((left, right), panels, strict=True):
        _cells(axes, numbers, digits, largest)
    for row, column in np.ndindex(*result.shape):
        inside = max(row, column) * window + window <= min(values.shape)
        style = {} if inside else {'linestyle': (0, (3, 2)), 'edgecolor': MUTED, 'zorder': 3}
        _outline(left, row * window, column * window, window, **{'linewidth': 1.3, **style})
        _outline(right, row, column, 1, **{'linewidth': 1.3, **style})
    return figure


@matplotlib.rc_context(STYLE)
def images(panels: Mapping[str, np.ndarray], signed: bool = False, columns: int = 4, inches: float = 2.0) -> Figure:
    """Images or maps (h, w) without numbers: in grey, black at the lowest value, or if `signed` in blue and orange."""
    named = [(title, np.asarray(values, float)) for title, values in panels.items()]
    figure, all_axes = _row(named, columns=columns, cell=inches / max(max(v.shape) for _, v in named), gap=0.3)
    for axes, (_, values) in zip(all_axes, named, strict=True):
        _picture(axes, values, signed and values.min() < 0)
    return figure


@matplotlib.rc_context(STYLE)
def pointwise(inputs: Mapping[str, np.ndarray], weights: Mapping[str, Sequence[float]]) -> Figure:
    """A 1x1 convolution: input maps (h, w) above, output maps with their weights below.

    `weights` has an entry per output map, with one weight per input map.
    """
    stack = np.stack(list(inputs.values()), axis=-1)
    filters = [np.reshape(weight, (1, 1, -1)) for weight in weights.values()]
    made = convolve(stack, filters)
    named = [(f'in: {title}', values) for title, values in inputs.items()]
    for channel, (title, weight) in enumerate(weights.items()):
        terms = '(' + ', '.join(map(_minus, weight)) + ')'
        named.append((f'out: {title}\n{terms}', made[..., channel]))
    figure, all_axes = _row(named, columns=len(inputs), cell=1.9 / max(stack.shape[:2]), gap=0.3, title=0.5)
    for axes, (_, values) in zip(all_axes, named, strict=True):
        _picture(axes, values, signed=bool(values.min() < 0))
    return figure


def visible(stack: Sequence[tuple[int, int]], size: int) -> list[np.ndarray]:
    """Masks (h, w), bool, of what the middle output of `stack` sees: in the image, in the first map, and so on.

    `stack` has the (kernel, stride) of each layer, padded by half the kernel. A pixel is seen if the output has a
    gradient with respect to it, all weights being 1.
    """
    maps = [jnp.ones((1, size, size, 1))]
    for layer in stack:
        maps.append(_through([layer], maps[-1]))

    def middle(x, first):
        y = _through(stack[first:], x)
        return y[0, y.shape[1] // 2, y.shape[2] // 2, 0]

    return [np.asarray(jax.grad(middle)(x, first)[0, ..., 0]) != 0 for first, x in enumerate(maps)]


def field_table(stack: Mapping[str, tuple[int, int]], size: int) -> pd.DataFrame:
    """Receptive field of each layer's outputs in the image, as `complexity` reads it off the jaxpr and by gradient.

    `stack` as in `receptive_field`. The gradient gives less where the field reaches beyond the image.
    """
    layers = list(stack.values())
    counted = model_receptive_fields(_Ones(tuple(layers)), (size, size, 1)).layers
    rows = {
        name: {
            'distance of neighbours': field.jump[0],
            'field': field.size[0],
            'field, by gradient': len(_box(visible(layers[:number], size)[0])),
        }
        for number, (name, field) in enumerate(zip(stack, counted, strict=True), 1)
    }
    return pd.DataFrame.from_dict(rows, orient='index').rename_axis('layer')


class _Ones(nn.Module):
    """A stack of one-channel convolutions on x (n, h, w, 1), all weights 1."""

    stack: tuple[tuple[int, int], ...]

    @nn.compact
    def __call__(self, x):
        for number, (kernel, stride) in enumerate(self.stack):
            x = conv(1, kernel, stride, use_bias=False, kernel_init=nn.initializers.ones, name=f'layer{number}')(x)
        return x


def _through(stack: Sequence[tuple[int, int]], x: jax.Array) -> jax.Array:
    return _Ones(tuple(stack)).init_with_output(jax.random.key(0), x)[0]


@matplotlib.rc_context(STYLE)
def receptive_field(stack: Mapping[str, tuple[int, int]], size: int) -> Figure:
    """The receptive field of the middle output of a stack of layers, map by map, back to an image of side `size`.

    `stack` has the name, kernel and stride of each layer. The output depends on the filled cells.
    """
    fields = visible(list(stack.values()), size)
    titles = [f'image, {_size(fields[0])}', *(f'after {n}, {_size(f)}' for n, f in zip(stack, fields[1:], strict=True))]
    panels = [(f'{t}\nsees {_size(_box(field))}', field) for t, field in zip(titles, fields, strict=True)]
    panels[-1] = (f'{titles[-1]}\nthis output', fields[-1])
    figure, all_axes = _row(panels, cell=min(0.14, 2.3 / size), title=0.55, between='→' * len(stack), gap=0.4)
    for axes, field in zip(all_axes, fields, strict=True):
        for row, column in np.ndindex(*field.shape):
            fill = (_ORANGE if axes is all_axes[-1] else _faint(_BLUE, 0.75)) if field[row, column] else CARD
            axes.add_patch(Rectangle((column, row), 1, 1, facecolor=fill, edgecolor=GRID, linewidth=0.5))
        axes.add_patch(
            Rectangle((0, 0), *field.shape[::-1], fill=False, clip_on=False, edgecolor=LEADER, linewidth=0.8)
        )
    return figure


def _box(field: np.ndarray) -> np.ndarray:
    """The bounding box of the True cells of `field`."""
    rows, columns = np.nonzero(field)
    return field[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


def _minus(value: float, form: str = 'g') -> str:
    return f'{value:{form}}'.replace('-', '−')


def _size(values: np.ndarray) -> str:
    return '×'.join(map(str, np.shape(values)))


def _row(
    panels: Sequence[Panel],
    note: str = '',
    between: str = '',
    columns: int | None = None,
    cell: float = CELL,
    gap: float = _GAP,
    title: float = _TITLE,
    hang: float = 0,
) -> tuple[Figure, list[Axes]]:
    """A figure with one axes per panel: one unit per cell, y downward, titles above, `note` below.

    `between` holds the signs in the gaps; `hang` is the number of cells to leave free to the right of and below each
    matrix.
    """
    columns = columns or len(panels)
    rows = [panels[start : start + columns] for start in range(0, len(panels), columns)]
    widths = [max(_wide(row[i], cell, hang) for row in rows if i < len(row)) for i in range(min(columns, len(panels)))]
    heights = [max(values.shape[0] + hang for _, values in row) * cell for row in rows]
    wide = max(sum(widths) + gap * (len(widths) - 1), _LETTER * len(note)) + 2 * _MARGIN
    high = sum(heights) + title * len(rows) + (_NOTE if note else _MARGIN)
    figure = Figure(figsize=(wide, high))
    placed = []
    for (text, values), left, top, height in _places(rows, widths, heights, gap, title):
        h, w = np.array(values.shape) * cell
        bottom = high - top - title - height + (height - hang * cell - h) / 2 + hang * cell
        axes = figure.add_axes((left / wide, bottom / high, w / wide, h / high))
        axes.set(xlim=(0, values.shape[1]), ylim=(values.shape[0], 0))
        axes.set_axis_off()
        figure.text(left / wide, (bottom + h + 0.08) / high, text, ha='left', va='bottom', fontsize=9, linespacing=1.3)
        placed.append(axes)
    for sign, axes, width in zip(between, placed, widths, strict=False):
        box = axes.get_position()
        x = box.x0 + (width + gap / 2) / wide
        figure.text(x, (box.y0 + box.y1) / 2, sign, ha='center', va='center', fontsize=14, color=MUTED)
    figure.text(_MARGIN / wide, 0.12 / high, note, ha='left', va='bottom', color=MUTED)
    return figure, placed


def _wide(panel: Panel, cell: float, hang: float) -> float:
    title, values = panel
    return max((values.shape[1] + hang) * cell, max(map(len, title.split('\n'))) * _LETTER)


def _places(rows, widths, heights, gap, title) -> Iterator[tuple[Panel, float, float, float]]:
    """Each panel with its left edge and the top and height of its row."""
    top = 0.0
    for row, height in zip(rows, heights, strict=True):
        for number, panel in enumerate(row):
            yield panel, _MARGIN + sum(widths[:number]) + gap * number, top, height
        top += height + title


def _cells(axes: Axes, values: np.ndarray, digits: int, largest: float, frame: int = 0) -> None:
    """Draw a matrix with its numbers; the outermost `frame` cells are padding."""
    height, width = values.shape
    for row, column in np.ndindex(height, width):
        value = values[row, column]
        padding = not (frame <= row < height - frame and frame <= column < width - frame)
        fill = GRID if padding else SIGNED(0.5 + 0.5 * value / largest)
        axes.add_patch(Rectangle((column, row), 1, 1, facecolor=fill, edgecolor=CARD, linewidth=0.8))
        text = _minus(value, f'.{digits}f') if value else '0'
        colour = LEADER if padding else INK
        size = 7.5 if len(text) > 3 else 9
        axes.text(column + 0.5, row + 0.53, text, ha='center', va='center', fontsize=size, color=colour)
    _border(axes, values)


def _picture(axes: Axes, values: np.ndarray, signed: bool) -> None:
    largest = np.abs(values).max() or 1
    low = -largest if signed else min(values.min(), 0)
    colours = {'cmap': SIGNED} if signed else {'cmap': 'gray'}
    extent = (0, values.shape[1], values.shape[0], 0)
    axes.imshow(values, extent=extent, vmin=low, vmax=largest, interpolation='nearest', aspect='auto', **colours)
    axes.add_patch(Rectangle((0, 0), *values.shape[::-1], fill=False, clip_on=False, edgecolor=LEADER, linewidth=0.8))


def _outline(axes: Axes, row: int, column: int, side: int, **style) -> None:
    axes.add_patch(Rectangle((column, row), side, side, clip_on=False, **{**_MARK, **style}))


def _border(axes: Axes, values: np.ndarray) -> None:
    style = {'fill': False, 'clip_on': False, 'edgecolor': LEADER, 'linewidth': 0.8}
    axes.add_patch(Rectangle((0, 0), *values.shape[::-1], **style))
