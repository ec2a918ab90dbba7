"""Running the trials of an experiment, each in a process of its own."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from cnn_bench import data, runs
from cnn_bench.errors import RunFailed, UserError
from cnn_bench.models import registry
from cnn_bench.runs import RunDirectory, schema, study
from cnn_bench.sweep.experiment import Experiment, Trial
from cnn_bench.sweep.progress import SweepProgress
from cnn_bench.training.compilation import cache_variables

LOG = 'log.txt'
CACHE = '.compiled'
POLL_S = 0.2


@dataclass
class Running:
    """A trial's process."""

    trial: Trial
    process: subprocess.Popen
    run: RunDirectory

    def fraction(self) -> float:
        """How much of its training it has logged, 0 to 1."""
        rows = self.run.metrics()
        return min(1.0, rows[-1]['epoch'] / self.trial.config.total_epochs) if rows else 0.0


class Sweep:
    """The trials of one preset of an experiment, in one directory; started again, it does what is missing."""

    def __init__(self, experiment: Experiment, preset: str, seeds: int, out: Path, data_dir: str | None = None):
        """Raises UserError where any trial could not be run as it is asked for."""
        self.experiment, self.preset, self.seeds = experiment, preset, seeds
        self.out, self.data_dir = out.absolute(), data_dir
        self.trials = experiment.trials(preset, seeds)
        for trial in self.trials:
            registry.get(trial.config.model.arch)
            data.info(trial.config.dataset.name, data_dir)
        self.failed: dict[str, str] = {}  # trial id -> why

    def run(self, jobs: int) -> None:
        """Run what is not finished, `jobs` at a time. Raises RunFailed at the end where a trial failed."""
        RunDirectory(self.out).create()
        todo = [trial for trial in self.trials if self._state(trial) != 'finished']
        self._record()
        running: list[Running] = []
        with SweepProgress(len(self.trials), len(self.trials) - len(todo)) as progress:
            try:
                while todo or running:
                    while todo and len(running) < jobs:
                        running.append(self._start(todo.pop(0)))
                        progress.started(running[-1].trial.name)
                    time.sleep(POLL_S)
                    for job in [job for job in running if job.process.poll() is not None]:
                        running.remove(job)
                        self._ended(job, progress)
                    progress.update([(job.trial.name, job.fraction()) for job in running])
            finally:
                for job in running:
                    job.process.terminate()
                for job in running:
                    job.process.wait()
        self._record(answer=self._answer())
        if self.failed:
            reasons = '; '.join(f'{trial}: {why}' for trial, why in self.failed.items())
            raise RunFailed(f'{len(self.failed)} of {len(self.trials)} trials failed: {reasons}')

    def directory(self, trial: Trial) -> RunDirectory:
        """Where a trial's run directory is."""
        return RunDirectory(self.out / 'trials' / trial.id)

    def _state(self, trial: Trial) -> str:
        try:
            return (self.directory(trial).read(schema.SUMMARY) or {}).get('state', 'unfinished')
        except UserError:
            return 'damaged'

    def _start(self, trial: Trial) -> Running:
        run = self.directory(trial)
        run.create()
        command = [sys.executable, '-m', 'cnn_bench', 'train', *trial.arguments, '--workdir', str(run.path)]
        if self.data_dir:
            command += ['--data-dir', self.data_dir]
        environment = {
            **cache_variables(self.out / CACHE),  # the trials of one network share their compiled steps
            'XLA_PYTHON_CLIENT_PREALLOCATE': 'false',  # and those that run at once share the device's memory
            'PYTHONUNBUFFERED': '1',
            **os.environ,
        }
        with open(run / LOG, 'w') as log:
            process = subprocess.Popen(
                command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=environment
            )
        return Running(trial, process, run)

    def _ended(self, job: Running, progress: SweepProgress) -> None:
        status = job.process.returncode
        summary = job.run.read(schema.SUMMARY) or {}
        if status == 0 and summary.get('state') == 'finished':
            progress.ended(job.trial.name, f'top-1 error {summary["top1_err_pct"]:.2f} %')
            return
        lines = (job.run / LOG).read_text(errors='replace').strip().splitlines() or ['no output']
        why = lines[-1].removeprefix('cnn-bench: error: ')
        self.failed[job.trial.id] = f'killed by signal {-status}' if status < 0 else why
        progress.ended(job.trial.name, f'failed: {self.failed[job.trial.id]}')

    def _answer(self) -> str:
        table = runs.load(self.out)
        finished = table[table.state == 'finished']
        return self.experiment.report(finished) if len(finished) else ''

    def _record(self, answer: str = '') -> None:
        states = tuple(self._trial_record(trial) for trial in self.trials)
        experiment = self.experiment
        study.write(
            self.out,
            study.Study(
                experiment=str(experiment.path),
                question=experiment.question,
                source=experiment.source,
                preset=self.preset,
                seeds=self.seeds,
                held_equal=experiment.held_equal[0],
                baseline=experiment.baseline,
                charts=experiment.charts,
                claims=experiment.claims,
                trials=states,
                answer=answer,
            ),
        )

    def _trial_record(self, trial: Trial) -> dict:
        record = {'id': trial.id, 'name': trial.name, 'seed': trial.seed, 'state': self._state(trial)}
        if trial.id in self.failed:
            record.update(state='failed', reason=self.failed[trial.id])
        if self.experiment.measure and record['state'] == 'finished':
            record['measured'] = self.experiment.measure(self.directory(trial).metrics())
        return record
