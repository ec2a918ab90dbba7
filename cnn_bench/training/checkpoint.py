"""Saving and restoring the training state with Orbax.

A checkpoint is a directory that gets its name when it is whole, so one that a kill cut short is never seen. With the
arrays goes a record: how far the run was, by what recipe, the name and shape of every array, and a digest of them all.
In a run of several processes each of them calls every method.
"""

import hashlib
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import jax
import orbax.checkpoint as ocp

from cnn_bench.digest import digest
from cnn_bench.errors import UserError
from cnn_bench.recipe import differences
from cnn_bench.training.state import State

SHOWN = 3  # of the differences between a checkpoint and the network that it is to be restored into


class _Manager(ocp.CheckpointManager):
    """Orbax's, but for asking JAX whether to stop: the loop asks, and counts how often."""

    def reached_preemption(self, step: int) -> bool:
        """False."""
        return False


class Checkpoints:
    """The checkpoints of one run, newest last. A context manager: leaving it waits for saves under way."""

    def __init__(self, directory: Path, keep: int, recipe: dict | None = None, read_only: bool = False):
        """`recipe` is saved with each state; where one is given, only a checkpoint of the same recipe is restored.

        What saves that were cut short left behind is cleared away, but with `read_only`, for runs that another process
        may be training: there they may be under way.
        """
        self.directory, self.recipe = directory, recipe
        options = ocp.CheckpointManagerOptions(
            max_to_keep=keep, create=not read_only, cleanup_tmp_directories=not read_only
        )
        # Every device holds the whole state. Orbax would have each write a part of every array, for which a program is
        # compiled for each shape: ten seconds before the first save, where one device writes all in a moment.
        arrays = ocp.type_handlers.ArrayHandler(use_replica_parallel=False)
        types = ocp.type_handlers.create_type_handler_registry((jax.Array, arrays))
        handlers = {
            'state': ocp.PyTreeCheckpointHandler(type_handler_registry=types),
            'record': ocp.JsonCheckpointHandler(),
        }
        self._manager = _Manager(directory.absolute(), options=options, item_handlers=handlers)

    def __enter__(self) -> 'Checkpoints':
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._manager.close()

    def save(self, state: State, progress: dict) -> None:
        """Save `state` and the JSON-able `progress` that goes with it, in the background."""
        record = {'progress': progress, 'arrays': _arrays(state), 'recipe': self.recipe}
        record = json.loads(json.dumps(record))  # Orbax writes it later, when the caller's may have moved on
        sealed = {'record': record, 'sha256': _seal(state, record)}
        self._manager.save(
            int(state.step),
            args=ocp.args.Composite(state=ocp.args.PyTreeSave(state), record=ocp.args.JsonSave(sealed)),
        )

    def wait(self) -> None:
        """Return when every save is whole on the disk."""
        self._manager.wait_until_finished()

    def latest_step(self) -> int | None:
        """The step of the newest whole checkpoint, or of one being saved; None where there is none."""
        return self._manager.latest_step()

    def restore(self, like: State) -> tuple[State, dict]:
        """The newest checkpoint's state and progress, with the shapes and placement of `like`.

        It may have been saved on any number of devices. Raises UserError where it is damaged, or of another network or
        recipe, saying what differs.
        """
        step = self.latest_step()
        where = self.directory / str(step)
        abstract = jax.tree.map(ocp.utils.to_shape_dtype_struct, like)
        try:
            sealed = self._manager.restore(step, args=ocp.args.Composite(record=ocp.args.JsonRestore()))['record']
            record, seal = sealed['record'], sealed['sha256']
            recipe, arrays, progress = record['recipe'], record['arrays'], record['progress']
        except Exception as error:  # Orbax and JSON each raise their own
            raise _damaged(where, error) from error
        self._check_same(where, recipe, arrays, _arrays(like))
        try:
            how = ocp.checkpoint_utils.construct_restore_args(abstract)
            args = ocp.args.Composite(state=ocp.args.PyTreeRestore(abstract, restore_args=how))
            with _silent_reads():
                state = self._manager.restore(step, args=args)['state']
        except Exception as error:  # Orbax and TensorStore each raise their own
            raise _damaged(where, error) from error
        if _seal(state, record) != seal:
            raise _damaged(where, 'its content is not what was saved')
        return state, progress

    def _check_same(self, where: Path, recipe: dict | None, there: dict, here: dict) -> None:
        if self.recipe is not None:
            _refuse(where, 'of another recipe', recipe or {}, self.recipe)
        _refuse(where, 'of another network', there, here)


def _seal(state: State, record: dict) -> str:
    return hashlib.sha256((digest(state) + json.dumps(record, sort_keys=True)).encode()).hexdigest()


def _arrays(state: State) -> dict[str, str]:
    """{path: 'dtype[shape]'} of every array."""
    leaves = jax.tree_util.tree_leaves_with_path(state)
    return {
        jax.tree_util.keystr(path, simple=True, separator='/'): f'{leaf.dtype}{list(leaf.shape)}'
        for path, leaf in leaves
    }


def _refuse(where: Path, of_what: str, there: dict, here: dict) -> None:
    lines = differences(there, here)
    if lines:
        more = f' and {len(lines) - SHOWN} more' if len(lines) > SHOWN else ''
        raise UserError(f'the checkpoint {where} is {of_what} (there, here): {"; ".join(lines[:SHOWN])}{more}')


def _damaged(where: Path, why: Exception | str) -> UserError:
    if isinstance(why, Exception):
        first_line = next(iter(str(why).splitlines()), '')[:200]
        why = f'{type(why).__name__}: {first_line}'
    return UserError(f'the checkpoint {where} cannot be read ({why}); delete it to go on from the one before')


@contextmanager
def _silent_reads() -> Iterator[None]:
    """A restore whose reads print nothing where they fail, as many do beside the one that is raised.

    They end whenever they end, after the event loop that waited for them, so after a failure it stays so.
    """
    before = sys.unraisablehook

    def hook(unraisable) -> None:
        if str(unraisable.exc_value) != 'Event loop is closed':
            before(unraisable)

    sys.unraisablehook = hook
    yield
    sys.unraisablehook = before
