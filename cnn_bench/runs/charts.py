"""The names of the charts that an experiment may ask for in its CHARTS. What they show is in `report.charts`."""

from cnn_bench.runs.columns import COLUMNS, Column


def costs() -> dict[str, Column]:
    """Name of a chart of error against a cost -> its cost."""
    return {f'accuracy_vs_{column.cost}': column for column in COLUMNS.values() if column.cost}


def names() -> tuple[str, ...]:
    """Every chart."""
    others = ('learning_curves', 'accuracy_density', 'differences', 'error_overlap', 'ensembles', 'expected_best')
    return *costs(), *others
