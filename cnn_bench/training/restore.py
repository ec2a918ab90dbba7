"""A trained run brought back from its newest checkpoint."""

from cnn_bench import recipe
from cnn_bench.errors import UserError
from cnn_bench.runs import RunDirectory, schema
from cnn_bench.training.checkpoint import Checkpoints
from cnn_bench.training.origin import recorded
from cnn_bench.training.state import State
from cnn_bench.training.task import Task


def restore(run: RunDirectory, data_dir: str | None = None, devices: int | None = None) -> tuple[Task, State]:
    """A run's Task and the State of its newest checkpoint, on its recipe's number of devices unless one is given.

    Raises UserError where there is no run, or no checkpoint that can be read.
    """
    fields = run.read(schema.CONFIG)
    if fields is None:
        raise UserError(f'{run.path} is not a run: it has no {schema.CONFIG}')
    config = recipe.from_dict(fields if devices is None else {**fields, 'devices': devices})
    init = (run.read(schema.PROVENANCE) or {}).get('init')
    task = Task(config, data_dir, recorded(init) if init else None)
    if not (run / schema.CHECKPOINTS).is_dir():
        raise UserError(f'{run.path} has no checkpoint')
    with Checkpoints(run / schema.CHECKPOINTS, config.keep_checkpoints, read_only=True) as checkpoints:
        step = checkpoints.latest_step()
        if step is None:
            raise UserError(f'{run.path} has no checkpoint')
        state, _ = checkpoints.restore(task.state_like(step))
    return task, state
