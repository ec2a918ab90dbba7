"""What lies beyond the error axis of a scatter chart: collapsed seeds and long intervals, clipped to arrows.

The axis is set by the means of networks that learned, and by their seeds and intervals as far as these do not squeeze
the rest: neither a collapsed run nor an interval over two seeds counts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from cnn_bench.analysis.summary import SeedError
from cnn_bench.format import percent
from cnn_bench.report.charts.scatter.spec import Point

RADIUS = 4.0  # points, of an arrow
_FEWEST = 3  # seeds whose interval counts for the axis
_LONGEST = 0.3  # of the range of the means, that an interval or a seed may add to it
_EDGE = 0.02  # of the axis: where arrows stand


@dataclass(frozen=True)
class Arrow:
    """The seeds of a point that lie beyond the axis: an arrow at (x, y), and a line to it from `start`."""

    point: int
    x: float
    y: float
    start: float
    up: bool
    text: str


def extent(points: Sequence[Point]) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest error `(n,)` that the axis shows of each network that learned, or of all where none did."""
    learned = [point for point in points if point.learned or not point.seeds] or points
    room = _LONGEST * max(np.ptp([point.y for point in learned]), 1)
    lows, highs = [], []
    for point in learned:
        counts = point.half_width > 0 and not 0 < point.learned < _FEWEST
        ends = [point.y - point.half_width, point.y + point.half_width] if counts else []
        seeds = [seed.error for seed in point.seeds if not seed.collapsed]
        lows.append(max(min([point.y, *ends, *seeds]), point.y - room))
        highs.append(min(max([point.y, *ends, *seeds]), point.y + room))
    return np.array(lows), np.array(highs)


def inside(axes: Axes, error: float) -> float:
    """`error`, or where an arrow stands for it, near the edge of the axis."""
    low, high = axes.get_ylim()
    edge = _EDGE * (high - low)
    return error if low <= error <= high else float(np.clip(error, low + edge, high - edge))


def arrows(axes: Axes, points: Sequence[Point]) -> list[Arrow]:
    """An Arrow for each point and side where seeds lie beyond the axis, but for points that do so themselves."""
    found = []
    for i, point in enumerate(points):
        if len(point.seeds) < 2 or inside(axes, point.y) != point.y:
            continue
        for up in (False, True):
            seeds = [seed for seed in point.seeds if (seed.error > point.y) == up and _is_beyond(axes, seed.error)]
            if seeds:
                found.append(Arrow(i, point.x, inside(axes, seeds[0].error), point.y, up, _seeds(seeds)))
    return found


def figure(error: float) -> str:
    """An error as it stands beside an arrow."""
    return percent(error, 1)


def _is_beyond(axes: Axes, error: float) -> bool:
    return inside(axes, error) != error


def _seeds(seeds: Iterable[SeedError]) -> str:
    """'seed 1: 90.0 %', 'seeds 1, 2: 88.1 to 90.0 %'."""
    errors = sorted(seed.error for seed in seeds)
    names = ', '.join(f'{seed.seed:.0f}' for seed in seeds if seed.seed == seed.seed)
    span = figure(errors[0]) if errors[0] == errors[-1] else f'{errors[0]:.1f} to {figure(errors[-1])}'
    return f'seed{"s" if len(errors) > 1 else ""} {names}: {span}'
