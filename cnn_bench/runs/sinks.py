"""Sinks: where metrics go besides metrics.jsonl, which is authoritative. If a sink fails, the run continues without it.

The output on the terminal is not a sink but `training.progress`, which the loop feeds itself.
"""

import importlib
import json
import netrc
import os
import socket
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from cnn_bench.errors import UserError, printable
from cnn_bench.runs import schema
from cnn_bench.runs.directory import RunDirectory

PACKAGES = {'wandb': 'wandb', 'tensorboard': 'tensorboardX'}  # field of the recipe and extra -> what it imports
EVENTS = 'events.out.tfevents.'  # how the name of an event file begins
IMAGES = ('.png', '.jpg', '.jpeg')


class Sink(Protocol):
    """A place that metrics are sent to. Any exception from it excludes it from the rest of the run."""

    def log(self, rows: list[dict]) -> None:
        """Take rows of metrics.jsonl, in their order."""

    def finish(self, summary: dict) -> None:
        """Take the summary (its `state` may be `unfinished`) and close."""


class Sinks:
    """All sinks of a session. One that raises is dropped with one line on stderr; the run goes on."""

    def __init__(self, makers: Mapping[str, Callable[[int], Sink]]):
        """makers: name -> a function that makes the sink, given the step from which training continues."""
        self._makers = dict(makers)
        self._sinks: dict[str, Sink] = {}

    def open(self, step: int) -> None:
        """Make the sinks. Training continues after `step`, up to which metrics.jsonl has its rows."""

        def make(name: str) -> None:
            self._sinks[name] = self._makers[name](step)

        self._each(self._makers, make)

    def log(self, rows: list[dict]) -> None:
        """Send rows to every sink."""
        self._each(self._sinks, lambda name: self._sinks[name].log(rows))

    def finish(self, summary: dict) -> None:
        """Send the summary to every sink and close them."""
        self._each(self._sinks, lambda name: self._sinks[name].finish(summary))
        self._sinks.clear()

    def _each(self, names: Iterable[str], action: Callable[[str], None]) -> None:
        for name in list(names):
            try:
                action(name)
            except Exception as error:  # whatever a service does must not end a run
                self._sinks.pop(name, None)
                why = printable(' '.join(str(error).split()) or type(error).__name__)
                print(f'cnn-bench: {name} failed and is left out from here on: {why}', file=sys.stderr)


def wanted(config: Any, run: RunDirectory) -> Sinks:
    """The sinks that a recipe enables, not opened yet. Raises UserError where a package is missing."""
    makers = {}
    if config.wandb.enabled:
        makers['wandb'] = partial(Wandb, config.wandb.project, run)
    if config.tensorboard.enabled:
        makers['tensorboard'] = partial(TensorBoard, run)
    for name in makers:
        try:
            importlib.import_module(PACKAGES[name])
        except ImportError as error:
            raise UserError(f"config.{name}.enabled needs {PACKAGES[name]}: pip install 'cnn_bench[{name}]'") from error
    return Sinks(makers)


class Wandb:
    """Weights & Biases, offline where there is no key. Each session is a run of its own there, since offline runs
    cannot be resumed. Rows carry their step as a value, `step`, the axis of all charts."""

    def __init__(self, project: str, run: RunDirectory, step: int):
        import wandb

        mode = os.environ.get('WANDB_MODE', 'online' if _has_key() else 'offline')
        config = {**run.read(schema.CONFIG), 'network': _network(run), 'resumed_at_step': step}
        self._directory = run.path
        self._image = wandb.Image
        self._run = wandb.init(project=project, name=run.path.name, config=config, dir=str(run.path), mode=mode)
        self._run.define_metric('step')
        self._run.define_metric('*', step_metric='step')

    def log(self, rows: list[dict]) -> None:
        """Send rows of metrics.jsonl, each kind of row as its own group."""
        for row in rows:
            self._run.log({'step': row['step'], **dict(_values(row))})

    def finish(self, summary: dict) -> None:
        """Send the images in the run directory and the summary, and close."""
        for path in images(self._directory):
            name = path.relative_to(self._directory).with_suffix('').as_posix()
            self._run.log({f'charts/{name}': self._image(str(path))})
        self._run.summary.update(summary)
        self._run.finish(exit_code=int(summary['state'] != 'finished'))


