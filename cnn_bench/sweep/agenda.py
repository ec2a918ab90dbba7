"""The trials of a sweep as they become known: those of tuning, those of its table, and the recipe as it is.

    tuning     of every variant as many as its budget allows, which choose its values
    trials     every seed of every variant, with the values that were chosen
    untuned    the same seeds with the recipe's own values, where those that were chosen are others

Each word is the directory of the runs. Without tuning there are `trials` alone, all known from the start.
"""

from collections.abc import Callable
from typing import Any

from cnn_bench.runs.tuning import UNTUNED
from cnn_bench.sweep.experiment import TRIALS, Trial
from cnn_bench.sweep.tuning import Tuner

Build = Callable[[str, int, dict[str, dict], str], Trial]


class Agenda:
    """The trials of a sweep. Attributes: trials and untuned, as far as they are known; tuner, None without tuning."""

    def __init__(self, names: list[str], seeds: int, build: Build, tuner: Tuner | None, untuned: bool):
        """`build` makes a trial from variant, seed, {variant: values} and directory."""
        self.names, self.seeds, self.tuner, self.wants_untuned = names, seeds, tuner, untuned and tuner is not None
        self._build, self._built = build, {}
        self.trials: list[Trial] = []
        self.untuned: list[Trial] = []
        self._ready: list[str] = []  # variants whose values are known
        self._opened = False
        if tuner is None:
            self.advance()

    def open(self, storage: Any = None, retry_failed: bool = False) -> None:
        """Find out what has been tuned; see Tuner.open."""
        if self.tuner:
            self.tuner.open(storage, retry_failed)
        self._opened = True

    def advance(self) -> list[Trial]:
        """The trials that are to run now or have run: those of tuning first, then a seed of all variants at a time."""
        tuning = []
        if self.tuner:
            if not self._opened:
                self.open()
            tuning = self.tuner.advance()
        chosen = self.tuner.chosen() if self.tuner else {name: {} for name in self.names}
        self._ready = [name for name in self.names if {name, *self._ancestors(name)} <= set(chosen)]
        self.trials = [self._trial(TRIALS, name, seed, chosen) for seed in range(self.seeds) for name in self._ready]
        self.untuned = self._untuned() if self.wants_untuned else []
        return [*tuning, *self.trials, *self.untuned]

    def known(self) -> list[Trial]:
        """All trials that are known."""
        return [*(self.tuner.trials() if self.tuner else []), *self.trials, *self.untuned]

    def total(self) -> int:
        """How many trials there will be, as far as that is known."""
        tuning = sum(self.tuner.counts.values()) if self.tuner else 0
        unknown = (len(self.names) - len(self._ready)) * self.seeds if self.wants_untuned else 0
        return tuning + len(self.names) * self.seeds + len(self.untuned) + unknown

    def unchosen(self, folder: str) -> list[Trial]:
        """Stand-ins, with the recipe's own values, for the trials of a directory whose values are not yet chosen."""
        if folder == UNTUNED and not self.wants_untuned:
            return []
        waiting = [name for name in self.names if name not in self._ready]
        return [self._build(name, seed, {}, folder) for seed in range(self.seeds) for name in waiting]

    def _untuned(self) -> list[Trial]:
        found = {}
        for seed in range(self.seeds):
            for name in self._ready:
                trial = self._trial(UNTUNED, name, seed, {})
                if trial.id == self._built[TRIALS, name, seed].id:
                    continue
                for needed in (*reversed(self._ancestors(name)), name):  # weights that it starts from, in its directory
                    needed = self._trial(UNTUNED, needed, seed, {})
                    found[needed.id] = needed
        return list(found.values())

    def _ancestors(self, name: str) -> list[str]:
        return self.tuner.ancestors(name) if self.tuner else []

    def _trial(self, folder: str, name: str, seed: int, values: dict[str, dict]) -> Trial:
        key = folder, name, seed
        if key not in self._built:
            self._built[key] = self._build(name, seed, values, folder)
        return self._built[key]
