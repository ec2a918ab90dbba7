"""Experiments: files that ask a question, list the variants that could answer it, and say how to read the answer.

An experiment file defines:

    QUESTION    a sentence that ends in a question mark
    SOURCE      where the question comes from: 'He et al. 2015 (arXiv 1512.03385), figure 6'
    RECIPE      the recipe that all variants start from, relative to the directory above the file's:
                'configs/compare.py'
    PRESETS     its scales, {name: {'config.field': value}}: what a preset sets in the recipe for all variants. 'demo'
                takes minutes on two CPU cores, 'full' is for a GPU, and 'smoke', the demo cut to two tiny steps per
                trial, is added to them. `presets` has what many experiments share
    HELD_EQUAL  what all variants may spend equally, the default first: ('epochs', 'macs', 'seconds')
    variants    variants(preset) returns {name: {'config.field': value}}: what each variant sets besides.
                'init_from': '{NAME}' starts a variant from the weights of the variant NAME with the same seed, which is
                trained first
    report      report(table) answers the question in words (Markdown), from the tidy table of the finished runs;
                `answers` has the sentences

It may also define:

    BASELINE    the variant with which the others are compared
    CHARTS      names of charts, of `runs.charts`, that answer the question, the most telling first
    HYPOTHESES  what the source says will come out, as Hypothesis(text, source, less='a', more='b'); each is tested with
                the seeds at hand
    measure     measure(curve) returns {column: number} of a run, from the rows of its metrics.jsonl; the columns are
                added to the tidy table
    TUNE        which fields `--tune-trials` tunes for every variant, and between which values:
                {'optimizer.learning_rate': log(1e-3, 1), 'augment.pad_crop': choice(0, 2)}, with log, linear and choice
                from cnn_bench.sweep. Without `--tune-trials` nothing is tuned

A recipe, a file with get_config, is an experiment too: `ad_hoc` makes it.

Of a trial, its id and with it its run directory depend on the variant's name, the seed and the resulting recipe alone.
"""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

from ml_collections import ConfigDict

from cnn_bench import recipe
from cnn_bench.errors import UserError, unknown
from cnn_bench.python_file import execute
from cnn_bench.runs import charts as known_charts
from cnn_bench.runs.study import BEST_SINGLE, TOGETHER, Hypothesis
from cnn_bench.runs.tuning import Range
from cnn_bench.sweep import space
from cnn_bench.training import adapted

REQUIRED = ('QUESTION', 'SOURCE', 'RECIPE', 'PRESETS', 'HELD_EQUAL', 'variants', 'report')
OPTIONAL = ('baseline', 'charts', 'hypotheses')
SET_BY_SWEEP = ('name', 'seed')  # fields of each trial's recipe
SMOKE = 'smoke'
TRIALS = 'trials'  # directory of the runs of a sweep's table
TWO_STEPS = {  # the smoke preset: enough to see that a variant builds, trains and is charted
    'dataset.name': 'fashion_mnist_subset',
    'dataset.train_images': 64,  # reading all would take most of the time
    'dataset.validation_images': 20,
    'dataset.test_images': 40,
    'total_steps': 2,
    'batch_size': 8,
    'eval_batch_size': 8,  # as in training, so that more of its trace is reused
    'log_every_steps': 1,
    'schedule.warmup_epochs': 0.0,
    'devices': 1,
}


@dataclass(frozen=True)
class Trial:
    """A variant with a seed: a recipe and the overrides to its fields, on which alone its id depends."""

    name: str
    seed: int
    recipe: Path
    overrides: dict
    depends_on: str = ''  # id of the trial whose weights it starts from
    folder: str = TRIALS  # directory of the sweep in which its run lies
    until_step: int = 0  # where it pauses, to go on later or not; 0: it does not

    @cached_property
    def config(self) -> ConfigDict:
        """The recipe with its overrides. Raises UserError if these do not fit it."""
        try:
            return recipe.load(self.recipe, {**self.overrides, 'name': self.name, 'seed': self.seed})
        except UserError as error:
            raise UserError(f'variant {self.name!r}: {error}') from error

    @cached_property
    def id(self) -> str:
        """The name of its directory: the variant, the seed, and the first digits of the hash of the config."""
        text = json.dumps(recipe.to_dict(self.config), sort_keys=True)
        slug = re.sub(r'[^a-z0-9._]+', '-', self.name.lower()).strip('-')
        return f'{slug}-s{self.seed}-{hashlib.sha256(text.encode()).hexdigest()[:8]}'

    @property
    def run(self) -> str:
        """Its directory below that of the sweep, which tells it from all others of the sweep."""
        return f'{self.folder}/{self.id}'

    @property
    def arguments(self) -> list[str]:
        """The arguments with which `cnn-bench train` trains this, except --workdir and --data-dir."""
        changes = {**self.overrides, 'name': self.name, 'seed': self.seed}
        return [
            '--config',
            str(self.recipe),
            *(f'--config.{field}={value}' for field, value in changes.items()),
            *(['--until-step', str(self.until_step)] if self.until_step else []),
        ]

    def with_values(self, values: dict) -> 'Trial':
        """The same with other values of some fields."""
        return replace(self, overrides={**self.overrides, **values})


