"""The rows of sweep.json, one for each trial: how it ended, how long it took, what made it, what was measured of it."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from cnn_bench.errors import UserError
from cnn_bench.runs import RunDirectory, schema, study
from cnn_bench.sweep import records
from cnn_bench.sweep.experiment import Experiment, Trial


class TrialRows:
    """Makes the rows of a sweep's table, and keeps for them what no run directory holds."""

    def __init__(
        self,
        experiment: Experiment,
        earlier: study.Study | None,
        sources: Mapping[str, Mapping[str, str]],
        runs: Path,
    ):
        """`runs` is the directory of the trials; `sources` are the digests of the files of recipe and experiment."""
        self._experiment, self._earlier, self._sources, self._runs = experiment, earlier, sources, runs
        self._began: dict[str, float] = {}  # trial id -> when it first started, if in this session
        self._wall_s = records.wall_seconds(earlier)  # trial id -> seconds from start to end, if uninterrupted
        self._measured: dict[str, dict] = {}
        self._started: set[str] = set()  # ids of trials that this session started

    def started(self, trial: Trial, again: bool) -> None:
        """Note that a trial starts or goes on; with `again` from its beginning, in place of the run that was there."""
        if again:
            self._wall_s.pop(trial.id, None)
            self._measured.pop(trial.id, None)
        self._started.add(trial.id)
        if not (self._run(trial) / schema.CONFIG).exists():
            self._began[trial.id] = time.monotonic()

    def finished(self, trial: Trial) -> None:
        """Note that a trial has finished."""
        if trial.id in self._began:
            self._wall_s[trial.id] = round(time.monotonic() - self._began[trial.id], 1)

    def rows(self, trials: list[Trial], state: Callable[[Trial], str]) -> tuple[dict, ...]:
        """The rows of the trials of this sweep, with the `state` of each, then those of other seeds that ran before."""
        own = [self._row(trial, state(trial)) for trial in trials]
        return records.merged(self._earlier, own, records.same_recipe(trials), self._runs)

    def _row(self, trial: Trial, state: str) -> dict:
        run = self._run(trial)
        row = {'id': trial.id, 'name': trial.name, 'seed': trial.seed, 'state': state}
        if state in schema.FAILED:
            row['reason'] = records.reason(run)
        if state == 'finished' and trial.id in self._wall_s:
            row['wall_s'] = self._wall_s[trial.id]
        if made := records.code(run, self._sources if trial.id in self._started else {}):
            row['code'] = made
        if state == 'finished' and self._experiment.measure:
            row['measured'] = self._measure(trial)
        return row

    def _measure(self, trial: Trial) -> dict:
        """The columns that the experiment measures from a trial's log; none where that is damaged, as tables say."""
        if trial.id not in self._measured:
            try:
                rows = self._run(trial).metrics()
            except UserError:
                return {}
            self._measured[trial.id] = self._experiment.call('measure', rows)
        return self._measured[trial.id]

    def _run(self, trial: Trial) -> RunDirectory:
        return RunDirectory(self._runs / trial.id)
