"""Saving and restoring the training state with Orbax.

A checkpoint is a directory that gets its name when it is complete, so one that a kill cut short is never seen. Next to
the arrays it holds a record: the run's progress, its recipe, the name and shape of every array, and digests. In a run
of several processes each of them calls every method.
"""

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import jax
import orbax.checkpoint as ocp
from orbax.checkpoint.checkpoint_managers import preservation_policy

from cnn_bench.digest import digest
from cnn_bench.errors import RunFailed, UserError
from cnn_bench.files import reason
from cnn_bench.recipe import differences, renamed
from cnn_bench.runs import RunDirectory, schema
from cnn_bench.runs.directory import complete_steps
from cnn_bench.trained.orbax_path import orbax_path
from cnn_bench.trained.quiet import quiet

SHOWN = 3  # differences between a checkpoint and the network in a message
RENAMED = {'eval_state': 'watch'}  # fields of the state that earlier versions called otherwise


class DamagedCheckpoint(UserError):
    """A checkpoint cannot be read."""


class _Manager(ocp.CheckpointManager):
    """Orbax's manager without its own question whether to stop: the training loop asks, once per poll."""

    def reached_preemption(self, step: int) -> bool:
        """False."""
        return False


class _Kept(preservation_policy.PreservationPolicy):
    """Orbax's question which checkpoints stay, answered by `Checkpoints.kept`."""

    def __init__(self, checkpoints: 'Checkpoints'):
        self._checkpoints = checkpoints

    def should_preserve(self, checkpoints: Sequence[Any], *, context: Any) -> list[bool]:
        """Whether each checkpoint stays."""
        kept = self._checkpoints.kept([checkpoint.step for checkpoint in checkpoints])
        return [checkpoint.step in kept for checkpoint in checkpoints]