@dataclass(frozen=True)
class Experiment:
    """The content of an experiment file."""

    path: Path
    question: str
    source: str
    recipe: Path
    presets: dict[str, dict]  # smoke included
    held_equal: tuple[str, ...]
    variants: Callable[[str], dict[str, dict]]
    report: Callable
    baseline: str = ''
    charts: tuple[str, ...] = ()
    hypotheses: tuple[Hypothesis, ...] = ()
    measure: Callable | None = None
    tune: dict[str, Range] = field(default_factory=dict)  # the space of TUNE
    grid: tuple[str, ...] = ()  # fields in which its variants differ, where these are a product
    changes: dict = field(default_factory=dict)  # overrides for every variant, from the command line

    @classmethod
    def load(cls, path: str | Path, changes: dict | None = None) -> 'Experiment':
        """Read an experiment file; `changes` {field: value} are made to the recipe of every variant.

        Raises UserError if the file is missing, broken or incomplete, or if `changes` has a field of SET_BY_SWEEP.
        """
        path, changes = Path(path), changes or {}
        if own := [name for name in SET_BY_SWEEP if name in changes]:
            raise UserError(f'--config.{own[0]} is not for sweeps, which set the {own[0]} of each trial themselves')
        with execute(path, 'experiment') as module:
            return cls._from_module(path, module, changes)

    @classmethod
    def _from_module(cls, path: Path, module: ModuleType, changes: dict) -> 'Experiment':
        missing = [name for name in REQUIRED if not hasattr(module, name)]
        if missing:
            raise UserError(f'the experiment {path} lacks {", ".join(missing)}')
        if not isinstance(module.PRESETS, dict) or 'demo' not in module.PRESETS:
            raise UserError(f"PRESETS of the experiment {path} must be a dictionary {{name: overrides}} with a 'demo'")
        for name in getattr(module, 'CHARTS', ()):
            if name not in known_charts.names():
                raise unknown(f'chart in CHARTS of {path}', name, known_charts.names())
        optional = {name: getattr(module, name.upper()) for name in OPTIONAL if hasattr(module, name.upper())}
        return cls(
            path=path,
            question=module.QUESTION,
            source=module.SOURCE,
            recipe=path.absolute().parent.parent / module.RECIPE,
            presets={**module.PRESETS, SMOKE: module.PRESETS['demo']},
            held_equal=tuple(module.HELD_EQUAL),
            variants=module.variants,
            report=module.report,
            measure=getattr(module, 'measure', None),
            tune=space.check(module.TUNE, f'TUNE of {path}') if hasattr(module, 'TUNE') else {},
            changes=dict(sorted(changes.items())),
            **optional,
        )

    def call(self, name: str, argument: Any) -> Any:
        """What the experiment's `report` or `measure` returns. Raises UserError if it fails; no trial is affected."""
        try:
            return getattr(self, name)(argument)
        except Exception as error:  # a user's code may raise anything
            why = f'{type(error).__name__}: {error}'
            raise UserError(f'the trials are kept, but {name}() of {self.path} failed: {why}') from error

    def trials(self, preset: str, seeds: int) -> list[Trial]:
        """Every variant of a preset with seeds 0, 1, ...; a seed at a time, so that an unfinished sweep is balanced."""
        fields = self.fields(preset)
        return [self.trial(name, seed, fields) for seed in range(seeds) for name in fields]

    def fields(self, preset: str) -> dict[str, dict]:
        """Variant -> what it sets in the recipe, with what the preset and the command line set for all."""
        if preset not in self.presets:
            raise unknown('preset', preset, self.presets)
        fields = {}
        for name, overrides in self.variants('demo' if preset == SMOKE else preset).items():
            overrides = {**self.presets[preset], **overrides}
            fields[name] = {**(_shortened(overrides) if preset == SMOKE else overrides), **self.changes}
            fields[name] |= dict.fromkeys(self._untaken(name, fields[name])[0])
        return fields

    def left_out(self, preset: str) -> list[str]:
        """Lines on the fields of the recipe that the variants of a preset leave out, since the command line names
        another optimiser or schedule, which does not take them."""
        fields = self.fields(preset)
        given = ({field: value for field, value in fields[name].items() if value is not None} for name in fields)
        lines = [line for own in zip(fields, given, strict=True) for line in self._untaken(*own)[1]]
        return list(dict.fromkeys(lines))

    def _untaken(self, name: str, overrides: dict) -> tuple[list[str], list[str]]:
        if not set(adapted.NAMES) & {*self.changes, *self.grid}:
            return [], []
        return adapted.untaken(Trial(name, 0, self.recipe, overrides).config, self.recipe, overrides)

    def trial(self, name: str, seed: int, variants: dict[str, dict], folder: str = TRIALS) -> Trial:
        """The trial of a variant; `variants` is what `fields` returns, or that with values that were chosen.

        Raises UserError if its `init_from` names an unknown variant.
        """
        overrides = variants[name]
        start = starts_from(overrides)
        if not start:
            return Trial(name, seed, self.recipe, overrides, folder=folder)
        others = {other: fields for other, fields in variants.items() if other != name}
        if start not in others:
            raise unknown(f'variant in init_from of variant {name!r}', start, others)
        before = self.trial(start, seed, others, folder)  # without `name`, so that a cycle ends in an error
        return Trial(name, seed, self.recipe, {**overrides, 'init_from': f'../{before.id}'}, before.id, folder)

    def hypotheses_of(self, preset: str) -> tuple[Hypothesis, ...]:
        """The hypotheses whose two variants a preset has: presets may call their networks by other names."""
        names = set(self.fields(preset)) | {TOGETHER, BEST_SINGLE}
        return tuple(h for h in self.hypotheses if {h.less, h.more} <= names)


def starts_from(overrides: dict) -> str:
    """The variant from whose weights one starts that sets `overrides`; '' for none."""
    start = re.fullmatch(r'{(.*)}', str(overrides.get('init_from', '')))
    return start[1] if start else ''


def _shortened(overrides: dict) -> dict:
    stages = tuple({**stage, 'total_steps': 1} for stage in overrides.get('stages', ()))
    return {**overrides, **TWO_STEPS, **({'stages': stages} if stages else {})}