class TensorBoard:
    """Event files below the run directory. Each row is on disk when `log` returns, so that the events of all steps up
    to a checkpoint survive a kill. A session that resumes from a checkpoint purges the events from its step on, which
    a killed session may have left, and rewrites those in metrics.jsonl: no step appears twice."""

    def __init__(self, run: RunDirectory, step: int):
        from tensorboardX.proto import event_pb2
        from tensorboardX.record_writer import RecordWriter

        self._event, self._last = event_pb2.Event, step
        directory = run / schema.TENSORBOARD
        directory.mkdir(exist_ok=True)
        self._records = RecordWriter(str(directory / f'{EVENTS}{_after_all(directory)}.{socket.gethostname()}'))
        self._write(0, file_version='brain.Event:2')
        start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
        self._write(step, session_log=start)  # readers drop the events of earlier files from this step on
        self._text('config', run.read(schema.CONFIG), step)
        self._text('network', _network(run), step)
        self.log([row for row in run.metrics() if row['step'] >= step])

    def log(self, rows: list[dict]) -> None:
        """Write rows of metrics.jsonl as scalars `kind/name`."""
        from tensorboardX.proto.summary_pb2 import Summary

        for row in rows:
            scalars = [Summary.Value(tag=tag, simple_value=value) for tag, value in _values(row)]
            self._write(row['step'], summary=Summary(value=scalars))
            self._last = row['step']
        self._records.flush()

    def finish(self, summary: dict) -> None:
        """Write the summary as text and close."""
        self._text('summary', summary, self._last)
        self._records.close()

    def _text(self, tag: str, content: dict, step: int) -> None:
        from tensorboardX.summary import text

        lines = json.dumps(content, indent=1, sort_keys=True).splitlines()
        self._write(step, summary=text(tag, '\n'.join(f'    {line}' for line in lines)))  # Markdown: as it stands

    def _write(self, step: int, **content) -> None:
        self._records.write(self._event(step=step, wall_time=time.time(), **content).SerializeToString())


def _after_all(directory: Path) -> int:
    """The time for the name of a new event file, in seconds: readers take the files in the order of their names, which
    must be that of the sessions, also where a clock was set back between two of them."""
    names = (path.name.removeprefix(EVENTS).partition('.')[0] for path in directory.glob(f'{EVENTS}*'))
    return max([int(time.time()), *(int(name) + 1 for name in names if name.isdecimal())])


def images(directory: Path) -> list[Path]:
    """The images in a run directory, except in the directories of sinks and checkpoints."""
    own = {'wandb', schema.TENSORBOARD, schema.CHECKPOINTS}
    found = (path for path in directory.rglob('*') if path.suffix.lower() in IMAGES)
    return sorted(path for path in found if path.relative_to(directory).parts[0] not in own)


def _values(row: dict) -> list[tuple[str, float]]:
    """(`kind/name`, value) of the numbers in a row of metrics.jsonl."""
    return [(f'{row["kind"]}/{k}', v) for k, v in row.items() if k != 'step' and isinstance(v, int | float)]


def _network(run: RunDirectory) -> dict:
    """The cost of the network, from provenance.json."""
    return run.read(schema.PROVENANCE)['network']


def _has_key() -> bool:
    """Whether there is a key, in the environment or where `wandb login` stores it."""
    try:
        logins = netrc.netrc().hosts
    except (OSError, netrc.NetrcParseError):
        logins = {}
    return 'WANDB_API_KEY' in os.environ or 'api.wandb.ai' in logins
