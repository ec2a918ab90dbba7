"""Running trials as Ray tasks, each on a node of a cluster in a scratch directory that is mirrored in shared storage.

A trial whose node or worker dies is started again on another one and goes on from the last checkpoint that was
mirrored. Every node needs cnn_bench and the prepared data; the recipe travels with the task.
"""

import contextlib
import json
import os
import posixpath
import shutil
import signal
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec
import ray
from fsspec.implementations.local import LocalFileSystem

from cnn_bench import recipe
from cnn_bench.errors import Stopped, UserError
from cnn_bench.runs import RunDirectory
from cnn_bench.runtime.compilation import cache_variables
from cnn_bench.sweep import records
from cnn_bench.sweep.executor import Ended
from cnn_bench.sweep.experiment import Trial
from cnn_bench.sweep.process import spawn
from cnn_bench.sweep.slots import OF_THE_SHARE
from cnn_bench.sweep.storage import Mirror

RETRIES = 5  # of a trial whose worker or node dies
PUSH_S = 10.0
POLL_S = 0.2
RECIPE = """# {name}, as the sweep asked for it
import json
from cnn_bench import recipe

def get_config(arg=''):
    return recipe.from_dict(json.loads({fields!r}))
"""


@dataclass(frozen=True)
class Order:
    """What a node is told to run."""

    name: str
    fields: str  # the recipe, JSON
    storage: str  # where the run directory is mirrored
    after: str  # the run beside it that its first weights come from; empty: none
    data_dir: str | None
    memory_gib: float
    push_s: float  # from one push to storage to the next
    environment: dict[str, str]


