"""The explorer's two charts in Vega-Lite by Altair: error against cost, and error against epoch.

Both read rows made in `rows` and parameters that a menu or the page's script sets: which columns the axes show, by
which one networks are coloured, which groups are hidden. Only the kinds of the scales are fixed when a chart is made.
"""

from collections.abc import Callable, Sequence

import altair as alt

from cnn_bench.report.charts.style import THEME

MARKS, FRONT, SEEDS, FAILED, LINES = (
    'means',
    'front',
    'seeds',
    'failed',
    'lines',
)  # names of views; Vega calls their marks <name>_marks
# The fields of a row that the parameters choose, and what is shown: all of it is computed where the chart is drawn.
_CHOSEN = {'x': 'datum[x_field]', 'y': 'datum[y_field]', 'group': 'datum[colour_field]'}
_LOOK = {'colour': 'colours[indexof(groups, datum.group)]', 'shape': 'shapes[indexof(groups, datum.group)]'}
_RANKS = {'cost': 'x_sign * datum.x', 'loss': 'y_sign * datum.y', 'pinned': 'indexof(pinned, datum.label) >= 0'}
_SHOWN = 'indexof(hidden, datum.group) < 0 && indexof(hidden_origins, datum.origin) < 0'
_CHOSEN_MARK = 'datum.pinned || datum.label == hovered'
_LARGEST = 900  # square pixels: the area of the mark of most parameters
_WHEEL = 'wheel![event.ctrlKey || event.metaKey || event.shiftKey]'  # a wheel alone scrolls the page
COLOUR = alt.Color('colour:N', scale=None)


def css(role: str) -> str:
    """A colour of THEME as the variable of the page's style, which follows light and dark."""
    return f'var(--{role})'


def light(role: str) -> str:
    """A colour of THEME where there is no page, as in a notebook."""
    return THEME[role][0]


def error_against_cost(
    data: object,
    params: Sequence[alt.Parameter],
    *,
    log: tuple[bool, bool],
    ink: Callable[[str], str] = css,
    colour: alt.Color = COLOUR,
    shown: object = _SHOWN,
    told: Sequence[str] = (),
) -> alt.LayerChart:
    """Networks, their seeds, and the Pareto front of those that are shown.

    `params` are x_field and y_field (columns of the rows), x_sign and y_sign (-1 where more is better), colour_field,
    groups, colours and shapes (equally long lists), hidden and hidden_origins (groups that are not shown), own_too
    (whether published results stand beside others), most_params, pinned and hovered (labels). `log`: whether x and y
    are logarithmic. `told` are columns for Vega's own tooltip; with them the networks on the front have their names.
    The area of a mark is proportional to the parameters. Collapsed networks and seeds are triangles at the edge; no
    front, axis or mean heeds them.
    """
    x = alt.X('x:Q', title=None, scale=_scale(log[0]), axis=_axis())
    y = alt.Y('y:Q', title=None, scale=_scale(log[1]), axis=_axis())
    label, shape = alt.Description('label:N'), alt.Shape('shape:N', scale=None)
    rows = alt.Chart(data).transform_calculate(**_CHOSEN).transform_calculate(**_LOOK, **_RANKS)
    rows = rows.transform_filter(shown).transform_filter('isValid(datum.x) && isValid(datum.y)')
    learned, failed = rows.transform_filter('!datum.collapsed'), rows.transform_filter('datum.collapsed')
    means = _with_front(learned.transform_filter("datum.kind == 'mean'"))
    area = alt.Size('params:Q', legend=None, scale=alt.Scale(domain=[0, alt.expr('most_params')], range=[0, _LARGEST]))
    marks = (
        means.mark_point(filled=True, clip=True, opacity=1, cursor='pointer')
        .encode(
            *(x, y, area, shape, colour, label),
            fillOpacity=_either("datum.origin == 'published' && own_too", 0.12, alt.value(0.75)),
            stroke=_either(_CHOSEN_MARK, ink('ink'), alt.Stroke(**{**colour.to_dict(), 'legend': None})),
            strokeWidth=_either(_CHOSEN_MARK, 2.5, alt.value(1.2)),
        )
        .properties(name=MARKS)
        .add_params(*params, alt.selection_interval(name='zoom', bind='scales', encodings=['x', 'y'], zoom=_WHEEL))
    )
    on_front = means.transform_filter('datum.front == 1')
    front = (
        on_front.mark_line(interpolate='step-after', strokeDash=[4, 3], strokeWidth=1.2, clip=True, color=ink('leader'))
        .encode(x, y, alt.Detail('dataset:N'), order=alt.Order('cost:Q'))
        .properties(name=FRONT)
    )
    seeds = learned.transform_filter("datum.kind == 'seed'")
    dots = seeds.mark_circle(size=13, clip=True, opacity=0.9, color=ink('ink')).encode(x, y, label)
    at_the_edge = {
        'y': alt.value(alt.expr('y_sign > 0 ? 7 : height - 7')),
        'shape': alt.value(alt.expr("y_sign > 0 ? 'triangle-up' : 'triangle-down'")),
    }
    arrows = failed.mark_point(filled=True, size=60, clip=True).encode(x, colour, label, **at_the_edge)
    layers = [front, marks, dots.properties(name=SEEDS), arrows.properties(name=FAILED)]
    if told:
        layers[1] = marks.encode(tooltip=list(told))
        layers.append(on_front.mark_text(align='left', dx=8, dy=-6, color=ink('ink')).encode(x, y, text='label:N'))
    return alt.layer(*layers)


