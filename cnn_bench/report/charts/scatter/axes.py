"""The axes of charts of marks: limits with room for the marks, round numbers at the ticks."""

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

from cnn_bench.report.charts.style import STYLE, log_ticks, plain_axes, ticks

_LEAST_LOG = 0.3  # powers of ten that a log axis spans at least


def set_limits(
    axes: Axes,
    x: np.ndarray,
    y: np.ndarray,
    reach: float,
    *,
    log_x: bool,
    least: tuple[float, float],
    write: tuple[Callable[[float], str], Callable[[float], str]],
    stop: float = np.inf,
) -> None:
    """Limits around `x` and `y`, with room for marks of `reach` pixels; `write` writes the numbers at their ticks.

    least: how far the ends of linear axes are apart at least. Ticks of y end at `stop`.
    """
    box = axes.get_window_extent()
    if log_x:
        axes.set_xscale('log')
        axes.set_xlim(10 ** _padded(np.log10(x), reach / box.width, _LEAST_LOG))
        places = log_ticks(*axes.get_xlim(), box.width / STYLE['figure.dpi'])
    else:
        axes.set_xlim(_padded(x, reach / box.width, least[0]))
        places = ticks(max(0, axes.get_xlim()[0]), axes.get_xlim()[1], most=min(8, int(box.width / 50)))
    axes.set_ylim(_padded(y, reach / box.height, least[1]))
    low, high = axes.get_ylim()
    every = places, ticks(max(0, low), min(high, stop), most=10)
    for axis, at, text in zip((axes.xaxis, axes.yaxis), every, write, strict=True):
        axis.set_major_locator(FixedLocator(at))
        axis.set_major_formatter(FuncFormatter(lambda value, _, text=text: text(value)))
        axis.set_minor_formatter(NullFormatter())
    plain_axes(axes)


def _padded(values: np.ndarray, radius: float, least: float) -> np.ndarray:
    """Axis limits around values, with room for marks of `radius`, a fraction of the axis; at least `least` apart."""
    low, high = values.min(), values.max()
    if high - low < least:
        low, high = (low + high - least) / 2, (low + high + least) / 2
    share = min(max(0.08, radius + 0.01), 0.3)
    pad = share / (1 - 2 * share) * (high - low)
    return np.array([low - pad, high + pad])
