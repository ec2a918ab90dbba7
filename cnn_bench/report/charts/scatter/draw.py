"""Draws a scatter chart with matplotlib."""

import math
from dataclasses import replace

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter
from matplotlib.transforms import ScaledTranslation

from cnn_bench.report.charts.scatter import beyond, labels, legend, marks
from cnn_bench.report.charts.scatter.spec import Point, Scatter
from cnn_bench.report.charts.style import (
    BOTTOM,
    CARD,
    LABEL_SIZE,
    LEADER,
    SEED,
    STYLE,
    TOP,
    WIDTH,
    add_titles,
    blank,
    fit,
    log_ticks,
    shorten,
)
from cnn_bench.report.format import human, number

_LEFT = 0.72  # inches
_TALLEST, _GROWTH = 100.0, 1.15  # inches; of the height, from one try to the next
_BESIDE = 5.0  # points from the centre of a mark to the left, where its seeds are
_CLEAR = 3.0  # pixels between a label and the frame


def draw(chart: Scatter) -> Figure:
    """The figure, with gid `point-<i>` and `label-<i>` on the mark and the label of `chart.points[i]`.

    Its height grows until all labels fit: no two touch, and none leaves the axes or covers a mark. Where that would
    take a figure of more than _TALLEST, only the marks on the front are labelled, or none. That holds when it is
    rendered under `matplotlib.rc_context(STYLE)`, as `saving.save` does, since other hinting changes text widths.
    """
    first = min(_TALLEST, 6.0 + 0.05 * max(0, len(chart.points) - 20))
    heights = [first * _GROWTH**k for k in range(1 + int(math.log(_TALLEST / first, _GROWTH)))]
    with matplotlib.rc_context(STYLE):
        for labelled, tall in [*((chart, tall) for tall in heights), *((few, heights[-1]) for few in _fewer(chart))]:
            figure, axes, sizes = _without_labels(labelled, tall)
            if _add_labels(axes, labelled, sizes):
                break
    return figure


def _fewer(chart: Scatter) -> tuple[Scatter, Scatter]:
    """The chart with labels on its front alone, and with none."""
    front, none = ([replace(p, named=p.named and kept and p.on_front) for p in chart.points] for kept in (True, False))
    return replace(chart, points=tuple(front)), replace(chart, points=tuple(none))


def _without_labels(chart: Scatter, height: float) -> tuple[Figure, Axes, marks.Sizes]:
    figure = blank((WIDTH, height))
    axes = figure.add_axes((0, 0, 1, 1))
    style = marks.styles([point.family for point in chart.points])
    scale = marks.AreaScale([point.params for point in chart.points])
    right, tall = legend.add(axes, chart, scale, style)
    height = max(height, TOP + tall + BOTTOM)
    figure.set_figheight(height)
    wide, high = WIDTH - _LEFT - right, height - TOP - BOTTOM
    axes.set_position((_LEFT / WIDTH, BOTTOM / height, wide / WIDTH, high / height))
    sizes = marks.sizes(chart.points, scale, style, STYLE['figure.dpi'] / 72)
    _limits_and_ticks(axes, chart, sizes.reach.max())
    _front(axes, chart)
    _marks(axes, chart, style, sizes)
    add_titles(figure, chart.title, chart.subtitle, _LEFT)
    axes.set_xlabel(fit(chart.x_label, wide, STYLE['font.size']), labelpad=7)
    axes.set_ylabel(chart.y_label, labelpad=7)
    return figure, axes, sizes


def _limits_and_ticks(axes: Axes, chart: Scatter, radius: float) -> None:
    box = axes.get_window_extent()
    x = np.array([point.x for point in chart.points])
    axes.set_ylim(_padded(*beyond.extent(chart.points), radius / box.height, least=1.0))
    if chart.log_x:
        axes.set_xscale('log')
        low, high = _padded(np.log10(x), np.log10(x), radius / box.width, least=0.3)
        axes.set_xlim(10**low, 10**high)
        ticks = log_ticks(*axes.get_xlim())
    else:
        axes.set_xlim(_padded(x, x, radius / box.width, least=0.1 * x.max()))
        ticks = _linear_ticks(*axes.get_xlim(), most=8)
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: human(value)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_locator(FixedLocator(_linear_ticks(*axes.get_ylim(), most=10, stop=100)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f'{value:g}'))
    axes.tick_params(which='both', length=3)
    axes.grid(True)
    axes.set_axisbelow(True)
    axes.spines[['top', 'right']].set_visible(False)


