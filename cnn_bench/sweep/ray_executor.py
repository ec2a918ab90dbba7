"""Running trials as Ray tasks: each in a scratch directory on a node of the cluster, mirrored to shared storage.

If a worker or a node dies, Ray restarts the trial on another one, where it resumes from the last mirrored checkpoint.
Every node needs cnn_bench, the prepared data and, at the same path, the files of networks outside the package; the
recipe is sent with the task.
"""

import contextlib
import json
import os
import posixpath
import signal
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from fsspec.implementations.local import LocalFileSystem

from cnn_bench import recipe
from cnn_bench.errors import Stopped, UserError
from cnn_bench.files import scratch_directory
from cnn_bench.runs import RunDirectory
from cnn_bench.runtime.compilation import cache_variables
from cnn_bench.sweep import records
from cnn_bench.sweep.executor import EndedTrial
from cnn_bench.sweep.experiment import Trial
from cnn_bench.sweep.mirror import Mirror, file_system
from cnn_bench.sweep.process import spawn
from cnn_bench.sweep.resources import gpu_memory

MAX_RETRIES = 5  # of a trial after its worker or node died
PUSH_S = 10.0
POLL_S = 0.2
RECIPE = """# {name}, written by the sweep
import json
from cnn_bench import recipe

def get_config(arg=''):
    return recipe.from_dict(json.loads({fields!r}))
"""


@dataclass(frozen=True)
class Job:
    """A trial as it is sent to a node."""

    name: str
    fields: str  # the recipe, JSON
    storage: str  # where the run directory is mirrored
    depends_on: str  # the run beside it that holds its initial weights; empty: none
    until_step: int  # where it pauses; 0: it does not
    data_dir: str | None
    memory_gib: float
    push_s: float  # seconds between pushes to storage
    environment: dict[str, str]


class RayExecutor:
    """An executor on a Ray cluster. Storage is the directory of the sweep, on a disk that all nodes share, or a URL."""

    trains_here = False

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
        """Runs `jobs` at a time, by default as many as the cluster has room for. Connects to it when entered."""
        self.own = str(out)
        self.storage = _absolute(storage) if storage else self.own
        self.address, self.jobs, self.cpus, self.gpu_share = address, jobs, cpus, gpu_share
        self.data_dir = os.path.abspath(data_dir) if data_dir else None
        self.memory_gib, self.push_s = memory_gib, push_s
        self._running: dict[Any, tuple[Trial, RunDirectory]] = {}

    def __enter__(self) -> 'RayExecutor':
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
        """How many more trials can start now; this grows with the cluster."""
        return self._capacity() - len(self._running)

    def running(self) -> list[Trial]:
        """The trials that run or wait for a node."""
        return [trial for trial, _ in self._running.values()]

    def start(self, trial: Trial, run: RunDirectory) -> None:
        """Start a trial on a node with room for it."""
        job = Job(
            name=trial.name,
            fields=json.dumps(recipe.to_dict(trial.config)),
            storage=posixpath.join(self.storage, trial.folder, trial.id),
            depends_on=trial.depends_on,
            until_step=trial.until_step,
            data_dir=self.data_dir,
            memory_gib=self.memory_gib,
            push_s=self.push_s,
            environment=gpu_memory(self.gpu_share) if self._resources['num_gpus'] else {},
        )
        if self.storage == self.own:
            run.create()
        options = {**self._resources, 'max_retries': MAX_RETRIES, 'name': trial.id}
        self._running[run_trial.options(**options).remote(job, self._flag)] = (trial, run)

    def forget(self, trial: Trial) -> None:
        """Remove the mirror of a trial's run from storage."""
        if self.storage != self.own:
            Mirror(Path(self.own) / trial.id, posixpath.join(self.storage, trial.id)).remove()

    def ended(self) -> list[EndedTrial]:
        """The trials that ended since the last call, copied from storage."""
        done, _ = (
            ray.wait(list(self._running), num_returns=len(self._running), timeout=0) if self._running else ([], [])
        )
        return [self._collect(task, *self._running.pop(task)) for task in done]

    def stop(self) -> None:
        """Ask running trials to save, push and end. Trials that wait for a node end as soon as they get one."""
        self._flag.set.remote()

    def _collect(self, task: Any, trial: Trial, run: RunDirectory) -> EndedTrial:
        status, lost = None, ''
        try:
            status = ray.get(task)
        except ray.exceptions.RayError as error:
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            no_memory = isinstance(error, ray.exceptions.OutOfMemoryError)
            lost = 'out of memory on its node' if no_memory else lines[-1] if lines else type(error).__name__
        if self.storage != self.own:
            Mirror(run.path, posixpath.join(self.storage, trial.folder, trial.id)).pull()
        return EndedTrial(trial, status, lost)

    def _capacity(self) -> int:
        total = ray.cluster_resources()
        needed = {'CPU': self._resources['num_cpus'], 'GPU': self._resources['num_gpus']}
        room = [int(total.get(kind, 0) // amount) for kind, amount in needed.items() if amount]
        limits = [max(1, min(room, default=1)), *([self.jobs] if self.jobs else [])]
        return min(limits)


@ray.remote
class _StopFlag:
    """A flag by which the driver asks all tasks to stop."""

    def __init__(self):
        self._set = False

    def set(self) -> None:
        """Ask all tasks to stop."""
        self._set = True

    def is_set(self) -> bool:
        """Whether the tasks are asked to stop."""
        return self._set


@ray.remote
def run_trial(job: Job, flag: Any) -> int:
    """Run a trial on this node and return the exit status of its process."""
    trial = f'cnn_bench_{os.getuid()}_{posixpath.basename(job.storage)}'
    with scratch_directory(Path(tempfile.gettempdir()) / trial) as scratch:
        return _run_in(scratch, job, flag)


def _run_in(scratch: Path, job: Job, flag: Any) -> int:
    if _asked_to_stop(flag):
        return Stopped.exit_status
    mirror = Mirror(scratch / 'run', job.storage)
    mirror.pull()
    records.forget_failure(RunDirectory(mirror.local))
    if job.depends_on:  # the recipe refers to it as a directory beside that of the run
        Mirror(scratch / job.depends_on, posixpath.join(posixpath.dirname(job.storage), job.depends_on)).pull()
    recipe_file = scratch / 'recipe.py'
    recipe_file.write_text(RECIPE.format(name=job.name, fields=job.fields))
    cache = cache_variables(Path(tempfile.gettempdir()) / f'cnn_bench_compiled_{os.getuid()}')
    environment = {**cache, **os.environ, **job.environment}
    arguments = ['--config', str(recipe_file), '--until-step', str(job.until_step)]
    process = spawn(arguments, mirror.local, job.data_dir, job.memory_gib, environment)
    pushed, asked = time.monotonic(), False
    while process.poll() is None:
        time.sleep(POLL_S)
        if not asked and _asked_to_stop(flag):
            process.send_signal(signal.SIGTERM)
            asked = True
        if time.monotonic() > pushed + job.push_s:
            with contextlib.suppress(OSError):  # storage may fail for a while; an error of the last push counts
                mirror.push()
            pushed = time.monotonic()
    mirror.push()
    return process.returncode


def _asked_to_stop(flag: Any) -> bool:
    try:
        return ray.get(flag.is_set.remote(), timeout=POLL_S * 10)
    except ray.exceptions.RayError:  # its node died, and Ray is restarting it
        return False


def _absolute(storage: str) -> str:
    fs, path = file_system(storage)
    return path if isinstance(fs, LocalFileSystem) else storage
