"""Tasks: what the outputs of a network are compared with, how, and what an evaluation says of them.

The training loop, checkpoints, sweeps and reports know no task: they hand images, targets and outputs to the recipe's.
A task is one module here, with a class that has the methods of `Task`.
"""

from collections.abc import Sequence

from ml_collections import ConfigDict

from cnn_bench.data import Info
from cnn_bench.errors import UserError
from cnn_bench.tasks.classification import Classification
from cnn_bench.tasks.segmentation import Segmentation
from cnn_bench.tasks.task import Evaluated, Task

__all__ = ['Classification', 'Evaluated', 'Segmentation', 'Task', 'task_of']

_TASKS: dict[str, type[Task]] = {'classification': Classification, 'segmentation': Segmentation}  # by config.task


def task_of(config: ConfigDict, info: Info, std: Sequence[float]) -> Task:
    """The task of a recipe on a data set, for images whose colours were divided by `std`.

    Raises UserError where the set is for another task, and for fields that the task can't use.
    """
    if info.task != config.task:
        raise UserError(f'config.task is {config.task}; {info.name} is for {info.task}')
    return _TASKS[config.task].of_recipe(config, std)
