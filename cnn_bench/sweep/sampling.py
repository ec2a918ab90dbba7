"""The values that the tuning trials of a variant try, by a sampler of Optuna.

Optuna is asked for values and told the errors. Everything that it draws comes from the seed of the tuning, and what it
is told from the runs, so that a study made again from these asks for the same values. Its file is therefore a copy for
those who look at it with Optuna's own tools, and is written anew whenever a sweep starts.
"""

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cnn_bench.errors import UserError
from cnn_bench.runs.tuning import Range
from cnn_bench.sweep import space as spaces

JOURNAL = 'tuning.journal'  # in the sweep's directory; optuna.storages.journal.JournalFileBackend reads it
WORST = 100.0  # the error, in per cent, of a trial that failed
SEQUENTIAL = ('tpe',)  # samplers whose next trial depends on the results of those before


class Study:
    """Asks for the values of one variant's tuning trials, in turn, and is told their errors.

    The first trial has the variant's `own` values. With the grid, it is the combination that equals these.
    """

    def __init__(self, name: str, space: Mapping[str, Range], own: dict, sampler: str, seed: int, storage: Any):
        """`space` has the ranges fitted to this variant; `storage` is what `journal` returned, or None: in memory."""
        optuna = _optuna()
        self._distributions = {field: _distribution(optuna, given) for field, given in space.items()}
        with _quietly():
            self._study = optuna.create_study(
                study_name=name, storage=storage, sampler=_sampler(optuna, sampler, seed, space)
            )
            self._trials = []
            if sampler == 'grid':
                self._trials = [self._ask() for _ in range(grid_size(space))]
                self._trials.sort(key=lambda trial: trial.params != own)  # stable
            else:
                self._study.enqueue_trial(own)

    def values(self, number: int) -> dict[str, Any]:
        """The values of a trial, which is asked for, as are those before it, if it was not yet."""
        with _quietly():
            while len(self._trials) <= number:
                self._trials.append(self._ask())
        return dict(self._trials[number].params)

    def tell(self, number: int, error: float | None) -> None:
        """The validation error in per cent of a trial; None if it failed, which counts as the worst."""
        with _quietly():
            self._study.tell(self._trials[number], WORST if error is None else error)

    def _ask(self) -> Any:
        return self._study.ask(self._distributions)


def journal(directory: Path) -> Any:
    """Optuna's storage in a new JOURNAL of a directory in which no other process runs a sweep."""
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    path = directory / JOURNAL
    for old in (path, path.with_name(f'{JOURNAL}.lock')):  # a process that was killed may have left its lock
        old.unlink(missing_ok=True)
    return JournalStorage(JournalFileBackend(str(path)))


def grid_size(space: Mapping[str, Range]) -> int:
    """The number of combinations of choices. Raises UserError where a range has no choices."""
    size = 1
    for field, given in space.items():
        if not given.choices:
            raise UserError(
                f'--tune-sampler grid needs choices; the range of {field} is {spaces.shown(given)}: use choice(A,B,...)'
            )
        size *= len(given.choices)
    return size


def _optuna() -> Any:
    import optuna  # takes a moment, which sweeps without tuning need not wait for

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # that QMCSampler is experimental, that a number of trials is no power of two
        yield


def _sampler(optuna: Any, name: str, seed: int, space: Mapping[str, Range]) -> Any:
    if name == 'grid':

        class Grid(optuna.samplers.GridSampler):
            def after_trial(self, *_: Any) -> None:
                """Nothing: the original stops a loop at the last point, and there is none."""

        return Grid({field: list(given.choices) for field, given in space.items()}, seed=seed)
    if name == 'qmc':
        return optuna.samplers.QMCSampler(scramble=True, seed=seed)
    return {'tpe': optuna.samplers.TPESampler, 'random': optuna.samplers.RandomSampler}[name](seed=seed)


def _distribution(optuna: Any, given: Range) -> Any:
    if given.choices:
        return optuna.distributions.CategoricalDistribution(given.choices)
    kind = optuna.distributions.IntDistribution if isinstance(given.low, int) else None
    return (kind or optuna.distributions.FloatDistribution)(given.low, given.high, log=given.log)
