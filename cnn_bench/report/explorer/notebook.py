"""The explorer for notebooks: an Altair chart with its menus, which a notebook's own Vega-Lite draws."""

import json

import altair as alt
import pandas as pd

from cnn_bench.analysis.summary import names, summarise
from cnn_bench.errors import unknown
from cnn_bench.report.charts.style import THEME
from cnn_bench.report.explorer import chart, rows

_SIZE = {'width': 760, 'height': 420}


def explore(table: pd.DataFrame, colour: str = 'lineage', log: tuple[bool, bool] = (True, False)) -> alt.LayerChart:
    """Error against cost of a tidy table: menus choose the axes, the legend the groups, drag and wheel the part.

    `colour` is a key of `rows.COLOURED_BY`, `log` says whether x and y are logarithmic. Raises UserError for another
    colour.
    """
    if colour not in rows.COLOURED_BY:
        raise unknown('colour', colour, rows.COLOURED_BY)
    summary = summarise(table)
    networks = rows.networks(summary)
    drawn = [
        {name: value for name, value in row.items() if name != 'details'}
        for row in (*networks, *rows.seeds(table, names(table), networks))
    ]
    looks = rows.colours(networks, colour)
    hues = [THEME[hue][0] if hue in THEME else hue for hue in looks['colours']]
    legend = alt.selection_point(name='groups_shown', fields=['group'], bind='legend')
    made = chart.error_against_cost(
        alt.InlineData(values=drawn),
        [
            *_params(rows.costs(summary), rows.errors(summary), colour, looks, max(row['params'] for row in networks)),
            legend,
        ],
        log=log,
        ink=chart.light,
        colour=alt.Color('group:N', title=colour, scale=alt.Scale(domain=looks['groups'], range=hues)),
        shown=legend,
        told=['label:N', 'family:N', 'year:N', 'params:Q', 'macs:Q', 'top1_err_pct:Q', 'recipe:N', 'origin:N'],
    )
    title = alt.TitleParams(text=alt.expr("titles[y_field] + ' against ' + titles[x_field]"))
    return chart.styled(made, chart.light, title=title, **_SIZE)


def _params(
    costs: list[rows.Axis], errors: list[rows.Axis], colour: str, looks: dict[str, list[str]], most_params: float
) -> list[alt.Parameter]:
    signs, titles = ({axis.field: getattr(axis, what) for axis in (*costs, *errors)} for what in ('sign', 'title'))
    menus = [
        alt.param(
            name=f'{name}_field',
            value=first,
            bind=alt.binding_select(options=[a.field for a in axes], labels=[a.name for a in axes], name=f'{name} '),
        )
        for name, axes, first in (('x', costs, rows.FIRST_COST), ('y', errors, rows.FIRST_ERROR))
    ]
    fixed = {'colour_field': colour, **looks, 'pinned': [], 'hovered': '', 'own_too': True, 'most_params': most_params}
    return [
        *menus,
        *(alt.param(name=f'{name}_sign', expr=f'({json.dumps(signs)})[{name}_field]') for name in ('x', 'y')),
        *(alt.param(name=name, value=value) for name, value in {**fixed, 'titles': titles}.items()),
    ]
