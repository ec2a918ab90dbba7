"""The charts by the names that experiments use in their CHARTS."""

from collections.abc import Callable, Sequence
from functools import partial

from cnn_bench.errors import unknown
from cnn_bench.report import verdicts
from cnn_bench.report.charts import density, ensembles, forest, learning, overlap, tuning
from cnn_bench.report.charts.scatter import spec as scatter
from cnn_bench.report.charts.spec import ChartSpec
from cnn_bench.report.data import ReportData

DEFAULT = ('accuracy_vs_macs',)


def charts() -> dict[str, Callable[[ReportData], ChartSpec | None]]:
    """Name of a chart -> its maker, which returns None where it lacks the data."""
    return {
        **{name: partial(_against_cost, name) for name in scatter.costs()},
        'learning_curves': _learning,
        'accuracy_density': _density,
        'differences': _differences,
        'error_overlap': _overlap,
        'ensembles': _ensembles,
        'expected_best': _expected_best,
    }


def make(name: str, data: ReportData) -> ChartSpec | None:
    """The chart `name`; None where it lacks the data. Raises UserError where there is no chart of that name."""
    known = charts()
    if name not in known:
        raise unknown('chart', name, known)
    return known[name](data)


def choose(data: ReportData) -> tuple[list[ChartSpec], list[ChartSpec]]:
    """The charts that answer the study's question, in its order, and all others that the data allow.

    Where none of the former can be drawn, the default stands first.
    """
    first = _made(data.charts, data) or _made(DEFAULT, data)
    there = {chart.name for chart in first}
    return first, _made([name for name in charts() if name not in there], data)


def _made(names: Sequence[str], data: ReportData) -> list[ChartSpec]:
    return [chart for name in names if (chart := make(name, data)) is not None]


def _against_cost(name: str, data: ReportData) -> ChartSpec | None:
    return scatter.accuracy_vs_cost(data.summary, name)


def _learning(data: ReportData) -> ChartSpec | None:
    if data.curves is None:
        return None
    standing = data.curves[data.curves.run.isin(data.standing.run)]
    return learning.learning_curves(standing, data.names, scatter.subtitle(data.summary))


def _density(data: ReportData) -> ChartSpec | None:
    return density.accuracy_density(data.summary)


def _differences(data: ReportData) -> ChartSpec | None:
    if not data.baseline:
        return None
    compared = verdicts.compare_with_baseline(data.standing, data.baseline, data.predictions)
    return forest.forest(compared, data.baseline)


def _overlap(data: ReportData) -> ChartSpec | None:
    shares = overlap.shares(data.standing, data.predictions, data.names)
    return overlap.error_overlap(shares, scatter.subtitle(data.summary))


def _ensembles(data: ReportData) -> ChartSpec | None:
    return ensembles.error_against_cost(data.members, data.ensembles, scatter.subtitle(data.summary))


def _expected_best(data: ReportData) -> ChartSpec | None:
    return tuning.expected_best(data.tuning, scatter.subtitle(data.summary)) if data.tuning else None
