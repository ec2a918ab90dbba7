"""The charts by the names that experiments use in their CHARTS."""

from collections.abc import Callable, Sequence
from functools import partial

import pandas as pd

from cnn_bench.analysis import overlap as common_errors
from cnn_bench.analysis import verdicts
from cnn_bench.errors import unknown
from cnn_bench.format import text
from cnn_bench.report.charts import density, ensembles, forest, learning, overlap, tuning
from cnn_bench.report.charts.absent import Absent
from cnn_bench.report.charts.scatter import spec as scatter
from cnn_bench.report.charts.spec import ChartSpec
from cnn_bench.report.data import ReportData
from cnn_bench.runs.charts import costs, names
from cnn_bench.runs.columns import DEVICE_MEAN

DEFAULT = ('accuracy_vs_macs',)
# What the data lack where a chart can't be drawn; the charts that set error against a cost have their own words.
LACKING = {
    'learning_curves': 'no finished run was evaluated at two epochs or more',
    'accuracy_density': 'the parameters of no run are known',
    'differences': 'no run of another variant shares a seed with one of the baseline, or there is no baseline',
    'error_overlap': 'fewer than two networks kept their predictions',
    'ensembles': 'fewer than two runs kept their probabilities, or the multiply-adds of one are unknown',
    'expected_best': 'no variant has two tuning trials',
}


def charts() -> dict[str, Callable[[ReportData], ChartSpec | None]]:
    """Name of a chart, of `runs.charts.names()` -> its maker, which returns None where it lacks the data."""
    makers = (_learning, _density, _differences, _overlap, _ensembles, _expected_best)
    return dict(zip(names(), (*(partial(_against_cost, name) for name in costs()), *makers), strict=True))


def make(name: str, data: ReportData) -> ChartSpec | None:
    """The chart `name`; None where it lacks the data. Raises UserError where there is no chart of that name."""
    known = charts()
    if name not in known:
        raise unknown('chart', name, known)
    return known[name](data)


def against_measured() -> list[Callable[[pd.DataFrame], ChartSpec | None]]:
    """The makers of the charts of error against what was measured, from a summary."""
    return [partial(scatter.accuracy_vs_cost, name=name) for name, cost in costs().items() if cost.told_by]


def why_not(name: str) -> str:
    """What the data lack where `make` returns None."""
    if name in LACKING:
        return LACKING[name]
    cost = costs()[name]
    other_devices = ', or those that have it ran on different devices' if cost.over_seeds == DEVICE_MEAN else ''
    return f'no finished run has {cost.words}{other_devices}'


def choose(data: ReportData) -> tuple[list[ChartSpec], list[ChartSpec]]:
    """The charts that answer the study's question, in its order, and all others that the data allow.

    Where one of the former can't be drawn, an `Absent` after them says why; if none can, the default stands first.
    """
    made = _made(data.charts, data)
    absent = [_absent(name) for name in data.charts if name not in {chart.name for chart in made}]
    first = (made or _made(DEFAULT, data)) + absent
    there = {chart.name for chart in first}
    return first, _made([name for name in charts() if name not in there], data)


def _made(names: Sequence[str], data: ReportData) -> list[ChartSpec]:
    return [chart for name in names if (chart := make(name, data)) is not None]


def _absent(name: str) -> Absent:
    why = why_not(name)
    title = f'Error against {costs()[name].words}' if name in costs() else name.replace('_', ' ').capitalize()
    return Absent(name=name, title=title, caption=f'Not drawn: {why}.', why=why)


def _against_cost(name: str, data: ReportData) -> ChartSpec | None:
    return scatter.accuracy_vs_cost(data.summary, name)


def _learning(data: ReportData) -> ChartSpec | None:
    if data.curves is None:
        return None
    families = dict(zip(data.summary.label, data.summary.family.map(text), strict=True))
    standing = data.curves[data.curves.run.isin(data.standing.run)]
    return learning.learning_curves(standing, data.names, scatter.subtitle(data.summary), families)


def _density(data: ReportData) -> ChartSpec | None:
    return density.accuracy_density(data.summary)


def _differences(data: ReportData) -> ChartSpec | None:
    if not data.baseline:
        return None
    compared = verdicts.compare_with_baseline(data.standing, data.baseline, data.predictions)
    return forest.forest(compared, data.baseline)


def _overlap(data: ReportData) -> ChartSpec | None:
    shares = common_errors.shares(data.standing, data.predictions, data.names)
    return overlap.error_overlap(shares, scatter.subtitle(data.summary))


def _ensembles(data: ReportData) -> ChartSpec | None:
    return ensembles.error_against_cost(data.members, data.ensembles, scatter.subtitle(data.summary))


def _expected_best(data: ReportData) -> ChartSpec | None:
    return tuning.expected_best(data.tuning, scatter.subtitle(data.summary)) if data.tuning else None
