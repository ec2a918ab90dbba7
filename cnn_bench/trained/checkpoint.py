"""Saving and restoring the training state with Orbax.

A checkpoint is a directory that gets its name when it is complete, so one that a kill cut short is never seen. Next to
the arrays it holds a record: the run's progress, its recipe, the name and shape of every array, and digests. In a run
of several processes each of them calls every method.
"""

import dataclasses
import hashlib
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import jax
import orbax.checkpoint as ocp

from cnn_bench.digest import digest
from cnn_bench.errors import UserError
from cnn_bench.recipe import differences, renamed
from cnn_bench.trained.orbax_path import orbax_path

SHOWN = 3  # differences between a checkpoint and the network in a message
RENAMED = {'eval_state': 'watch'}  # fields of the state that earlier versions called otherwise


class _Manager(ocp.CheckpointManager):
    """Orbax's manager without its own question whether to stop: the training loop asks, once per poll."""

    def reached_preemption(self, step: int) -> bool:
        """False."""
        return False


class Checkpoints:
    """The checkpoints of one run, newest last. A context manager: leaving it waits for saves in progress.

    A state is a flax dataclass of arrays with the fields `step`, `params`, `model_state`, `variables`, ....
    """

    def __init__(self, directory: Path, keep: int = 1, recipe: dict | None = None, read_only: bool = False):
        """`recipe` is saved with each state; where it is given, only a checkpoint of the same recipe is restored.

        What interrupted saves left behind is removed, unless `read_only`: another process may be training there, whose
        saves are in progress.
        """
        self.directory, self.recipe = directory, recipe
        self._keep, self._read_only = keep, read_only
        options = ocp.CheckpointManagerOptions(
            max_to_keep=keep, create=not read_only, cleanup_tmp_directories=not read_only
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
        self._path = ExitStack()
        path = self._path.enter_context(orbax_path(directory))
        self._manager = _Manager(path, options=options, item_handlers=handlers)

    def __enter__(self) -> 'Checkpoints':
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._path:
            self._manager.close()

    def save(self, state: Any, progress: dict) -> None:
        """Save `state` and the JSON-able `progress` that goes with it, in the background."""
        record = {
            'progress': progress,
            'arrays': _arrays(state),
            'recipe': self.recipe,
            'variables': digest(state.variables),
        }
        record = json.loads(json.dumps(record))  # Orbax writes it later, when the caller may have changed its own
        sealed = {'record': record, 'sha256': _seal(state, record)}
        self._manager.save(
            int(state.step),
            args=ocp.args.Composite(state=ocp.args.PyTreeSave(state), record=ocp.args.JsonSave(sealed)),
        )

    def wait(self) -> None:
        """Return when every save is complete on the disk."""
        self._manager.wait_until_finished()

    def latest_step(self) -> int | None:
        """The step of the newest complete checkpoint, or of one being saved; None where there is none."""
        return self._manager.latest_step()

    def restore(self, like: Any) -> tuple[Any, dict]:
        """The newest checkpoint's state and progress, with the shapes and placement of the state `like`.

        It may have been saved on any number of devices. Once it is read, older ones than are to be kept, which a kill
        may have left, are removed. Raises UserError where it is damaged, or belongs to another network or recipe, with
        the differences.
        """
        sealed = self._sealed()
        record, old = sealed['record'], _old_names(sealed['record']['arrays'])
        if self.recipe is not None:
            _refuse(self._newest, 'of another recipe', renamed(record['recipe'] or {}), self.recipe)
        _refuse(self._newest, 'of another network', record['arrays'], _arrays(like, old))
        fields = {old.get(field.name, field.name): getattr(like, field.name) for field in dataclasses.fields(like)}
        read = self._read(like if not old else fields)
        state = read if not old else like.replace(**{name: read[old.get(name, name)] for name in vars(like)})
        if _seal(state, record, old) != sealed['sha256']:
            raise self._damaged('its content is not what was saved')
        self._remove_old()
        return state, record['progress']

    def restore_variables(self, like: dict) -> dict:
        """The network's variables of the newest checkpoint, without the rest of its state.

        `like` has their shapes and placement. Raises UserError as `restore` does.
        """
        record = self._sealed()['record']
        like = {'params': like['params'], 'model_state': {name: like[name] for name in like if name != 'params'}}
        there = {name: kind for name, kind in record['arrays'].items() if name.partition('/')[0] in like}
        _refuse(self._newest, 'of another network', there, _arrays(like))
        read = self._read(like, partial_restore=True)
        variables = {'params': read['params'], **read['model_state']}
        if 'variables' in record and digest(variables) != record['variables']:  # earlier versions did not keep it
            raise self._damaged('its content is not what was saved')
        return variables

    @property
    def _newest(self) -> Path:
        return self.directory / str(self.latest_step())

    def _sealed(self) -> dict:
        """The record of the newest checkpoint and the seal over it and the arrays."""
        try:
            args = ocp.args.Composite(record=ocp.args.JsonRestore())
            sealed = self._manager.restore(self.latest_step(), args=args)['record']
            _ = sealed['sha256'], [sealed['record'][name] for name in ('recipe', 'arrays', 'progress')]
        except Exception as error:  # Orbax and JSON each raise their own
            raise self._damaged(error) from error
        return sealed

    def _read(self, like: Any, **options: Any) -> Any:
        abstract = jax.tree.map(ocp.utils.to_shape_dtype_struct, like)
        try:
            restore_args = ocp.checkpoint_utils.construct_restore_args(abstract)
            args = ocp.args.Composite(state=ocp.args.PyTreeRestore(abstract, restore_args=restore_args, **options))
            with _silent_reads():
                return self._manager.restore(self.latest_step(), args=args)['state']
        except Exception as error:  # Orbax and TensorStore each raise their own
            raise self._damaged(error) from error

    def _remove_old(self) -> None:
        if not self._read_only:
            for step in sorted(self._manager.all_steps())[: -self._keep]:
                self._manager.delete(step)

    def _damaged(self, why: Exception | str) -> UserError:
        if isinstance(why, Exception):
            first_line = next(iter(str(why).splitlines()), '')[:200]
            why = f'{type(why).__name__}: {first_line}'
        before = [step for step in self._manager.all_steps() if step < self.latest_step()]
        start = f'from that of step {max(before)}' if before else 'from the start: there is none before it'
        return UserError(f'the checkpoint {self._newest} cannot be read ({why}); delete it to go on {start}')


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


@contextmanager
def _silent_reads() -> Iterator[None]:
    """Keep failed reads from printing: of many that fail, one is raised here.

    The others end later, after the event loop that waited for them, so the hook stays in place after a failure.
    """
    before = sys.unraisablehook

    def hook(unraisable) -> None:
        if str(unraisable.exc_value) != 'Event loop is closed':
            before(unraisable)

    sys.unraisablehook = hook
    yield
    sys.unraisablehook = before
