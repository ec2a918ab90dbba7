"""The names of the charts that an experiment may ask for in its CHARTS. What they show is in `report.charts`."""

from cnn_bench.runs.columns import COLUMNS

COSTS = {f'accuracy_vs_{column.cost}': column for column in COLUMNS.values() if column.cost}  # chart -> its cost
NAMES = (
    *COSTS,
    *('learning_curves', 'accuracy_density', 'differences', 'error_overlap', 'ensembles', 'expected_best'),
)
