"""The legend of a scatter chart: families, sizes and lines, to the right of the axes, where it covers no point."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.transforms import ScaledTranslation

from cnn_bench.report.charts.scatter import marks
from cnn_bench.report.charts.scatter.spec import Scatter
from cnn_bench.report.charts.style import CARD, INK, LEADER, MUTED, SEED, Shape, shorten
from cnn_bench.report.format import human

FRONT = {'color': MUTED, 'lw': 1.1, 'dashes': (4, 3)}
BAR = {'fmt': 'none', 'elinewidth': 1.0, 'capsize': 2.2}
ARROW = {up: {'s': 34.0, 'marker': (3, 0, 0 if up else 180), 'linewidth': 0} for up in (True, False)}
_GAP, _BETWEEN, _MARGIN = 0.22, 0.28, 0.15  # inches: beside the axes, between two groups, to the figure's edge
_FONT, _FAMILY_AREA = 8.5, 43.0
_LOOSE = 0.55  # of the font size, between two lines

Entries = list[tuple[str, object]]  # name and handle
Group = tuple[str | None, Entries, float]  # title, entries, space between two lines


def add(axes: Axes, chart: Scatter, scale: marks.AreaScale, style: dict) -> tuple[float, float]:
    """Draw the legend beside `axes`, level with their top; return its width, with the gap, and height in inches."""
    lines = {'Pareto front': Line2D([], [], **FRONT)}
    if any(len(point.seeds) > 1 for point in chart.points):
        lines['one seed'] = Line2D([], [], ls='', marker='o', color=INK, mec=CARD, mew=0.6, ms=math.sqrt(SEED['s']))
    if any(point.half_width > 0 for point in chart.points):
        lines['95 % interval'] = axes.errorbar([], [], yerr=[], color=MUTED, **BAR)
    return stack(
        axes, [of_families(chart.kinds, style), of_areas('Parameters', scale), (None, [*lines.items()], _LOOSE)]
    )


def of_families(title: str, style: dict) -> Group:
    """The group that tells the families of a `style` (family -> colour and shape) by their marks."""
    return (
        title,
        [(shorten(name), _mark(shape, colour, _FAMILY_AREA)) for name, (colour, shape) in style.items()],
        _LOOSE,
    )


def of_areas(title: str, scale: marks.AreaScale) -> Group:
    """The group that tells what the areas of marks mean."""
    areas = {human(step): scale.area(step) for step in scale.steps()}
    if scale.any_at_least:
        areas[f'up to {human(scale.least)}'] = marks.LEAST_AREA
    blobs = [(name, _mark('o', LEADER, area)) for name, area in areas.items()]
    tallest = max((blob.get_markersize() for _, blob in blobs), default=0)
    return title, blobs, max(_LOOSE, 0.9 * (tallest / _FONT - 1))


def stack(axes: Axes, groups: Sequence[Group]) -> tuple[float, float]:
    """Draw groups below one another beside `axes`; return their width, with the gap, and height in inches."""
    down = right = 0.0
    for title, entries, spacing in groups:
        names, handles = zip(*entries, strict=True)
        width, height = _group(axes, down, title=title, handles=handles, labels=names, labelspacing=spacing)
        down += height + _BETWEEN
        right = max(right, width)
    return _GAP + right + _MARGIN, down - _BETWEEN


def _mark(shape: Shape, colour: str, area: float) -> Line2D:
    unit_area, _ = marks.shape_scale(shape)
    return Line2D([], [], ls='', marker=shape, color=colour, mew=0, ms=math.sqrt(area / unit_area))


def _group(axes: Axes, down: float, **content) -> tuple[float, float]:
    """Draw one group, `down` inches below the top of the axes; return its width and height in inches."""
    dpi_scale = axes.figure.dpi_scale_trans
    group = axes.legend(
        loc='upper left', bbox_to_anchor=(1, 1),
        bbox_transform=axes.transAxes + ScaledTranslation(_GAP, -down, dpi_scale),
        alignment='left', frameon=False, borderpad=0, borderaxespad=0, handletextpad=0.9,
        fontsize=_FONT, title_fontproperties={'weight': 'bold', 'size': 9}, **content,
    )  # fmt: skip
    group.remove()  # `axes.legend` holds the latest only
    axes.add_artist(group)
    group.set_clip_on(False)  # or a tight bounding box, as notebooks save figures with, leaves it out
    extent = group.get_window_extent().transformed(dpi_scale.inverted())
    return extent.width, extent.height
