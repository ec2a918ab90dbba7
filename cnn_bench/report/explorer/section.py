"""The explorer as a part of the page."""

from importlib import resources

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from cnn_bench.analysis import pairs
from cnn_bench.report.charts.learning import PANELS
from cnn_bench.report.charts.scatter.spec import LINEAR_UP_TO_RATIO
from cnn_bench.report.data import ReportData
from cnn_bench.report.explorer import rows, vega

_BEYOND = 0.1  # of the epochs: errors before may lie beyond the axis


def html(data: ReportData) -> Markup:
    """A <section id="explorer"> with charts, their controls, data and scripts, which load nothing.

    It takes its colours from variables of the page (THEME) and has the rest of its style with it. Published results
    among the runs of `data` are told apart.
    """
    given = content(data)
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    made = environment.from_string(_file('explorer.html')).render(
        given=given,
        css=Markup(_file('explorer.css')),
        vega=Markup(vega.script()),
        js=Markup(_file('explorer.js')),
    )
    return Markup(made)


def content(data: ReportData) -> dict:
    """What the script draws, as it stands in the page in JSON."""
    summary, networks = data.summary, rows.networks(data.summary)
    names = {run: label for run, label in data.names.items() if run}  # published results have no run
    seeds, curves = rows.seeds(data.standing, names, networks), rows.curves(data.curves, networks, names)
    costs, errors = rows.costs(summary), rows.errors(summary)
    compared = [axis.field for axis in errors if axis.sign > 0]
    by = {name: rows.colours(networks, name) for name in rows.COLOURED_BY}
    colours = {name: of for name, of in by.items() if name == 'lineage' or 1 < len(of['groups']) < len(networks)}
    spread = summary[rows.FIRST_COST].max() / summary[rows.FIRST_COST].min()
    return {
        'specs': vega.specs(),
        'rows': networks + seeds,
        'curves': curves,
        'tops': _tops(curves),
        'kinds': {kind: name for kind, name in PANELS.items() if any(row['curve'] == kind for row in curves)},
        'costs': [vars(axis) for axis in costs],
        'errors': [vars(axis) for axis in errors],
        'colours': colours,
        'origins': [name for name in rows.MARKS if name in {row['origin'] for row in networks}],
        'marks': rows.MARKS,
        'published': any(row['mark'] for row in networks),
        'most_compared': pairs.MOST if len(set(names.values())) > pairs.MOST else 0,
        'pairs': pairs.compare(data.standing, names, data.predictions, compared),
        'start': {
            'x': rows.FIRST_COST,
            'y': rows.FIRST_ERROR,
            'xs': 'log' if spread > LINEAR_UP_TO_RATIO else 'linear',
            'ys': 'linear',
            'by': 'lineage',
            'without': [name for name in (rows.NOT_AT_FIRST,) if any(row['origin'] == name for row in networks)],
        },
    }


def _tops(curves: list[dict]) -> dict[str, float]:
    """By kind of curve, an error just above all but those of the first epochs, of the runs that learned if any did."""
    tops = {}
    for kind in PANELS:
        of_kind = [row for row in curves if row['curve'] == kind]
        learned = [row for row in of_kind if not row['collapsed']] or of_kind
        later = [
            error
            for row in learned
            for epoch, error in zip(row['epochs'], row['errors'], strict=True)
            if epoch > _BEYOND * row['epochs'][-1]
        ]
        if later:
            tops[kind] = min(100.0, 1.06 * max(later)) or 1.0
    return tops


def _file(name: str) -> str:
    return (resources.files('cnn_bench.report.explorer') / name).read_text(encoding='utf-8')