def error_against_epoch(
    data: object, params: Sequence[alt.Parameter], *, log: bool, colour: alt.Color = COLOUR
) -> alt.Chart:
    """A line per run. `params` are as for `error_against_cost`, and `curve` (a kind of row) and `tops` (by kind, where
    the axis ends: early errors and collapsed runs may lie beyond)."""
    lines = (
        alt.Chart(data)
        .transform_calculate(x='datum.epoch', y='datum.error', group='datum[colour_field]')
        .transform_calculate(colour=_LOOK['colour'], pinned=_RANKS['pinned'])
        .transform_filter(f'{_SHOWN} && datum.curve == curve')
    )
    faint = alt.value(alt.expr('length(pinned) || hovered ? 0.15 : 0.85'))
    up_to = {'domainMax': alt.expr('tops[curve]')}
    scale = alt.Scale(type='log', **up_to) if log else alt.Scale(type='linear', zero=True, **up_to)
    y = alt.Y('y:Q', title=None, scale=scale, axis=_axis())
    return (
        lines.mark_line(clip=True, strokeWidth=1.6)
        .encode(
            alt.X('x:Q', title=None, axis=_axis()),
            y,
            *(colour, alt.Description('label:N'), alt.Detail('run:N')),
            opacity=_either(_CHOSEN_MARK, 1, faint),
        )
        .properties(name=LINES)
        .add_params(*params, alt.selection_interval(name='zoom', bind='scales', encodings=['x', 'y'], zoom=_WHEEL))
    )


def styled(chart: alt.TopLevelMixin, ink: Callable[[str], str] = css, **size: object) -> alt.TopLevelMixin:
    """The chart with the colours and the type of all charts."""
    of_axes = {'labelColor': ink('muted'), 'titleColor': ink('ink'), 'domainColor': ink('leader')}
    return (
        chart.properties(background='transparent', padding=4, **size)
        .configure_view(stroke=None)
        .configure_axis(**of_axes, tickColor=ink('leader'), gridColor=ink('grid'), titleFontWeight='normal')
        .configure_legend(labelColor=ink('ink'), titleColor=ink('ink'))
        .configure_title(color=ink('ink'), anchor='start')
    )


def _with_front(means: alt.Chart) -> alt.Chart:
    """With `front`: 1 for networks that no other of their data set dominates (`stats.pareto_front`), else 0."""
    cheapest_first = [alt.SortField('cost'), alt.SortField('loss')]
    return (
        means.transform_window(best='min(loss)', frame=[None, 0], sort=cheapest_first, groupby=['dataset'])
        .transform_window(before='lag(best)', sort=cheapest_first, groupby=['dataset'])
        .transform_calculate(better='!isValid(datum.before) || datum.loss < datum.before ? 1 : 0')
        .transform_joinaggregate(front='max(better)', groupby=['dataset', 'cost', 'loss'])  # equals are on it together
    )


def _either(test: str, yes: object, otherwise: object) -> object:
    return alt.when(test).then(alt.value(yes)).otherwise(otherwise)


def _scale(log: bool) -> alt.Scale:
    return alt.Scale(type='log', padding=24) if log else alt.Scale(type='linear', zero=False, padding=24)


def _axis() -> alt.Axis:
    return alt.Axis(format='~s', tickCount=6, labelOverlap='greedy', labelFlush=False)
