"""The charts compiled to Vega for the page, and Vega's own script. Neither depends on the data of a report."""

import functools
import itertools
import json
import re

import altair as alt
import vl_convert

from cnn_bench.report.explorer import chart

_FIT = alt.AutoSizeParams(type='fit-x', contains='padding')
_SIZE = {'width': 'container', 'height': 420, 'autosize': _FIT}  # the script sets the height
# What the page's script sets, before it draws and at every change.
_OF_BOTH = {
    'colour_field': '',
    'groups': [],
    'colours': [],
    'hidden': [],
    'hidden_origins': [],
    'pinned': [],
    'hovered': '',
}
_OF_SCATTER = {'x_field': '', 'y_field': '', 'x_sign': 1, 'y_sign': 1, 'shapes': [], 'own_too': False, 'most_params': 1}
_OF_CURVES = {'curve': '', 'tops': {}}
_TITLES = {'x_title': '', 'y_title': '', 'settled': 0}


@functools.cache
def specs() -> dict[str, dict]:
    """Vega specifications that lack data: `scatter-<x>-<y>` and `curves-linear-<y>`, x and y `log` or `linear`."""
    made = {}
    for log in itertools.product((False, True), repeat=2):
        drawn = chart.error_against_cost(alt.NamedData('rows'), _params(_OF_SCATTER), log=log)
        made[f'scatter-{_kind(log[0])}-{_kind(log[1])}'] = _named(_compiled(drawn))
    for log_y in (False, True):
        drawn = chart.error_against_epoch(alt.NamedData('rows'), _params(_OF_CURVES), log=log_y)
        made[f'curves-linear-{_kind(log_y)}'] = _compiled(drawn)
    return made


@functools.cache
def script() -> str:
    """Vega as a module that sets `window.vegaEmbed`, for a <script> element: it loads nothing else."""
    # Not `vega` alone: vl-convert 1.9 makes null of it, since Vega 6 has no default export.
    bundle = vl_convert.javascript_bundle('window.vegaEmbed = vegaEmbed;').replace('</script', r'<\/script')
    notice = '/* Vega, https://vega.github.io, copyright University of Washington Interactive Data Lab, BSD 3-Clause */'
    return f'{notice}\n{bundle}'


def _kind(log: bool) -> str:
    return 'log' if log else 'linear'


def _params(own: dict[str, object]) -> list[alt.Parameter]:
    return [alt.param(name=name, value=value) for name, value in {**_OF_BOTH, **own, **_TITLES}.items()]


def _compiled(drawn: alt.TopLevelMixin) -> dict:
    spec = vl_convert.vegalite_to_vega(chart.styled(drawn, **_SIZE).to_dict())
    for axis in spec['axes']:
        if axis.get('labels', True):  # the others draw the grid
            axis['title'] = {'signal': f'{axis["scale"][-1]}_title'}
    names = {
        place['data']: mark['name'].removesuffix('_marks').removesuffix('_pathgroup')
        for mark in spec['marks']
        if (place := _source(mark))
    }
    return json.loads(re.sub(r'"(data_\d+)"', lambda found: f'"{names.get(found[1], found[1])}"', json.dumps(spec)))


def _source(mark: dict) -> dict:
    """What a mark is made from: a dictionary with `data`, to be called as the view is."""
    return mark['from'].get('facet', mark['from'])


def _named(spec: dict) -> dict:
    """With names beside the marks, where Vega's label transform finds room for them: those on the front first.

    Vega-Lite lacks the transform (Kittivorawong et al. 2022, Fast and Flexible Overlap Detection for Chart Labeling).
    """
    of_marks = f'{chart.MARKS}_marks'
    first = {'field': ['datum.pinned', 'datum.front'], 'order': ['descending', 'descending']}
    placed = {
        'type': 'label',
        # `settled` grows when marks have moved: Vega would place names before that, and not again.
        'size': {'signal': 'slice([width, height, settled], 0, 2)'},
        'sort': first,
        'anchor': ['right', 'top-right', 'bottom-right', 'left', 'top', 'bottom', 'top-left', 'bottom-left'],
        'offset': [2],
        'padding': 0,
    }
    text = {
        'type': 'text',
        'name': 'names',
        'from': {'data': of_marks},
        'interactive': False,
        'encode': {
            'enter': {
                'fontSize': {'value': 11},
                'fill': {'value': chart.css('ink')},
                'stroke': {'value': chart.css('card')},
            },
            'update': {'text': {'field': 'datum.label'}, 'aria': {'value': False}},
        },
        'transform': [placed],
    }
    return {**spec, 'marks': [*spec['marks'], text]}
