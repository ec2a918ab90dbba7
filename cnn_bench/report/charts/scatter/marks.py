"""Colour, shape and size of each mark, distinct for colour-blind readers and in black and white."""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from matplotlib.markers import MarkerStyle

from cnn_bench.report.charts.style import COLOURS, SHAPES, Shape

LEAST_AREA = 22.0  # pt²: a smaller mark has no recognisable shape


class Sizes(NamedTuple):
    """Size of each mark: matplotlib's `s`, and in pixels the radius `reach` of the circle around it and the radius
    `body` of a circle with its area."""

    s: np.ndarray
    reach: np.ndarray
    body: np.ndarray


def styles(families: Iterable[str]) -> dict[str, tuple[str, Shape]]:
    """family -> (colour, shape), assigned alphabetically, so that the order of the rows does not matter."""
    names = sorted(set(families))
    return {name: (COLOURS[i % len(COLOURS)], SHAPES[i % len(SHAPES)]) for i, name in enumerate(names)}


def sizes(points: Iterable, scale: 'AreaScale', style: dict, pixels_per_point: float) -> Sizes:
    """The sizes of the marks of chart points (with `params` and `family`)."""
    s, reach, body = [], [], []
    for point in points:
        area = scale.area(point.params)
        unit_area, unit_radius = shape_scale(style[point.family][1])
        s.append(area / unit_area)
        reach.append(unit_radius * math.sqrt(s[-1]) * pixels_per_point)
        body.append(math.sqrt(area / math.pi) * pixels_per_point)
    return Sizes(np.array(s), np.array(reach), np.array(body))


class AreaScale:
    """Parameters -> area of the mark in pt²: proportional above a minimum. The more marks, the smaller they are."""

    def __init__(self, params: list[float]):
        known = [p for p in params if np.isfinite(p) and p > 0] or [1.0]
        largest = float(np.clip(9000 / len(params), 260, 700))
        self._per_parameter = largest / max(known)
        self.least = LEAST_AREA / self._per_parameter
        self.any_at_least = min(known) < self.least
        self._most = max(known)

    def area(self, params: float) -> float:
        """Area in pt²; the minimum where the parameters are unknown."""
        return max(LEAST_AREA, params * self._per_parameter) if np.isfinite(params) else LEAST_AREA

    def steps(self) -> list[float]:
        """Round parameter counts for the legend, in descending order."""
        first = _round_down(self._most)
        steps = [first, _round_down(first / 4), _round_down(first / 16)]
        return [step for step in steps if step > 1.5 * self.least]


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
