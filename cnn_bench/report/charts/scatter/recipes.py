"""How a chart of published results tells kinds of recipes apart: by the shapes of marks and the dashes of fronts.

Colour tells the lineage, and a line joins the marks of one network, which differ in how it was trained alone.
"""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from cnn_bench.analysis.lineage import LINEAGES, of_family
from cnn_bench.analysis.published import MODERN, MORE_DATA, REGULARISED, SIMPLE, UNSTATED
from cnn_bench.report.charts.scatter.spec import OWN, Point, Scatter
from cnn_bench.report.charts.style import HUES, LEADER, MUTED, OTHER, Shape
from cnn_bench.report.charts.style import looks as of_families

FRONT = {'color': MUTED, 'lw': 1.1, 'dashes': (4, 3)}
_SHAPES: dict[str, Shape] = {OWN: 'D', SIMPLE: 'o', REGULARISED: 's', MODERN: (3, 0, 0), MORE_DATA: '*', UNSTATED: 'X'}
_DASHES = {SIMPLE: (4, 3), REGULARISED: (1.2, 1.6), MODERN: (9, 2.5)}
_JOIN = {'color': LEADER, 'lw': 0.8, 'alpha': 0.7, 'zorder': 1.4}


def looks(points: Sequence[Point]) -> list[tuple[str, Shape]]:
    """Colour and shape of each mark: the shape tells the recipe where points have one, else the family."""
    found = of_families([point.family for point in points])
    return [
        (HUES.get(of_family(point.family), HUES[OTHER]), _SHAPES[point.recipe]) if point.recipe else found[point.family]
        for point in points
    ]


def lineages(points: Sequence[Point]) -> list[tuple[str, str]]:
    """Name and colour of each lineage of the points."""
    there = {of_family(point.family) for point in points}
    ordered = [*(name for name in LINEAGES if name in there), *sorted(there.difference(LINEAGES))]
    return [(name, HUES.get(name, HUES[OTHER])) for name in ordered]


def shapes(points: Sequence[Point]) -> list[tuple[str, Shape]]:
    """Name and shape of each kind of recipe of the points."""
    there = {point.recipe for point in points}
    return [(name, shape) for name, shape in _SHAPES.items() if name in there]


def front(among: str) -> dict:
    """The line of the front of points `among` one another."""
    return FRONT | {'dashes': _DASHES.get(among.rpartition(', ')[2], FRONT['dashes'])}


def of_fronts(points: Sequence[Point]) -> dict[str, Line2D]:
    """Name and line of the fronts, for the legend."""
    recipes = [name for name, _ in shapes(points) if any(point.on_front for point in points if point.recipe == name)]
    return {f'Pareto front, {name}': Line2D([], [], **front(name)) for name in recipes} or {
        'Pareto front': Line2D([], [], **FRONT)
    }


def joins(chart: Scatter) -> list[tuple[float, float, float, float]]:
    """Segments x0, y0, x1, y1 between the marks of each network, from the least error to the greatest."""
    of: dict[str, list[tuple[float, float]]] = {}
    for point in chart.points:
        if point.network:
            of.setdefault(point.network, []).append((point.y, point.x))
    return [
        (x0, y0, x1, y1)
        for places in of.values()
        for (y0, x0), (y1, x1) in zip(sorted(places)[:-1], sorted(places)[1:], strict=True)
    ]


def join(axes: Axes, chart: Scatter) -> None:
    """Draw the joins."""
    for x0, y0, x1, y1 in joins(chart):
        axes.plot([x0, x1], [y0, y1], **_JOIN)
