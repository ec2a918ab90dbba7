"""Draws a scatter chart with matplotlib."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from cnn_bench.format import human, number
from cnn_bench.report.charts.scatter import beyond, legend, marks, naming, recipes
from cnn_bench.report.charts.scatter.axes import set_limits
from cnn_bench.report.charts.scatter.spec import Point, Scatter
from cnn_bench.report.charts.style import (
    BOTTOM,
    CARD,
    SEED,
    STYLE,
    add_titles,
    blank,
    current,
    shorten,
    wrap,
)

_BESIDE = 5.0  # points from the centre of a mark to the left, where its seeds are


def draw(chart: Scatter) -> Figure:
    """The figure, with gid `point-<i>` and `label-<i>` on the mark and the label of `chart.points[i]`.

    Its height grows until all labels fit: no two touch, and none leaves the axes or covers a mark. Where that would
    take more than the style's greatest height, marks have numbers, and a list below the axes has their names. That
    holds when it is rendered in the same style, as `saving.save` does, since other hinting changes text widths.
    """
    for how, tall in naming.tries(current().least * (1 + max(0, len(chart.points) - 20) / 120)):
        figure, axes, sizes = _without_labels(chart, tall, how)
        if how == naming.LIST or _add_labels(axes, chart, sizes, how):
            return figure


def _without_labels(chart: Scatter, height: float, how: str) -> tuple[Figure, Axes, marks.Sizes]:
    style = current()
    figure = blank((style.width, height))
    axes = figure.add_axes((0, 0, 1, 1))
    found = recipes.looks(chart.points)
    scale = marks.AreaScale([point.params for point in chart.points])
    groups = legend.of_scatter(axes, chart, scale)
    under = naming.listing(figure, [_long(point) for point in chart.points if point.named], how)
    if style.narrow:
        right, tall, under = 0.2, 0.0, under + legend.below(figure, groups, under)
    else:
        right, tall = legend.beside(axes, groups)
    bottom = BOTTOM + under
    high = max(height - style.top - BOTTOM, tall)
    height = style.top + high + bottom
    figure.set_figheight(height)
    wide = style.width - style.left - right
    axes.set_position((style.left / style.width, bottom / height, wide / style.width, high / height))
    sizes = marks.sizes(chart.points, scale, [shape for _, shape in found], STYLE['figure.dpi'] / 72)
    x, ends = np.array([point.x for point in chart.points]), np.concatenate(beyond.extent(chart.points))
    least, write = (0.1 * x.max(), 1.0), (human, '{:g}'.format)
    set_limits(axes, x, ends, sizes.reach.max(), log_x=chart.log_x, least=least, write=write, stop=100)
    _front(axes, chart)
    _marks(axes, chart, found, sizes)
    add_titles(figure, chart.title, chart.subtitle, style.left)
    axes.set_xlabel(wrap(chart.x_label, wide), labelpad=7)
    axes.set_ylabel(chart.y_label, labelpad=7)
    return figure, axes, sizes


def _front(axes: Axes, chart: Scatter) -> None:
    """Draw the front of the points among one another as steps from the cheapest to the dearest, and on to the edge."""
    sign = 1 if chart.left_is_better else -1
    for name in sorted({point.among for point in chart.points}):
        front = sorted((sign * p.x, p.y) for p in chart.points if p.on_front and p.among == name)
        if front:
            x, y = zip(*((sign * x, y) for x, y in front), (axes.get_xlim()[sign > 0], front[-1][1]), strict=True)
            axes.plot(x, y, drawstyle='steps-post', zorder=1.5, gid='front', **recipes.front(name))


def _marks(axes: Axes, chart: Scatter, found: list, sizes: marks.Sizes) -> None:
    recipes.join(axes, chart)
    for i, point in enumerate(chart.points):
        colour, _ = found[i]
        over = {'zorder': naming.zorder(sizes.reach[i])}
        y = beyond.inside(axes, point.y)
        if y != point.y:
            axes.scatter(point.x, y, color=colour, gid=f'point-{i}', **legend.ARROW[point.y > y], **over)
            continue
        marks.draw(axes, point.x, y, found[i], sizes, i, gid=f'point-{i}', **over)
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
        colour, _ = found[arrow.point]
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


def _add_labels(axes: Axes, chart: Scatter, sizes: marks.Sizes, how: str) -> bool:
    """Place and draw the labels; False where they do not fit into the axes."""
    arrows = [(k, one) for k, one in enumerate(beyond.arrows(axes, chart.points)) if chart.points[one.point].named]
    order = sorted(range(len(chart.points)), key=lambda i: not chart.points[i].named)
    named = [i for i in order if chart.points[i].named]
    short = {i: str(k) if how == naming.NUMBERS else shorten(_short(chart.points[i])) for k, i in enumerate(named, 1)}
    said = [(f'label-{i}', _name(axes, chart.points[i], short[i])) for i in named]
    said += [(f'beyond-label-{k}', f'{short[arrow.point]}, {arrow.text}') for k, arrow in arrows]
    places = [(chart.points[i].x, beyond.inside(axes, chart.points[i].y)) for i in order]
    places[len(named) : len(named)] = [(arrow.x, arrow.y) for _, arrow in arrows]
    small = np.full(len(arrows), beyond.RADIUS * STYLE['figure.dpi'] / 72)
    reach, body = (np.insert(size[order], len(named), small) for size in (sizes.reach, sizes.body))
    return naming.add(
        axes, said, axes.transData.transform(places), reach, body, how, _lines(axes, chart), _dots(axes, chart)
    )


def _dots(axes: Axes, chart: Scatter) -> np.ndarray:
    """Where the seeds are, in pixels."""
    seeds = [(p.x, beyond.inside(axes, seed.error)) for p in chart.points if len(p.seeds) > 1 for seed in p.seeds]
    beside = np.array([_BESIDE * STYLE['figure.dpi'] / 72, 0])
    return axes.transData.transform(seeds) - beside if seeds else np.empty((0, 2))


def _long(point: Point) -> str:
    """The label of a mark, and how many seeds collapsed."""
    return f'{shorten(_short(point))}{point.name.removeprefix(_short(point))}'


def _short(point: Point) -> str:
    return point.short or point.label


def _name(axes: Axes, point: Point, short: str) -> str:
    """The label of a mark: with the number, where the mark itself or the ends of its interval are beyond the axis."""
    text = f'{short}{point.name.removeprefix(_short(point))}'
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
    ends = np.array(steps + drops + bars + recipes.joins(chart) + seeds, dtype=float).reshape(-1, 2)
    lines = axes.transData.transform(ends).reshape(-1, 4)
    lines[len(lines) - len(seeds) :, [0, 2]] -= _BESIDE * STYLE['figure.dpi'] / 72
    return lines