class RayCluster:
    """An executor on a Ray cluster. Storage is the sweep's own directory on a disk that all nodes share, or a URL."""

    def __init__(
        self,
        out: Path,
        storage: str | None = None,
        address: str | None = None,
        jobs: int | None = None,
        cpus: float = 1.0,
        gpu_share: float = 1.0,
        data_dir: str | None = None,
        memory_gib: float = 0.0,
        push_s: float = PUSH_S,
    ):
        """`jobs` at once, default: as many as the cluster has room for. Touches no cluster before it is entered."""
        self.own = str(out / 'trials')
        self.storage = posixpath.join(_absolute(storage), 'trials') if storage else self.own
        self.address, self.jobs, self.cpus, self.gpu_share = address, jobs, cpus, gpu_share
        self.data_dir = os.path.abspath(data_dir) if data_dir else None
        self.memory_gib, self.push_s = memory_gib, push_s
        self._running: dict[Any, tuple[Trial, RunDirectory]] = {}

    def __enter__(self) -> 'RayCluster':
        self._ours = not ray.is_initialized()
        if self._ours:
            try:
                here = {} if self.address or os.environ.get('RAY_ADDRESS') else {'include_dashboard': False}
                ray.init(self.address, log_to_driver=False, logging_level='error', **here)
            except (ConnectionError, RuntimeError, ValueError) as error:
                raise UserError(f'--executor ray: {str(error).strip().splitlines()[0]}') from error
        has_gpus = ray.cluster_resources().get('GPU', 0) > 0
        self._resources = {'num_cpus': self.cpus, 'num_gpus': self.gpu_share if has_gpus else 0}
        self._flag = _StopFlag.options(num_cpus=0, max_restarts=-1).remote()
        return self

    def __exit__(self, kind: type | None, *exception) -> None:
        for task in self._running:
            ray.cancel(task, force=True)
        if self._ours:
            ray.shutdown()

    def free(self) -> int:
        """How many more trials can start now: on a cluster that grows, more and more."""
        return self._at_once() - len(self._running)

    def running(self) -> list[Trial]:
        """The trials under way, waiting for their node or on it."""
        return [trial for trial, _ in self._running.values()]

    def start(self, trial: Trial, run: RunDirectory) -> None:
        """Start a trial wherever there is room."""
        share = {'XLA_PYTHON_CLIENT_MEM_FRACTION': f'{self.gpu_share * OF_THE_SHARE:.3g}'} if self.gpu_share < 1 else {}
        order = Order(
            name=trial.name,
            fields=json.dumps(recipe.to_dict(trial.config)),
            storage=posixpath.join(self.storage, trial.id),
            after=trial.after,
            data_dir=self.data_dir,
            memory_gib=self.memory_gib,
            push_s=self.push_s,
            environment=share if self._resources['num_gpus'] else {},
        )
        if self.storage == self.own:
            run.create()
        options = {**self._resources, 'max_retries': RETRIES, 'name': trial.id}
        self._running[run_trial.options(**options).remote(order, self._flag)] = (trial, run)

    def ended(self) -> list[Ended]:
        """The trials that ended since the last time, gathered from storage."""
        over, _ = (
            ray.wait(list(self._running), num_returns=len(self._running), timeout=0) if self._running else ([], [])
        )
        return [self._gathered(task, *self._running.pop(task)) for task in over]

    def stop(self) -> None:
        """Ask those that run to save, to push and to end. Those that wait for a node end when they get one."""
        self._flag.set.remote()

    def _gathered(self, task: Any, trial: Trial, run: RunDirectory) -> Ended:
        status, lost = None, ''
        try:
            status = ray.get(task)
        except ray.exceptions.RayError as error:
            words = [line.strip() for line in str(error).splitlines() if line.strip()]
            short = isinstance(error, ray.exceptions.OutOfMemoryError)
            lost = 'out of memory on its node' if short else words[-1] if words else type(error).__name__
        if self.storage != self.own:
            Mirror(run.path, posixpath.join(self.storage, trial.id)).pull()
        return Ended(trial, status, lost)

    def _at_once(self) -> int:
        there = ray.cluster_resources()
        needed = {'CPU': self._resources['num_cpus'], 'GPU': self._resources['num_gpus']}
        room = [int(there.get(kind, 0) // amount) for kind, amount in needed.items() if amount]
        limits = [max(1, min(room, default=1)), *([self.jobs] if self.jobs else [])]
        return min(limits)


@ray.remote
class _StopFlag:
    """What the driver tells all tasks."""

    def __init__(self):
        self._set = False

    def set(self) -> None:
        """Ask all to stop."""
        self._set = True

    def is_set(self) -> bool:
        """Whether all are asked to stop."""
        return self._set


@ray.remote
def run_trial(order: Order, flag: Any) -> int:
    """Run a trial on this node, and return its process's exit status."""
    scratch = Path(tempfile.mkdtemp(prefix='cnn_bench_'))
    try:
        return _run_in(scratch, order, flag)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _run_in(scratch: Path, order: Order, flag: Any) -> int:
    if _asked_to_stop(flag):
        return Stopped.exit_status
    mirror = Mirror(scratch / 'run', order.storage)
    mirror.pull()
    records.forget_failure(RunDirectory(mirror.local))
    if order.after:  # the recipe says where: beside the run directory
        Mirror(scratch / order.after, posixpath.join(posixpath.dirname(order.storage), order.after)).pull()
    recipe_file = scratch / 'recipe.py'
    recipe_file.write_text(RECIPE.format(name=order.name, fields=order.fields))
    cache = cache_variables(Path(tempfile.gettempdir()) / f'cnn_bench_compiled_{os.getuid()}')
    environment = {**cache, **os.environ, **order.environment}
    arguments = ['--config', str(recipe_file)]
    process = spawn(arguments, mirror.local, order.data_dir, order.memory_gib, environment)
    pushed, asked = time.monotonic(), False
    while process.poll() is None:
        time.sleep(POLL_S)
        if not asked and _asked_to_stop(flag):
            process.send_signal(signal.SIGTERM)
            asked = True
        if time.monotonic() > pushed + order.push_s:
            with contextlib.suppress(OSError):  # storage that is away for a while: the last push tells
                mirror.push()
            pushed = time.monotonic()
    mirror.push()
    return process.returncode


def _asked_to_stop(flag: Any) -> bool:
    try:
        return ray.get(flag.is_set.remote(), timeout=POLL_S * 10)
    except ray.exceptions.RayError:  # its node died; it is being started again
        return False


def _absolute(storage: str) -> str:
    fs, path = fsspec.core.url_to_fs(storage)
    return path if isinstance(fs, LocalFileSystem) else storage
