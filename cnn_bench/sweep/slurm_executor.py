"""Running trials as jobs of Slurm, by way of submitit. The sweep's directory, the data and the code are on a disk that
all nodes share, and jobs start in the directory where the sweep does.

The trials that can start go into one job array, of which Slurm runs as many at a time as are asked for. A job that is
preempted, or reaches its time limit, saves its state, is requeued, and goes on from there (slurm_job.py); one that is
lost with its node is submitted again. `OUT/slurm` has submitit's files: what was submitted and what the jobs printed.

If the sweep is killed its jobs stay. Started again, it first asks those to save their state and end.
"""

import contextlib
import io
import json
import os
import subprocess
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import submitit
from submitit.core.utils import FailedJobError, FailedSubmissionError, UncompletedJobError

from cnn_bench.errors import Stopped, UserError
from cnn_bench.files import is_locked, write_atomically
from cnn_bench.runs import RunDirectory
from cnn_bench.sweep.executor import EndedTrial
from cnn_bench.sweep.experiment import Trial
from cnn_bench.sweep.slurm_job import TrialJob

FOLDER, RECORD = 'slurm', 'jobs.json'
MOST_AT_ONCE = 500  # jobs in an array; Slurm's own limit is 1,001 by default
MAX_TIMEOUTS = 1000  # how often a job may reach its time limit: each time it goes on
MAX_LOST = 5  # how often a trial whose job is lost is submitted again
SAVING_S = 120  # between Slurm's signal and the end of the job
LOOK_S, ASK_SLURM_S = 1.0, 30.0  # between looks at the results of jobs, and between questions to Slurm about them
EARLIER_S = 150.0  # for jobs of an earlier sweep to end
FINISHED = ('COMPLETED', 'DONE')
ACTIVE = ('RUNNING', 'COMPLETING')


@dataclass(frozen=True)
class Allocation:
    """What each job asks Slurm for."""

    partition: str | None = None  # None: Slurm's default
    gpus: int = 1
    cpus: int = 1
    minutes: int = 240
    memory_gib: float | None = None  # None: Slurm's default
    options: dict[str, str | bool] = field(default_factory=dict)  # further ones of sbatch, by their long names

    def parameters(self, name: str, at_once: int) -> dict:
        """The parameters of submitit's AutoExecutor."""
        return {
            'name': name,
            'timeout_min': self.minutes,
            'cpus_per_task': self.cpus,
            'gpus_per_node': self.gpus or None,
            'mem_gb': self.memory_gib,
            'slurm_partition': self.partition,
            'slurm_array_parallelism': at_once,
            'slurm_signal_delay_s': SAVING_S,
            'slurm_additional_parameters': self.options or None,
        }


@dataclass(eq=False)
class _Submitted:
    trial: Trial
    run: RunDirectory
    work: TrialJob
    job: submitit.Job | None = None  # None: to be submitted
    lost: int = 0


