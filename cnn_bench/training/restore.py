"""A trained run brought back from its newest checkpoint."""

from cnn_bench.errors import UserError
from cnn_bench.runs import RunDirectory, schema
from cnn_bench.training import recipe
from cnn_bench.training.checkpoint import Checkpoints
from cnn_bench.training.state import State
from cnn_bench.training.task import Task


def restore(run: RunDirectory, data_dir: str | None = None, devices: int | None = None) -> tuple[Task, State]:
    """A run's Task and the State of its newest checkpoint, on its recipe's number of devices unless one is given.

    Raises UserError where there is no run, or no checkpoint that can be read.
    """
    fields = run.read(schema.CONFIG)
    if fields is None:
        raise UserError(f'{run.path} is not a run: it has no {schema.CONFIG}')
    task = Task(recipe.from_dict(fields if devices is None else {**fields, 'devices': devices}), data_dir)
    if not (run / schema.CHECKPOINTS).is_dir():
        raise UserError(f'{run.path} has no checkpoint')
    with Checkpoints(run / schema.CHECKPOINTS, task.config.keep_checkpoints, read_only=True) as checkpoints:
        if checkpoints.latest_step() is None:
            raise UserError(f'{run.path} has no checkpoint')
        state, _ = checkpoints.restore(task.fresh_state())
    return task, state