class Checkpoints:
    """The checkpoints of one run, newest last. A context manager: leaving it waits for saves in progress.

    A state is a flax dataclass of arrays with the fields `step`, `params`, `model_state`, `variables`, .... The newest
    ones are kept, and that of the step in `best`, which may be set at any time.
    """

    def __init__(self, directory: Path, keep: int = 1, recipe: dict | None = None, read_only: bool = False):
        """`recipe` is saved with each state; where it is given, only a checkpoint of the same recipe is restored.

        What interrupted saves left behind is removed, unless `read_only`: another process may be training there, whose
        saves are in progress.
        """
        self.directory, self.recipe = directory, recipe
        self._keep = keep
        self.best: int | None = None
        options = ocp.CheckpointManagerOptions(
            preservation_policy=_Kept(self), create=not read_only, cleanup_tmp_directories=not read_only
        )
        # Every device holds the whole state. By default Orbax has each device write a part of every array, and compiles
        # a program for each shape to cut it out: ten seconds before the first save. One device writing all is instant.
        arrays = ocp.type_handlers.ArrayHandler(use_replica_parallel=False)
        types = ocp.type_handlers.create_type_handler_registry((jax.Array, arrays))
        handlers = {
            'state': ocp.PyTreeCheckpointHandler(type_handler_registry=types),
            'record': ocp.JsonCheckpointHandler(),
        }
        if not read_only:
            directory.parent.mkdir(parents=True, exist_ok=True)
        self._open = ExitStack()
        self._open.enter_context(quiet())
        path = self._open.enter_context(orbax_path(directory))
        try:
            self._manager = _Manager(path, options=options, item_handlers=handlers)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:  # of its metadata
            self._open.close()
            raise DamagedCheckpoint(f'the checkpoints in {directory} cannot be read ({reason(error)})') from error
        self._open.push(self._close)

    def __enter__(self) -> 'Checkpoints':
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._open.__exit__(kind, error, trace)

    def _close(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._saving() if error is None else suppress(Exception):  # a save that failed fails again
            self._manager.close()

    def save(self, state: Any, progress: dict) -> None:
        """Save `state` and the JSON-able `progress` that goes with it, in the background.

        Raises RunFailed where this save, or the one before it, cannot be written.
        """
        record = {
            'progress': progress,
            'arrays': _arrays(state),
            'recipe': self.recipe,
            'variables': digest(state.variables),
        }
        record = json.loads(json.dumps(record))  # Orbax writes it later, when the caller may have changed its own
        sealed = {'record': record, 'sha256': _seal(state, record)}
        args = ocp.args.Composite(state=ocp.args.PyTreeSave(state), record=ocp.args.JsonSave(sealed))
        with self._saving():
            self._manager.save(int(state.step), args=args)

    def wait(self) -> None:
        """Return when every save is complete on the disk. Raises RunFailed where one cannot be written."""
        with self._saving():
            self._manager.wait_until_finished()

    def latest_step(self) -> int | None:
        """The step of the newest complete checkpoint, or of one being saved; None where there is none."""
        return self._manager.latest_step()

    def steps(self) -> list[int]:
        """The steps of all complete checkpoints, oldest first."""
        return complete_steps(self.directory)

    def kept(self, steps: list[int]) -> list[int]:
        """Those of `steps`, in rising order, whose checkpoints are kept."""
        return [step for step in steps if step in steps[-self._keep :] or step == self.best]

    def remove_old(self) -> None:
        """Delete the checkpoints beyond the number to keep, which a kill may have left."""
        for step in sorted(set(self.steps()) - set(self.kept(self.steps()))):
            self._manager.delete(step)

    def delete(self, step: int) -> None:
        """Delete the checkpoint of `step`."""
        self._manager.delete(step)

    def restore(self, like: Any, step: int | None = None) -> tuple[Any, dict]:
        """State and progress of the checkpoint of `step` (default: the newest), with the shapes and placement of the
        state `like`.

        It may have been saved on any number of devices. Raises DamagedCheckpoint where it cannot be read, and
        UserError where it belongs to another network or recipe, with the differences.
        """
        step = self.latest_step() if step is None else step
        sealed = self._sealed(step)
        record, old = sealed['record'], _old_names(sealed['record']['arrays'])
        if self.recipe is not None:
            _refuse(self._at(step), 'of another recipe', renamed(record['recipe'] or {}), renamed(self.recipe))
        _refuse(self._at(step), 'of another network', record['arrays'], _arrays(like, old))
        fields = {old.get(field.name, field.name): getattr(like, field.name) for field in dataclasses.fields(like)}
        read = self._read(like if not old else fields, step)
        state = read if not old else like.replace(**{name: read[old.get(name, name)] for name in vars(like)})
        if _seal(state, record, old) != sealed['sha256']:
            raise self._damaged(step, 'its content is not what was saved')
        return state, record['progress']

    def restore_variables(self, like: dict, step: int | None = None) -> dict:
        """The network's variables of the checkpoint of `step` (default: the newest), without the rest of its state.

        `like` has their shapes and placement. Raises UserError as `restore` does.
        """
        step = self.latest_step() if step is None else step
        record = self._sealed(step)['record']
        like = {'params': like['params'], 'model_state': {name: like[name] for name in like if name != 'params'}}
        there = {name: kind for name, kind in record['arrays'].items() if name.partition('/')[0] in like}
        _refuse(self._at(step), 'of another network', there, _arrays(like))
        read = self._read(like, step, partial_restore=True)
        variables = {'params': read['params'], **read['model_state']}
        if 'variables' in record and digest(variables) != record['variables']:  # earlier versions did not keep it
            raise self._damaged(step, 'its content is not what was saved')
        return variables

    def _at(self, step: int) -> Path:
        return self.directory / str(step)

    def _sealed(self, step: int) -> dict:
        """The record of a checkpoint and the seal over it and the arrays."""
        try:
            args = ocp.args.Composite(record=ocp.args.JsonRestore())
            sealed = self._manager.restore(step, args=args)['record']
            _ = sealed['sha256'], [sealed['record'][name] for name in ('recipe', 'arrays', 'progress')]
        except MemoryError:  # says nothing of the files
            raise
        except Exception as error:  # Orbax and JSON each raise their own
            raise self._damaged(step, error) from error
        return sealed

    def _read(self, like: Any, step: int, **options: Any) -> Any:
        abstract = jax.tree.map(ocp.utils.to_shape_dtype_struct, like)
        try:
            restore_args = ocp.checkpoint_utils.construct_restore_args(abstract)
            args = ocp.args.Composite(state=ocp.args.PyTreeRestore(abstract, restore_args=restore_args, **options))
            return self._manager.restore(step, args=args)['state']
        except MemoryError:  # says nothing of the files
            raise
        except Exception as error:  # Orbax and TensorStore each raise their own
            raise self._damaged(step, error) from error

    def _damaged(self, step: int, why: Exception | str) -> 'DamagedCheckpoint':
        why = f'{type(why).__name__}: {reason(why)}' if isinstance(why, Exception) else why
        before = max((each for each in self.steps() if each < step), default=None)
        cure = 'there is none before it' if before is None else f'`train --fall-back` goes on from step {before}'
        return DamagedCheckpoint(f'the checkpoint {self._at(step)} cannot be read ({why}); {cure}')

    @contextmanager
    def _saving(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # Orbax and TensorStore each raise their own
            whole = self.steps()
            cure = (
                f'that of step {whole[-1]} is whole: the same command goes on from it'
                if whole
                else 'there is none before it'
            )
            raise RunFailed(
                f'a checkpoint in {self.directory} could not be written ({reason(error)}); {cure}'
            ) from error


def step_of_weights(run: RunDirectory, checkpoints: Checkpoints) -> int:
    """The step of the weights that stand for a run: those that were tested, or the newest of an unfinished run.

    Raises UserError where the run has no checkpoint.
    """
    tested = (run.read(schema.SUMMARY) or {}).get('tested_step')
    step = checkpoints.latest_step() if tested is None else tested
    if step is None:
        raise UserError(f'{run.path} has no checkpoint')
    return step


def _old_names(arrays: dict) -> dict[str, str]:
    """{today's name: the name there} of the state's fields that an earlier version wrote under another name."""
    top = {name.partition('/')[0] for name in arrays}
    return {now: then for now, then in RENAMED.items() if then in top}


def _seal(state: Any, record: dict, old: dict[str, str] | None = None) -> str:
    return hashlib.sha256((digest(state, old) + json.dumps(record, sort_keys=True)).encode()).hexdigest()


def _arrays(state: Any, old: dict[str, str] | None = None) -> dict[str, str]:
    """{path: 'dtype[shape]'} of every array, with the names of fields that an earlier version used where `old` says."""
    arrays = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(state):
        top, slash, rest = jax.tree_util.keystr(path, simple=True, separator='/').partition('/')
        arrays[(old or {}).get(top, top) + slash + rest] = f'{leaf.dtype}{list(leaf.shape)}'
    return arrays


def _refuse(where: Path, of_what: str, there: dict, here: dict) -> None:
    lines = differences(there, here)
    if lines:
        more = f' and {len(lines) - SHOWN} more' if len(lines) > SHOWN else ''
        raise UserError(f'the checkpoint {where} is {of_what} (there, here): {"; ".join(lines[:SHOWN])}{more}')
