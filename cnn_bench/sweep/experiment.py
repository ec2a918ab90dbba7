"""Experiments: files that hold a question, the variants that could answer it, and how the answer is read.

QUESTION = 'one sentence that ends in a question mark?'
SOURCE = 'He et al. 2015 (arXiv 1512.03385), figure 6'      # where the question comes from
RECIPE = 'configs/compare.py'             # relative to the directory above the file's own
PRESETS = ('demo', 'full')                # `smoke` is there for every experiment: the demo, two tiny steps a trial
HELD_EQUAL = ('epochs', 'macs')           # what may be held equal over the variants, the first unless asked otherwise
BASELINE = 'plain20'                      # optional: the variant that the others are compared with
CHARTS = ('learning_curves',)             # optional: charts of `report.charts` that answer the question, best first
HYPOTHESES = (Hypothesis(...),)           # what the source says will come out, to be tested with the seeds at hand
def variants(preset): ...                 # {name: {'config.field': value}}: what differs from the recipe. `init_from`
                                          # '{NAME}' is the run of the variant NAME with the same seed, made first
def measure(curve): ...                   # optional: {column: number} of one run, from the rows of its metrics.jsonl
def report(table): ...                    # the answer in words (Markdown), from the tidy table of finished runs
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ml_collections import ConfigDict

from cnn_bench import recipe
from cnn_bench.errors import UserError, unknown
from cnn_bench.python_file import execute
from cnn_bench.runs.study import BEST_SINGLE, TOGETHER, Hypothesis

REQUIRED = ('QUESTION', 'SOURCE', 'RECIPE', 'PRESETS', 'HELD_EQUAL', 'variants', 'report')
OPTIONAL = ('baseline', 'charts', 'hypotheses')
OWN = ('name', 'seed')  # fields that a sweep sets for each trial
SMOKE = 'smoke'
TWO_STEPS = {  # of any variant: enough to see that it builds, trains and is charted
    'dataset.name': 'fashion_mnist_subset',
    'dataset.train_images': 64,  # all would take most of such a run to read
    'dataset.test_images': 40,
    'total_steps': 2,
    'batch_size': 8,
    'eval_batch_size': 8,  # as in training, so that much of its trace is found again
    'log_every_steps': 1,
    'schedule.warmup_epochs': 0.0,
    'devices': 1,
}


@dataclass(frozen=True)
class Trial:
    """One variant with one seed: a recipe, what is changed in it, and an id that depends on nothing else."""

    name: str
    seed: int
    recipe: Path
    overrides: dict
    after: str = ''  # id of the trial that its first weights are from

    @cached_property
    def config(self) -> ConfigDict:
        """The recipe as it will be run. Raises UserError where the variant does not fit it."""
        try:
            return recipe.load(self.recipe, {**self.overrides, 'name': self.name, 'seed': self.seed})
        except UserError as error:
            raise UserError(f'variant {self.name!r}: {error}') from error

    @cached_property
    def id(self) -> str:
        """A directory name: the variant, the seed, and the start of the config's hash."""
        text = json.dumps(recipe.to_dict(self.config), sort_keys=True)
        slug = re.sub(r'[^a-z0-9._]+', '-', self.name.lower()).strip('-')
        return f'{slug}-s{self.seed}-{hashlib.sha256(text.encode()).hexdigest()[:8]}'

    @property
    def arguments(self) -> list[str]:
        """The arguments of `cnn-bench train` that make this run, but for the run directory."""
        changes = {**self.overrides, 'name': self.name, 'seed': self.seed}
        return [
            '--config',
            str(self.recipe),
            *(f'--config.{field}={value}' for field, value in changes.items()),
        ]


@dataclass(frozen=True)
class Experiment:
    """An experiment file that has been read."""

    path: Path
    question: str
    source: str
    recipe: Path
    presets: tuple[str, ...]
    held_equal: tuple[str, ...]
    variants: Callable[[str], dict[str, dict]]
    report: Callable
    baseline: str = ''
    charts: tuple[str, ...] = ()
    hypotheses: tuple[Hypothesis, ...] = ()
    measure: Callable | None = None
    changes: dict = field(default_factory=dict)  # to every variant: what this sweep has other than the file

    @classmethod
    def load(cls, path: str | Path, changes: dict | None = None) -> 'Experiment':
        """Read an experiment file, with `changes` {field: value} to the recipe of all its variants.

        Raises UserError where the file is missing, broken or incomplete, or a change is of what a sweep sets itself.
        """
        path, changes = Path(path), changes or {}
        if own := [name for name in OWN if name in changes]:
            raise UserError(f'--config.{own[0]} is not for sweeps, which give each trial a {own[0]} of its own')
        if not path.is_file():
            near = sorted(str(p) for p in path.parent.glob('*.py')) if path.parent.is_dir() else []
            raise unknown('experiment', str(path), near)
        with execute(path, 'experiment') as module:
            pass
        missing = [name for name in REQUIRED if not hasattr(module, name)]
        if missing:
            raise UserError(f'the experiment {path} lacks {", ".join(missing)}')
        optional = {name: getattr(module, name.upper()) for name in OPTIONAL if hasattr(module, name.upper())}
        return cls(
            path=path,
            question=module.QUESTION,
            source=module.SOURCE,
            recipe=path.absolute().parent.parent / module.RECIPE,
            presets=(*module.PRESETS, SMOKE),
            held_equal=tuple(module.HELD_EQUAL),
            variants=module.variants,
            report=module.report,
            measure=getattr(module, 'measure', None),
            changes=dict(sorted(changes.items())),
            **optional,
        )

    def trials(self, preset: str, seeds: int) -> list[Trial]:
        """Every variant of a preset with seeds 0, 1, ...; seeds outermost, so that a sweep cut short is balanced."""
        if preset not in self.presets:
            raise unknown('preset', preset, self.presets)
        return list(self._trials(preset, seeds))

    def hypotheses_of(self, preset: str) -> tuple[Hypothesis, ...]:
        """The hypotheses whose two variants a preset has: presets may call their networks by other names."""
        names = {trial.name for trial in self.trials(preset, 1)} | {TOGETHER, BEST_SINGLE}
        return tuple(h for h in self.hypotheses if {h.less, h.more} <= names)

    def _trials(self, preset: str, seeds: int) -> Iterator[Trial]:
        smoke = preset == SMOKE
        variants = {
            name: {**(_shortened(v) if smoke else v), **self.changes}
            for name, v in self.variants('demo' if smoke else preset).items()
        }
        for seed in range(seeds):
            for name in variants:
                yield self._trial(name, seed, variants)

    def _trial(self, name: str, seed: int, variants: dict[str, dict]) -> Trial:
        """Of a variant. Raises UserError where its first weights are to be from a variant that there is not."""
        overrides = variants[name]
        start = re.fullmatch(r'{(.*)}', str(overrides.get('init_from', '')))
        if not start:
            return Trial(name, seed, self.recipe, overrides)
        others = {other: fields for other, fields in variants.items() if other != name}
        if start[1] not in others:
            raise unknown(f'variant in init_from of variant {name!r}', start[1], others)
        before = self._trial(start[1], seed, others)  # without `name`, so that no circle is gone round twice
        return Trial(name, seed, self.recipe, {**overrides, 'init_from': f'../{before.id}'}, before.id)


def _shortened(overrides: dict) -> dict:
    stages = tuple({**stage, 'total_steps': 1} for stage in overrides.get('stages', ()))
    return {**overrides, **TWO_STEPS, **({'stages': stages} if stages else {})}
