"""Saving and restoring the training state with Orbax."""

from pathlib import Path
from types import TracebackType

import jax
import orbax.checkpoint as ocp

from cnn_bench.digest import digest
from cnn_bench.errors import UserError
from cnn_bench.training.state import State


class Checkpoints:
    """The checkpoints of one run, newest last. A context manager: leaving it waits for saves under way."""

    def __init__(self, directory: Path, keep: int):
        self.directory = directory
        options = ocp.CheckpointManagerOptions(max_to_keep=keep, create=True)
        self._manager = ocp.CheckpointManager(directory.absolute(), options=options)

    def __enter__(self) -> 'Checkpoints':
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._manager.close()

    def save(self, state: State, progress: dict) -> None:
        """Save `state` and the JSON-able `progress` that goes with it, in the background."""
        record = {'progress': progress, 'sha256': digest(state)}
        self._manager.save(
            int(state.step),
            args=ocp.args.Composite(state=ocp.args.StandardSave(state), record=ocp.args.JsonSave(record)),
        )

    def latest_step(self) -> int | None:
        """The step of the newest whole checkpoint; None where there is none."""
        return self._manager.latest_step()

    def restore(self, like: State) -> tuple[State, dict]:
        """The newest checkpoint's state and progress, with the shapes and placement of `like`.

        Raises UserError where it is damaged or of another network.
        """
        step = self.latest_step()
        where = self.directory / str(step)
        abstract = jax.tree.map(ocp.utils.to_shape_dtype_struct, like)
        args = ocp.args.Composite(state=ocp.args.StandardRestore(abstract), record=ocp.args.JsonRestore())
        try:
            restored = self._manager.restore(step, args=args)
            state, record = restored['state'], restored['record']
            whole = record['sha256'] == digest(state)
        except Exception as error:  # Orbax, TensorStore and JSON each raise their own
            first_line = next(iter(str(error).splitlines()), '')[:200]
            raise _damaged(where, f'{type(error).__name__}: {first_line}') from error
        if not whole:
            raise _damaged(where, 'its content is not what was saved')
        return state, record['progress']


def _damaged(where: Path, why: str) -> UserError:
    return UserError(f'the checkpoint {where} cannot be read ({why}); delete it to go on from the one before')
