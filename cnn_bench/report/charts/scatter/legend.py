"""Legends: to the right of the axes, where they cover no point, or below them in a narrow figure."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.transforms import ScaledTranslation

from cnn_bench.analysis.lineage import of_family
from cnn_bench.format import human
from cnn_bench.report.charts.scatter import marks, recipes
from cnn_bench.report.charts.scatter.spec import Scatter
from cnn_bench.report.charts.style import CARD, INK, LEADER, MARGIN, MUTED, SEED, Shape, current, looks, shorten
from cnn_bench.report.charts.style import text_width as width_of

BAR = {'fmt': 'none', 'elinewidth': 1.0, 'capsize': 2.2}
ARROW = {up: {'s': 34.0, 'marker': (3, 0, 0 if up else 180), 'linewidth': 0} for up in (True, False)}
_GAP, _BETWEEN, _KEY = 0.22, 0.28, 0.4  # inches: beside the axes, between two groups, of a mark beside its name
_FAMILY_AREA = 43.0
_LOOSE = 0.55  # of the font size, between two lines

Entries = list[tuple[str, object]]  # name and handle; without a handle a heading
Group = tuple[str | None, Entries, float]  # title, entries, space between two lines


def of_scatter(axes: Axes, chart: Scatter, scale: marks.AreaScale) -> list[Group]:
    """What the marks and lines of a scatter chart mean."""
    lines = recipes.of_fronts(chart.points)
    if any(len(point.seeds) > 1 for point in chart.points):
        lines['one seed'] = Line2D([], [], ls='', marker='o', color=INK, mec=CARD, mew=0.6, ms=math.sqrt(SEED['s']))
    if any(point.half_width > 0 for point in chart.points):
        lines['95 % interval'] = axes.errorbar([], [], yerr=[], color=MUTED, **BAR)
    rest = [of_areas('Parameters', scale), (None, [*lines.items()], _LOOSE)]
    if shapes := [(name, _mark(shape, MUTED, _FAMILY_AREA)) for name, shape in recipes.shapes(chart.points)]:
        lineages = [(name, _mark('o', colour, _FAMILY_AREA)) for name, colour in recipes.lineages(chart.points)]
        return [(chart.kinds, lineages, _LOOSE), ('Recipe', shapes, _LOOSE), *rest]
    return [of_families(chart.kinds, [point.family for point in chart.points]), *rest]


def of_families(title: str, families: Sequence[str]) -> Group:
    """The group that tells families by their marks, those of a lineage below its name where there are several."""
    found = {name: _mark(shape, colour, _FAMILY_AREA) for name, (colour, shape) in looks(families).items()}
    lineages = [of_family(name) for name in found]
    entries: Entries = []
    for name, mark in found.items():
        lineage = of_family(name)
        several = len(set(lineages)) > 1 and lineages.count(lineage) > 1
        if several and name == next(other for other in found if of_family(other) == lineage) and not current().narrow:
            entries.append((lineage, None))
        alone = len(set(lineages)) > 1 and not several
        entries.append((shorten(lineage if alone else name), mark))
    alike = title == 'Lineage' and len(set(lineages)) == 1
    return 'Family' if alike else title, entries, _LOOSE


def of_areas(title: str, scale: marks.AreaScale) -> Group:
    """The group that tells what the areas of marks mean, and which are too small to be drawn to scale."""
    blobs = [(human(step), _mark('o', LEADER, scale.area(step))) for step in scale.steps()]
    if scale.clamped:
        blobs.append((f'< {human(scale.least)}, not to scale', _mark('o', LEADER, marks.LEAST_AREA, hollow=True)))
    tallest = max((blob.get_markersize() for _, blob in blobs), default=0)
    return title, blobs, max(_LOOSE, 0.9 * (tallest / current().label - 1))


def beside(axes: Axes, groups: Sequence[Group]) -> tuple[float, float]:
    """Draw groups below one another beside `axes`; return their width, with the gap, and height in inches."""
    down = right = 0.0
    for group in groups:
        place = axes.transAxes + ScaledTranslation(_GAP, -down, axes.figure.dpi_scale_trans)
        _, width, height = _add(axes.figure, group, loc='upper left', bbox_to_anchor=(1, 1), bbox_transform=place)
        down += height + _BETWEEN
        right = max(right, width)
    return _GAP + right + MARGIN, down - _BETWEEN


def below(figure: Figure, groups: Sequence[Group], up: float = 0.0, gid: str | None = None) -> float:
    """Draw groups in columns, `up` inches above the bottom of a figure, and return the inches that they take.

    gid: before the number of an entry, that of its text.
    """
    start = up = MARGIN + up
    for group in reversed(groups):
        widths, room = [width_of([name]) + _KEY for name, _ in group[1]], current().width - MARGIN
        columns = len(widths) if sum(widths) < room else int(room / max(widths))
        place = {'loc': 'lower left', 'bbox_to_anchor': (MARGIN, up), 'bbox_transform': figure.dpi_scale_trans}
        drawn, _, height = _add(figure, group, ncols=max(1, columns), columnspacing=0.8, **place)
        for i, text in enumerate(drawn.get_texts() if gid else ()):
            text.set_gid(f'{gid}{i}')
        up += height + _GAP / 2
    return up - start


def _mark(shape: Shape, colour: str, area: float, hollow: bool = False) -> Line2D:
    unit_area, _ = marks.shape_scale(shape)
    face = {'mfc': CARD, 'mew': marks.HOLLOW} if hollow else {'mew': 0}
    return Line2D([], [], ls='', marker=shape, color=colour, ms=math.sqrt(area / unit_area), **face)


def _add(figure: Figure, group: Group, **place) -> tuple[Legend, float, float]:
    """Draw one group; return it with its width and height in inches."""
    title, entries, spacing = group
    names, handles = zip(*entries, strict=True)
    size = current().label
    drawn = figure.legend(
        [handle or Line2D([], [], ls='') for handle in handles], names,
        title=title, labelspacing=spacing, alignment='left', frameon=False, borderpad=0, borderaxespad=0,
        handletextpad=0.9, fontsize=size, title_fontproperties={'weight': 'bold', 'size': size}, **place,
    )  # fmt: skip
    for text, handle in zip(drawn.get_texts(), handles, strict=True):
        text.set_color(INK if handle else MUTED)
    extent = drawn.get_window_extent().transformed(figure.dpi_scale_trans.inverted())
    return drawn, extent.width, extent.height