def _padded(lows: np.ndarray, highs: np.ndarray, radius: float, least: float) -> tuple[float, float]:
    """Axis limits with room for marks of `radius`, a fraction of the axis; at least `least` apart."""
    low, high = lows.min(), highs.max()
    if high - low < least:
        low, high = (low + high - least) / 2, (low + high + least) / 2
    share = max(0.08, radius + 0.01)
    pad = share / (1 - 2 * share) * (high - low)
    return low - pad, high + pad


def _linear_ticks(low: float, high: float, most: int, stop: float = math.inf) -> list[float]:
    ticks = MaxNLocator(most, steps=[1, 2, 5, 10]).tick_values(low, high)
    return [tick for tick in ticks if max(low, 0) <= tick <= min(high, stop)]


def _front(axes: Axes, chart: Scatter) -> None:
    """Draw the front of each data set as steps from its cheapest point to the most expensive, and on to the edge."""
    sign = 1 if chart.left_is_better else -1
    for name in sorted({point.dataset for point in chart.points}):
        front = sorted((sign * p.x, p.y) for p in chart.points if p.on_front and p.dataset == name)
        if front:
            x, y = zip(*((sign * x, y) for x, y in front), (axes.get_xlim()[sign > 0], front[-1][1]), strict=True)
            axes.plot(x, y, drawstyle='steps-post', zorder=1.5, gid='front', **legend.FRONT)


def _marks(axes: Axes, chart: Scatter, style: dict, sizes: marks.Sizes) -> None:
    for i, point in enumerate(chart.points):
        colour, shape = style[point.family]
        over = {'zorder': _zorder(sizes.reach[i])}
        y = beyond.inside(axes, point.y)
        if y != point.y:
            axes.scatter(point.x, y, color=colour, gid=f'point-{i}', **legend.ARROW[point.y > y], **over)
            continue
        mark = {'marker': shape, 'facecolor': colour, 'edgecolor': CARD, 'alpha': 0.75, 'linewidth': 0.7}
        axes.scatter(point.x, y, s=sizes.s[i], gid=f'point-{i}', **mark, **over)
        over['zorder'] += 1e-4
        if point.half_width > 0:
            _bar(axes, point, colour, over)
        elif sizes.reach[i] > 10 and len(point.seeds) < 2:
            axes.scatter(point.x, y, s=5, color=CARD, linewidth=0, gid=f'centre-{i}', **over)
        if len(point.seeds) > 1:
            errors = [seed.error for seed in point.seeds if beyond.inside(axes, seed.error) == seed.error]
            beside = axes.transData + ScaledTranslation(-_BESIDE / 72, 0, axes.figure.dpi_scale_trans)
            axes.scatter([point.x] * len(errors), errors, gid=f'seeds-{i}', transform=beside, **SEED, zorder=5)
    for place, arrow in enumerate(beyond.arrows(axes, chart.points)):
        colour, _ = style[chart.points[arrow.point].family]
        line = {'color': colour, 'linewidth': 0.9, 'linestyle': (0, (1, 2)), 'zorder': 1.6}
        axes.plot([arrow.x, arrow.x], [arrow.start, arrow.y], **line)
        axes.scatter(arrow.x, arrow.y, color=colour, gid=f'beyond-{place}', **legend.ARROW[arrow.up], zorder=4)


def _bar(axes: Axes, point: Point, colour: str, over: dict) -> None:
    """The interval, with arrows for the ends that lie beyond the axis."""
    low, high = (beyond.inside(axes, point.y + sign * point.half_width) for sign in (-1, 1))
    ends = [[point.y - low], [high - point.y]]
    axes.errorbar(point.x, point.y, ends, color=colour, alpha=0.9, **legend.BAR, **over)
    for up, end in ((False, low), (True, high)):
        if end != point.y + (1 if up else -1) * point.half_width:
            axes.scatter(point.x, end, color=colour, **legend.ARROW[up], **over)


def _zorder(radius: float) -> float:
    """Drawing order: small marks above large ones, a leader line just below its own mark."""
    return 3 + 1 / (1 + radius)


