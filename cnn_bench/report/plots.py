"""The report's charts for notebooks: DataFrames in, a matplotlib Figure out.

`table` is a tidy table by `runs.load`, `curves` one by `runs.curves`, `predictions` what `runs.predictions` returns.
Every function raises UserError where the data have not what its chart shows.
"""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from cnn_bench.errors import UserError
from cnn_bench.report import ablation, density, ensemble_chart, figures, forest, learning, overlap, saving, tables
from cnn_bench.report import ensembles as of_members
from cnn_bench.runs.predictions import Predictions


def accuracy_vs(table: pd.DataFrame, cost: str = 'macs') -> Figure:
    """Error against a cost: macs, params, activation_memory, training_time or throughput."""
    return _drawn(figures.accuracy_vs_cost(_summary(table), f'accuracy_vs_{cost}'), f'a {cost} on one device')


def accuracy_density(table: pd.DataFrame) -> Figure:
    """Accuracy per million parameters, a bar per network."""
    return _drawn(density.accuracy_density(_summary(table)), 'parameters')


def learning_curves(curves: pd.DataFrame) -> Figure:
    """Training and test error against epoch, a line per label."""
    return _drawn(learning.learning_curves(curves), 'evaluations at two epochs or more')


def differences(
    table: pd.DataFrame,
    baseline: str,
    predictions: Mapping[str, Predictions] | None = None,
    column: str = ablation.ERROR,
) -> Figure:
    """How much `column`, an error in per cent, of each label differs from that of the baseline, with intervals."""
    rows = ablation.differences(table, baseline, predictions, column)
    found = forest.forest(rows, baseline, ablation.NAMES.get(column, column))
    return _drawn(found, f'a seed in common with {baseline}')


def error_overlap(table: pd.DataFrame, predictions: Mapping[str, Predictions]) -> Figure:
    """Of the images that the row's network gets wrong, the per cent that the column's gets wrong too."""
    return _drawn(overlap.error_overlap(overlap.shares(table, predictions)), 'predictions of two networks')


def ensembles(table: pd.DataFrame, predictions: Mapping[str, Predictions]) -> Figure:
    """Error against the sum of multiply-adds of networks alone and of the best ensembles of them."""
    found = of_members.members(table, predictions)
    chart = ensemble_chart.error_against_cost(found, of_members.best(found))
    return _drawn(chart, 'multiply-adds of all members')


def _summary(table: pd.DataFrame) -> pd.DataFrame:
    summary = tables.summarise(table)
    if summary.empty:
        raise UserError(f'none of {len(table)} runs is finished; there is nothing to draw')
    return summary


def _drawn(chart: saving.Described | None, lacking: str) -> Figure:
    if chart is None:
        raise UserError(f'no chart: the runs have not {lacking}')
    return saving.draw(chart)
