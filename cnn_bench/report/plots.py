"""The report's charts for notebooks: DataFrames in, a matplotlib Figure out, or for `explore` an Altair chart.

`table` is a tidy table by `runs.load`, `curves` one by `runs.curves`, `predictions` what `runs.predictions` returns.
`style` is None, `paper` (6.9 inches wide, two columns) or `slides`. Every function raises UserError where the runs lack
the data for its chart.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.figure import Figure

from cnn_bench.analysis import ensembles as members_of
from cnn_bench.analysis import overlap as common_errors
from cnn_bench.analysis import verdicts
from cnn_bench.analysis.summary import summarise
from cnn_bench.errors import UserError
from cnn_bench.report.charts import catalogue, density, forest, learning, overlap, saving
from cnn_bench.report.charts import ensembles as ensemble_chart
from cnn_bench.report.charts.catalogue import LACKING
from cnn_bench.report.charts.scatter import spec as scatter
from cnn_bench.report.charts.spec import ChartSpec
from cnn_bench.report.charts.style import named
from cnn_bench.runs import columns
from cnn_bench.runs.predictions import Predictions

if TYPE_CHECKING:
    import altair


def accuracy_vs(table: pd.DataFrame, cost: str = 'macs', style: str | None = None) -> Figure:
    """Error against a cost: macs, params, activation_memory, training_time or throughput."""
    name = f'accuracy_vs_{cost}'
    return _drawn(scatter.accuracy_vs_cost(_summary(table), name), catalogue.why_not(name), style)


def explore(table: pd.DataFrame, colour: str = 'lineage') -> 'altair.LayerChart':
    """Any error against any cost, in a chart that a notebook shows and a reader zooms: menus for the axes, a legend
    that switches groups, the Pareto front of what is shown. `colour`: lineage, family, year or recipe."""
    from cnn_bench.report.explorer import notebook

    _summary(table)
    return notebook.explore(table, colour)


def accuracy_density(table: pd.DataFrame, style: str | None = None) -> Figure:
    """Accuracy per million parameters, a bar per network."""
    return _drawn(density.accuracy_density(_summary(table)), LACKING['accuracy_density'], style)


def learning_curves(curves: pd.DataFrame, style: str | None = None) -> Figure:
    """Training and test error against epoch, a line per label."""
    return _drawn(learning.learning_curves(curves), LACKING['learning_curves'], style)


def differences(
    table: pd.DataFrame,
    baseline: str,
    predictions: Mapping[str, Predictions] | None = None,
    column: str = verdicts.ERROR,
    style: str | None = None,
) -> Figure:
    """How much `column`, an error in per cent, of each label differs from that of the baseline, with intervals."""
    rows = verdicts.compare_with_baseline(table, baseline, predictions, column)
    return _drawn(
        forest.forest(rows, baseline, columns.column(column).words), f'no seed is in common with {baseline}', style
    )


def error_overlap(table: pd.DataFrame, predictions: Mapping[str, Predictions], style: str | None = None) -> Figure:
    """Per cent of the images that the row's network gets wrong which the column's network gets wrong too."""
    return _drawn(overlap.error_overlap(common_errors.shares(table, predictions)), LACKING['error_overlap'], style)


def ensembles(table: pd.DataFrame, predictions: Mapping[str, Predictions], style: str | None = None) -> Figure:
    """Error against summed multiply-adds: single networks and the best ensembles of them."""
    found = members_of.members(table, predictions)
    chart = ensemble_chart.error_against_cost(found, members_of.best(found))
    return _drawn(chart, LACKING['ensembles'], style)


def _summary(table: pd.DataFrame) -> pd.DataFrame:
    summary = summarise(table)
    if summary.empty:
        raise UserError(f'none of {len(table)} runs is finished; there is nothing to draw')
    return summary


def _drawn(chart: ChartSpec | None, lacking: str, style: str | None) -> Figure:
    if chart is None:
        raise UserError(f'no chart: {lacking}')
    return saving.draw(chart, named(style))
