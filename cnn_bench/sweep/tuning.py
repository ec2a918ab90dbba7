"""The tuning of a sweep's variants: which trials each has, which may run now, and which values were chosen.

Every variant is tuned by itself. Trial 0 is the recipe as it is, the others have values that Optuna asks for; all have
the same seed, which no seed of the sweep equals, and all variants the same sampler and seed, so that with the same
space the quasi-random sampler tries the same values for each. Tuning runs have no test split: they never read it.
Chosen is the least validation error of a trial that finished, of equal ones the first. A trial that fails counts as the
worst; where none finishes, nothing is chosen and the seeds run with the recipe's own values.

All of it follows from the runs in `tuning/` of the sweep's directory. A sweep that is killed and started again reads
them, asks Optuna again in the same order, and goes on where it was.

A variant that starts from the weights of another is tuned after that one, from the run that was chosen there.
"""

import itertools
import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnn_bench.errors import UserError, unknown
from cnn_bench.recipe.validation import has_validation, lacks_validation
from cnn_bench.runs import RunDirectory, schema
from cnn_bench.runs import tuning as record
from cnn_bench.runs.tuning import SAMPLERS, SEED, Range, Tuning
from cnn_bench.sweep import halving, sampling
from cnn_bench.sweep import space as spaces
from cnn_bench.sweep.experiment import Trial
from cnn_bench.sweep.variant_tuning import Length, VariantTuning
from cnn_bench.sweep.workload import Workload

BUDGETS = ('trials', 'macs')
LENGTHS = ('total_epochs', 'total_steps')
WITHOUT_TEST = {'dataset.test': '', 'dataset.test_images': 0, 'test_every_epochs': 0}  # so tuning never sees it
UNTIMED = ('optimizer', 'schedule')  # groups whose fields hardly change the time of a step


@dataclass(frozen=True)
class TuningPlan:
    """How the variants of a sweep are to be tuned. Raises UserError where the parts do not go together."""

    space: dict[str, Range]
    trials: int  # of each variant; with the budget 'macs' the mean over them
    budget: str = 'trials'
    sampler: str = 'qmc'
    halving: bool = False
    seed: int = SEED

    def __post_init__(self):
        if self.budget not in BUDGETS:
            raise unknown('--tune-budget', self.budget, BUDGETS)
        if self.sampler not in SAMPLERS:
            raise unknown('--tune-sampler', self.sampler, SAMPLERS)
        for name in self.space:
            if name in ('name', 'seed', *LENGTHS):
                why = 'all variants train equally long' if name in LENGTHS else 'sweeps set it themselves'
                raise UserError(f'{name} cannot be tuned: {why}')
        if self.halving and self.sampler in sampling.SEQUENTIAL:
            raise UserError(
                f'--tune-halving chooses among trials that run side by side, and --tune-sampler {self.sampler} waits '
                'for each of them; take another sampler'
            )
        if self.sampler == 'grid':
            if self.budget != 'trials':
                raise UserError('--tune-sampler grid tries all combinations with each variant; --tune-budget is trials')
            if self.trials != (size := sampling.grid_size(self.space)):
                raise UserError(f'--tune-trials is {self.trials}; the grid has {size} combinations: give that number')

    def counts(self, costs: Mapping[str, float], macs: float | None) -> dict[str, int]:
        """Variant -> number of tuning trials; `costs` are the multiply-adds of one trial of each, `macs` is `share`."""
        if macs is None:
            return dict.fromkeys(costs, self.trials)
        return {name: max(1, round(macs / cost)) for name, cost in costs.items()}

    def share(self, costs: Mapping[str, float]) -> float | None:
        """Multiply-adds for the trials of each variant so that their mean number is `trials`; None: they may differ."""
        if self.budget != 'macs':
            return None
        return self.trials * len(costs) / math.fsum(1 / cost for cost in costs.values())


@dataclass(frozen=True)
class Sources:
    """What a Tuner asks its sweep."""

    own: dict[str, Trial]  # variant -> a trial of it with the recipe's own values
    starts_from: dict[str, str]  # variant -> that from whose weights it starts; '': none
    build: Callable[[str, int, dict[str, dict]], Trial]  # a tuning trial: variant, seed, chosen or tried values
    directory: Callable[[Trial], RunDirectory]
    workload: Callable[[Trial], Workload]