def _add_labels(axes: Axes, chart: Scatter, sizes: marks.Sizes) -> bool:
    """Place and draw the labels; False where they do not fit into the axes."""
    box = axes.get_window_extent()
    corner, whole = box.min + _CLEAR, np.array([box.width, box.height])
    style = {'fontsize': LABEL_SIZE, 'transform': axes.transAxes, 'va': 'bottom', 'zorder': 6}
    style['bbox'] = {'facecolor': CARD, 'alpha': 0.75, 'edgecolor': 'none', 'pad': 0.6}  # over lines and bars
    arrows = beyond.arrows(axes, chart.points)
    order = sorted(range(len(chart.points)), key=lambda i: not chart.points[i].named)
    named = [i for i in order if chart.points[i].named]
    said = [arrow for arrow in arrows if chart.points[arrow.point].named]
    texts = [axes.text(0, 0, _name(axes, chart.points[i]), gid=f'label-{i}', **style) for i in named]
    texts += [axes.text(0, 0, arrow.text, gid=f'beyond-label-{arrows.index(arrow)}', **style) for arrow in said]
    extents = [text.get_window_extent() for text in texts]
    places = [(chart.points[i].x, beyond.inside(axes, chart.points[i].y)) for i in order]
    places[len(named) : len(named)] = [(arrow.x, arrow.y) for arrow in said]
    anchors = axes.transData.transform(places) - corner
    small = np.full(len(said), beyond.RADIUS * STYLE['figure.dpi'] / 72)
    reach, body = (np.insert(size[order], len(named), small) for size in (sizes.reach, sizes.body))
    boxes = labels.place(
        anchors,
        reach,
        np.array([(extent.width, extent.height) for extent in extents]).reshape(-1, 2),
        tuple(whole - 2 * _CLEAR),
        _lines(axes, chart) - np.tile(corner, 2),
    )
    if boxes is None:
        return False
    for i, text in enumerate(texts):
        text.set_position((boxes[i, :2] + _CLEAR) / whole)
        line = labels.leader(boxes[i], i, anchors, body)
        if line is not None:
            x, y = ((line.reshape(2, 2) + _CLEAR) / whole).T
            under = _zorder(reach[i]) - 1e-4
            axes.plot(x, y, transform=axes.transAxes, color=LEADER, lw=0.7, zorder=under)
    return True


def _name(axes: Axes, point: Point) -> str:
    """The label of a mark: with the number, where the mark itself or the ends of its interval are beyond the axis."""
    text = f'{shorten(point.label)}{point.name.removeprefix(point.label)}'
    if beyond.inside(axes, point.y) != point.y:
        return f'{text}: {beyond.figure(point.y)}'
    ends = (point.y - point.half_width, point.y + point.half_width) if point.half_width > 0 else ()
    return f'{text} ± {number(point.half_width)}' if any(beyond.inside(axes, y) != y for y in ends) else text


def _lines(axes: Axes, chart: Scatter) -> np.ndarray:
    """The front, the error bars and the columns of seeds as segments in pixels."""
    steps, drops = [], []
    for x, y in (line.get_data() for line in axes.lines if line.get_gid() == 'front'):
        steps += [(a, b, c, b) for a, b, c in zip(x[:-1], y[:-1], x[1:], strict=True)]
        drops += [(c, b, c, d) for b, c, d in zip(y[:-1], x[1:], y[1:], strict=True)]
    bars = [
        (p.x, *(beyond.inside(axes, p.y - p.half_width), p.x), beyond.inside(axes, p.y + p.half_width))
        for p in chart.points
        if p.half_width > 0 and beyond.inside(axes, p.y) == p.y
    ]
    errors = [(p.x, [beyond.inside(axes, seed.error) for seed in p.seeds]) for p in chart.points if len(p.seeds) > 1]
    seeds = [(x, min(of_seeds), x, max(of_seeds)) for x, of_seeds in errors]
    ends = np.array(steps + drops + bars + seeds, dtype=float).reshape(-1, 2)
    lines = axes.transData.transform(ends).reshape(-1, 4)
    lines[len(lines) - len(seeds) :, [0, 2]] -= _BESIDE * STYLE['figure.dpi'] / 72
    return lines
