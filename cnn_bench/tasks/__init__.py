"""Tasks: what the outputs of a network are compared with, how, and what an evaluation says of them.

The training loop, checkpoints, sweeps and reports know no task: they hand images, targets and outputs to the recipe's.
A task is one module here, with a class that has the methods of `Task`.
"""

from cnn_bench.tasks.classification import Classification
from cnn_bench.tasks.segmentation import Segmentation
from cnn_bench.tasks.task import Evaluated, Task

__all__ = ['TASKS', 'Classification', 'Evaluated', 'Segmentation', 'Task']

TASKS: dict[str, type[Task]] = {'classification': Classification, 'segmentation': Segmentation}  # by config.task