class Tuner:
    """The tuning of all variants of a sweep."""

    def __init__(self, plan: TuningPlan, sources: Sources, earlier: Tuning | None):
        """Touches no file. `earlier` is the content of the sweep's tuning.json, if any.

        Raises UserError where the space does not suit a variant, where there is no validation split, or where the
        sweep's directory was tuned in another way.
        """
        self.plan, self._sources = plan, sources
        if earlier is not None:
            _refuse_another(plan, earlier)
        for trial in sources.own.values():
            if not has_validation(trial.config.dataset):
                raise lacks_validation(f'variant {trial.name!r} has no validation images, by which values are chosen')
        self._own = {name: self._own_values(trial) for name, trial in sources.own.items()}
        self._spaces = {name: self._space(name) for name in sources.own}
        if plan.halving:
            for name, trial in sources.own.items():
                self._need_rungs(name, trial)
        costs = self._costs() if plan.budget == 'macs' else dict.fromkeys(sources.own, 1.0)
        self.macs = earlier.macs_per_variant if earlier else plan.share(costs)
        self.counts = plan.counts(costs, self.macs)
        self._variants: dict[str, VariantTuning] = {}

    def open(self, storage: Any = None, retry_failed: bool = False) -> None:
        """Begin with what the runs say; the studies are kept in an Optuna `storage`, by default in memory.

        With `retry_failed`, trials that failed run again, but for those that diverged.
        """
        plan, sources = self.plan, self._sources
        self._variants = {
            name: VariantTuning(
                name=name,
                study=sampling.Study(name, self._spaces[name], self._own[name], plan.sampler, plan.seed, storage),
                count=self.counts[name],
                sequential=plan.sampler in sampling.SEQUENTIAL,
                halving=plan.halving,
                make=lambda values, name=name: sources.build(name, plan.seed, {**self.chosen(), name: values}),
                length=self._length,
                directory=sources.directory,
                retry_failed=retry_failed,
            )
            for name in sources.own
        }

    @property
    def done(self) -> bool:
        """Whether all variants are tuned."""
        return all(variant.done for variant in self._variants.values())

    def advance(self) -> list[Trial]:
        """The trials that are to run now, the first ones of all variants before the second ones."""
        turns = []
        for name in sorted(self._variants, key=lambda name: len(self.ancestors(name))):
            if all(self._variants[before].done for before in self.ancestors(name)):
                turns.append(self._variants[name].advance())
        return [trial for turn in itertools.zip_longest(*turns) for trial in turn if trial is not None]

    def ancestors(self, name: str) -> list[str]:
        """The variants from whose weights a variant starts, the nearest first."""
        found = []
        while name := self._sources.starts_from[name]:
            found.append(name)
        return found

    def chosen(self) -> dict[str, dict]:
        """Variant -> values that were chosen, of those that are tuned; {} for the recipe's own."""
        return {name: variant.values for name, variant in self._variants.items() if variant.done}

    def started(self, trial: Trial) -> None:
        """Tell that a trial of `advance` runs now."""
        self._variants[trial.name].started(trial)

    def trials(self) -> list[Trial]:
        """The trials so far, by variant."""
        return [trial for variant in self._variants.values() for _, trial in variant.trials]

    def ended(self) -> int:
        """How many trials have ended or will not go on."""
        return sum(variant.ended() for variant in self._variants.values())

    def record(self) -> Tuning:
        """The content of tuning.json."""
        plan = self.plan
        return Tuning(
            space=plan.space,
            sampler=plan.sampler,
            budget=plan.budget,
            trials_per_variant=plan.trials,
            seed=plan.seed,
            variants=tuple(variant.record() for variant in self._variants.values()),
            halving=plan.halving,
            macs_per_variant=self.macs,
        )

    def remarks(self) -> list[str]:
        """Lines on trials that failed and variants of which all did."""
        variants = self.record().variants
        failed = Counter(trial.state for v in variants for trial in v.trials if trial.state in schema.FAILED)
        total = sum(self.counts.values())
        lines = []
        if failed:
            how = ', '.join(f'{count} {state}' for state, count in sorted(failed.items()))
            lines.append(f'{failed.total()} of {total} tuning trials failed ({how}), which counts as the worst')
        for variant, tuning in zip(variants, self._variants.values(), strict=True):
            if tuning.done and variant.chosen is None:
                lines.append(f"{variant.name}: no tuning trial finished; its seeds run with the recipe's own values")
        return lines

    def own_trial(self, name: str) -> Trial:
        """A trial of a variant with the recipe's own values."""
        return self._sources.own[name]

    def fractions(self, name: str) -> list[float]:
        """The part of a training that each tuning trial of a variant is expected to train."""
        count = self.counts[name]
        if not self.plan.halving:
            return [1.0] * count
        length = self._length(self.own_trial(name))
        return halving.fractions(length.steps, length.evaluated_every, count)

    def _own_values(self, trial: Trial) -> dict:
        return {field: spaces.own_value(trial.config, field) for field in self.plan.space}

    def _space(self, name: str) -> dict[str, Range]:
        """The space with ranges fitted to a variant; every end of each is tried on its recipe."""
        fitted = {}
        for field, given in self.plan.space.items():
            try:
                fitted[field] = spaces.fitted(given, self._own[name][field], field)
            except UserError as error:
                raise UserError(f'variant {name!r}: {error}') from error
            for value in spaces.ends(given):
                _ = self._sources.own[name].with_values({field: value}).config  # which raises where it does not fit
        return fitted

    def _need_rungs(self, name: str, trial: Trial) -> None:
        length = self._length(trial)
        if length.evaluated_every >= length.steps:
            raise UserError(
                f'--tune-halving chooses at evaluations before the end, and variant {name!r} has none: its '
                f'{length.steps} steps are evaluated every {length.evaluated_every} (config.eval_every_epochs)'
            )

    def _length(self, trial: Trial) -> Length:
        work = self._sources.workload(trial)
        return Length(work.steps, trial.config.eval_every_epochs * work.steps_per_epoch)

    def _costs(self) -> dict[str, float]:
        works = {name: self._sources.workload(trial) for name, trial in self._sources.own.items()}
        return {name: float(work.macs * work.images) for name, work in works.items()}


