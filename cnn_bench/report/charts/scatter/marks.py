"""The size of each mark: areas proportional to parameters."""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.markers import MarkerStyle

from cnn_bench.report.charts.style import CARD, Shape, current

LEAST_AREA = 6.0  # pt²: a smaller mark would be lost
_ONE_AREA = 43.0  # pt², of all marks where areas mean nothing
HOLLOW = 0.7  # points, the line around a mark that is not to scale
_LARGEST, _CROWD = 700.0, 33_000.0  # pt² of the largest mark, of all marks if they were as large; on the page


class Sizes(NamedTuple):
    """Size of each mark: matplotlib's `s`, in pixels the radius `reach` of the circle around it and the radius `body`
    of a circle with its area, and whether it is to scale; those that are not are hollow."""

    s: np.ndarray
    reach: np.ndarray
    body: np.ndarray
    to_scale: np.ndarray


def sizes(points: Iterable, scale: 'AreaScale', shapes: Iterable[Shape], pixels_per_point: float) -> Sizes:
    """The sizes of the marks of chart points (with `params`), which have these shapes."""
    s, reach, body, to_scale = [], [], [], []
    for point, shape in zip(points, shapes, strict=True):
        area = scale.area(point.params)
        unit_area, unit_radius = shape_scale(shape)
        s.append(area / unit_area)
        reach.append(unit_radius * math.sqrt(s[-1]) * pixels_per_point)
        body.append(math.sqrt(area / math.pi) * pixels_per_point)
        to_scale.append(scale.to_scale(point.params))
    return Sizes(*map(np.array, (s, reach, body, to_scale)))


def draw(axes: Axes, x: float, y: float, look: tuple[str, Shape], sizes: Sizes, i: int, **options) -> None:
    """Draw the mark number i of a chart at (x, y): filled where it is to scale."""
    colour, shape = look
    face = {'facecolor': colour, 'edgecolor': CARD, 'alpha': 0.75, 'linewidth': HOLLOW}
    hollow = {'facecolor': CARD, 'edgecolor': colour, 'linewidth': HOLLOW}
    axes.scatter(x, y, s=sizes.s[i], marker=shape, **(face if sizes.to_scale[i] else hollow), **options)


class AreaScale:
    """Parameters -> area of the mark in pt²: proportional, but for marks below a minimum, which are `clamped`.

    The more marks and the smaller the figure, the smaller they are.
    """

    def __init__(self, params: list[float]):
        known = [p for p in params if np.isfinite(p) and p > 0]
        self._meant = bool(known)
        known = known or [1.0]
        share = min(1.0, current().width / 10.5)
        self._per_parameter = share * float(np.clip(_CROWD / len(params), 260, _LARGEST)) / max(known)
        self.least = LEAST_AREA / self._per_parameter
        self.clamped = not all(map(self.to_scale, params))
        self._most = max(known)

    def to_scale(self, params: float) -> bool:
        """Whether the area of a mark is proportional; not where its parameters are few or unknown."""
        return not self._meant or bool(np.isfinite(params) and params >= self.least)

    def area(self, params: float) -> float:
        """Area in pt²; the minimum where it is not to scale."""
        if not self._meant:
            return _ONE_AREA
        return params * self._per_parameter if self.to_scale(params) else LEAST_AREA

    def steps(self) -> list[float]:
        """Round parameter counts for the legend, in descending order."""
        first = _round_down(self._most)
        steps = [first, _round_down(first / 4), _round_down(first / 16)]
        return [step for step in steps if step > 2 * self.least]


def shape_scale(shape: Shape) -> tuple[float, float]:
    """(area, circumradius) of a marker at matplotlib's size s = 1. At the same s, areas of shapes differ by half."""
    style = MarkerStyle(shape)
    path = style.get_path().transformed(style.get_transform())
    (polygon, *_) = path.to_polygons()
    x, y = polygon.T
    area = 0.5 * abs(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1]))
    return float(area), float(np.hypot(x, y).max())


def _round_down(value: float) -> float:
    """The largest number up to `value` of the form 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value))
    return max(m for m in (1, 2, 5) if m * power <= value * (1 + 1e-9)) * power