class SlurmExecutor:
    """An executor on Slurm; with another `cluster` of submitit, 'local' or 'debug', in processes on this machine."""

    trains_here = False

    def __init__(
        self,
        out: Path,
        jobs: int | None = None,
        allocation: Allocation | None = None,
        data_dir: str | None = None,
        memory_gib: float = 0.0,
        cluster: str = 'slurm',
    ):
        """Runs `jobs` trials at a time, by default as many as Slurm has room for."""
        self.out, self.folder = out, out / FOLDER
        self.allocation, self.cluster = allocation or Allocation(), cluster
        self.data_dir = os.path.abspath(data_dir) if data_dir else None
        self.memory_gib = memory_gib
        self.jobs = jobs or (MOST_AT_ONCE if cluster == 'slurm' else 1)
        self._running: list[_Submitted] = []
        self._stop = self.folder / f'stop-{uuid.uuid4().hex}'
        self._asked = 0.0

    def __enter__(self) -> 'SlurmExecutor':
        if '%' in str(self.folder):
            raise UserError(f'--executor slurm: {self.folder} has a %, which Slurm would replace; use another --out')
        RunDirectory(self.folder).create()
        self._end_earlier()
        timeouts = {} if self.cluster == 'debug' else {f'{self.cluster}_max_num_timeout': MAX_TIMEOUTS}
        try:
            self._submitit = submitit.AutoExecutor(self.folder, self.cluster, **timeouts)
        except RuntimeError as error:
            raise UserError(f'--executor slurm: {error}') from None
        self._submitit.update_parameters(**self.allocation.parameters(self.out.name, self.jobs))
        return self

    def __exit__(self, *exception) -> None:
        if not self._running:
            (self.folder / RECORD).unlink(missing_ok=True)
            return
        self._stop.touch()
        for submitted in self._running:
            if submitted.job:
                submitted.job.cancel(check=False)

    def free(self) -> int:
        """How many more trials can start now. An array may have more jobs than run at a time: Slurm sees to that."""
        submitted = [each for each in self._running if each.job]
        at_once = MOST_AT_ONCE if self.cluster == 'slurm' and not submitted else self.jobs
        return at_once - len(self._running)

    def running(self) -> list[Trial]:
        """The trials that run or wait in Slurm's queue."""
        return [submitted.trial for submitted in self._running]

    def start(self, trial: Trial, run: RunDirectory) -> None:
        """Have a trial submitted, with all others that start before `ended` is called."""
        run.create()
        work = TrialJob(trial.arguments, str(run.path), self.data_dir, self.memory_gib, str(self._stop))
        self._running.append(_Submitted(trial, run, work))

    def forget(self, trial: Trial) -> None:
        """Does nothing: all of a trial is in its run directory."""

    def ended(self) -> list[EndedTrial]:
        """The trials that ended since the last call; what was started since then is submitted first."""
        self._submit()
        if self.cluster == 'slurm':
            time.sleep(LOOK_S)  # each look reads the shared disk
        if self._running and time.monotonic() > self._asked + ASK_SLURM_S:
            self._asked = time.monotonic()
            self._running[0].job.done(force_check=True)  # asks about all jobs
        over = [submitted for submitted in self._running if submitted.job.done()]
        self._running = [submitted for submitted in self._running if submitted not in over]
        return [ended for submitted in over if (ended := self._collect(submitted))]

    def stop(self) -> None:
        """Ask running jobs to save their state and end, and take waiting ones out of the queue."""
        if not self._stop.exists():
            self._stop.touch()
            self._take_out([submitted.job.job_id for submitted in self._running if submitted.job])
            self._asked = 0.0

    def _submit(self) -> None:
        new = [submitted for submitted in self._running if not submitted.job]
        if not new:
            return
        said = io.StringIO()
        try:
            with contextlib.redirect_stderr(said):  # submitit prints what sbatch says
                jobs = self._submitit.submit_array([submitted.work for submitted in new])
        except (FailedJobError, FailedSubmissionError, OSError) as error:
            self._running = [submitted for submitted in self._running if submitted.job]
            lines = said.getvalue().strip().splitlines() or str(error).strip().splitlines()
            raise UserError(f'--executor slurm: Slurm did not take the jobs: {lines[-1]}') from None
        for submitted, job in zip(new, jobs, strict=True):
            submitted.job = job
        self._record()

    def _collect(self, submitted: _Submitted) -> EndedTrial | None:
        """What became of a trial whose job is over; None where it is to be submitted again."""
        job, trial = submitted.job, submitted.trial
        state = (job.state or 'UNKNOWN').split()[0]  # 'CANCELLED by 1000'
        if state in FINISHED or job.paths.result_pickle.exists():
            try:
                status, no_memory = job.result()
                return EndedTrial(trial, status, no_memory=no_memory)
            except FailedJobError as error:
                lines = [line.strip('- ') for line in str(error).splitlines()]
                trace = [line for line in lines if line and not line.startswith(('You can check', '/'))]
                return EndedTrial(trial, None, f'its job {job.job_id} failed: {trace[-1]}')
            except UncompletedJobError:  # it ended without a result
                pass
        if state == 'CANCELLED' or self._stop.exists():
            return EndedTrial(trial, Stopped.exit_status)
        if state == 'OUT_OF_MEMORY':
            return EndedTrial(trial, None, 'out of memory on its node')
        if submitted.lost < MAX_LOST:
            self._running.append(_Submitted(trial, submitted.run, submitted.work, lost=submitted.lost + 1))
            return None
        return EndedTrial(trial, None, f'its job ended without a result {MAX_LOST + 1} times, last as {state}')

    def _record(self) -> None:
        """Write down which jobs run for whom, for a sweep that is started when this one was killed."""
        jobs = {each.job.job_id: os.path.relpath(each.run.path, self.out) for each in self._running}
        text = json.dumps({'stop': self._stop.name, 'jobs': jobs}, indent=1) + '\n'
        write_atomically(self.folder / RECORD, lambda file: file.write(text.encode()))

    def _end_earlier(self) -> None:
        """End the jobs of an earlier sweep that was killed. Raises UserError where they go on."""
        try:
            record = json.loads((self.folder / RECORD).read_text())
            stop, jobs = self.folder / Path(record['stop']).name, dict(record['jobs'])
        except FileNotFoundError:
            return
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f'{self.folder / RECORD} is damaged ({error}); see to its jobs and remove it') from None
        stop.touch()
        self._take_out(list(jobs))
        deadline = time.monotonic() + EARLIER_S
        while busy := [job for job, run in jobs.items() if self._is_busy(job, self.out / run)]:
            if time.monotonic() > deadline:
                raise UserError(f'jobs {", ".join(busy)} of an earlier sweep in {self.out} go on; end them or wait')
            time.sleep(LOOK_S)
        (self.folder / RECORD).unlink()

    def _is_busy(self, job: str, run: Path) -> bool:
        if is_locked(run):
            return True
        if self.cluster != 'slurm':
            return False
        known = submitit.SlurmJob(self.folder, job)
        known.done(force_check=True)
        return known.state.startswith(ACTIVE)

    def _take_out(self, jobs: list[str]) -> None:
        """Remove those jobs from Slurm's queue that do not run yet."""
        if self.cluster == 'slurm' and jobs:
            with contextlib.suppress(OSError):
                subprocess.run(['scancel', '--state=PENDING', *jobs], capture_output=True)