def read(out: Path, plan: TuningPlan | None, is_sweep: bool) -> Tuning | None:
    """The tuning.json of the directory `out`, in which a sweep is to run that is tuned by `plan`, or not tuned.

    Raises UserError where the sweep that is there (`is_sweep`) is not tuned and this one is, or the other way round.
    """
    there = record.read(out)
    if plan is None and there is not None:
        raise UserError(f'{out} holds a tuned sweep; use another --out, or --tune-trials {there.trials_per_variant}')
    if plan is not None and there is None and is_sweep:
        raise UserError(f'{out} holds a sweep that is not tuned; use another --out')
    return there


def refuse_untimed(plan: TuningPlan) -> None:
    """Raise UserError for a field whose values may take other times for a step, as equal seconds count a variant's."""
    for name in plan.space:
        if name.partition('.')[0] not in UNTIMED:
            raise UserError(
                f'with --held-equal seconds only fields of {" and ".join(UNTIMED)} can be tuned: {name} may change '
                'the time of a step'
            )


def _refuse_another(plan: TuningPlan, there: Tuning) -> None:
    compared = {
        '--tune': (plan.space, there.space),
        '--tune-trials': (plan.trials, there.trials_per_variant),
        '--tune-budget': (plan.budget, there.budget),
        '--tune-sampler': (plan.sampler, there.sampler),
        '--tune-seed': (plan.seed, there.seed),
        '--tune-halving': (plan.halving, there.halving),
    }
    for flag, (here, before) in compared.items():
        if here != before:
            shown = [spaces.listed(v) if flag == '--tune' else v for v in (before, here)]
            raise UserError(f'the sweep was tuned with {flag} {shown[0]}, not {shown[1]}; use another --out')
