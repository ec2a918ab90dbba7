"""Lines of many networks in one panel: how each looks, and their names in a column beside the axes."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from cnn_bench.report.charts.scatter import legend
from cnn_bench.report.charts.style import COLOURS, LEADER, MARGIN, SHAPES, current, text_width
from cnn_bench.report.charts.style import looks as of_families
from cnn_bench.report.format import percent, tick
from cnn_bench.report.lineage import of_family

DASHES = ('-', (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)))
LINE = {'linewidth': 1.5, 'markersize': 4.5, 'markeredgewidth': 0}
APART = 0.175  # inches between two names
_KEY, _REACH, _GAP = 0.34, 0.3, 0.08  # inches


def look(place: int) -> dict:
    """Colour, dashes and marker of line number `place`: 308 distinct ones, 44 of them distinct in grey too."""
    shape, dash = SHAPES[place % len(SHAPES)], DASHES[place % len(DASHES)]
    return {'color': COLOURS[place % len(COLOURS)], 'linestyle': dash, 'marker': shape}


def looks(families: Sequence[str]) -> list[dict]:
    """The look of a line of each of `families`: colour tells the lineage, dashes and marker the place within it.

    Where all are of one lineage, `look` of each.
    """
    if len(set(map(of_family, families))) < 2:
        return [look(place) for place in range(len(families))]
    seen: Counter[str] = Counter()
    found, colours = [], of_families(families)
    for family in families:
        found.append({**look(seen[of_family(family)]), 'color': colours[family][0]})
        seen[of_family(family)] += 1
    return found


def room_for(figure: Figure, labels: list[str], looks: Sequence[dict]) -> tuple[float, float]:
    """Inches that these names need right of the axes and below them, where they are drawn if the figure is narrow."""
    if not current().narrow:
        return _REACH + _KEY + text_width(labels) + _GAP + MARGIN, 0.0
    entries = [(label, Line2D([], [], **LINE, **one)) for label, one in zip(labels, looks, strict=True)]
    return MARGIN, legend.below(figure, [(None, entries, 0.4)], gid='label-')


def style_axes(axes: Axes) -> None:
    """Plain numbers at the ticks, a grid behind the lines, and no frame above and to the right."""
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
    axes.tick_params(length=3)
    axes.grid(True)
    axes.set_axisbelow(True)
    axes.spines[['top', 'right']].set_visible(False)


def name_or_end(name: str, last: float, top: float) -> str:
    """The name of a line, with an arrow and its last error in per cent where that is above the axis."""
    return f'{name} ↑ {percent(last, 1)}' if last > top else name


def add_names(axes: Axes, labels: list[str], ends: list[tuple[float, float]], looks: Sequence[dict]) -> None:
    """Draw a column of names right of the axes, each with a sample of its line and a thin line to its end (x, y).

    Names have the gid `label-<i>`. They are in the order of the ends, as near to them as fits; ends above or below
    the axes count as their edge. In a narrow figure they stand below the axes already, see `room_for`.
    """
    if current().narrow:
        return
    box = axes.get_window_extent().transformed(axes.figure.dpi_scale_trans.inverted())
    inside = np.clip([axes.transAxes.inverted().transform(axes.transData.transform(end)) for end in ends], 0, 1)
    heights = spread(inside[:, 1] * box.height, APART, box.height)
    start = 1 + _REACH / box.width
    end = start + _KEY / box.width
    style = {'transform': axes.transAxes, 'clip_on': False}
    for i, (label, at) in enumerate(zip(labels, inside, strict=True)):
        y = heights[i] / box.height
        axes.plot([at[0], 1.01, start], [at[1], at[1], y], color=LEADER, linewidth=0.6, zorder=1.8, **style)
        axes.plot([start, (start + end) / 2, end], [y, y, y], markevery=[1], **LINE, **looks[i], **style)
        x = end + _GAP / box.width
        axes.text(
            x, y, label, va='center_baseline', fontsize=current().label, gid=f'label-{i}', transform=axes.transAxes
        )


def spread(wanted: np.ndarray, apart: float, room: float) -> np.ndarray:
    """Positions near the `wanted` ones, in the same order, at least `apart` from each other and within 0 to `room`.

    Positions that would be too close form a block around the mean of those wanted (pool adjacent violators).
    """
    order = np.argsort(wanted, kind='stable')
    blocks: list[list[float]] = []  # sum of the starts that its members want, and their number
    for place in wanted[order]:
        blocks.append([place, 1])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] + apart * blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            total, count = blocks.pop()
            blocks[-1][0] += total - apart * blocks[-1][1] * count
            blocks[-1][1] += count
    starts = np.array([total / count for total, count in blocks])
    placed = np.concatenate(
        [start + apart * np.arange(count) for start, (_, count) in zip(starts, blocks, strict=True)]
    )
    placed = np.minimum(placed, room - apart * np.arange(len(placed) - 1, -1, -1))
    placed = np.maximum(placed, apart * np.arange(len(placed)))
    out = np.empty(len(placed))
    out[order] = placed
    return out
