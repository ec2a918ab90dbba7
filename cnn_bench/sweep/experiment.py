"""Experiments: files that hold a question, the variants that could answer it, and how the answer is read.

QUESTION = 'one sentence that ends in a question mark?'
RECIPE = 'configs/compare.py'             # relative to the directory above the file's own
PRESETS = ('demo', 'full')
def variants(preset): ...                 # {name: {'config.field': value}}: what differs from the recipe
def report(table): ...                    # the answer in words, from the tidy table of finished runs
"""

import hashlib
import importlib.util
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType

from ml_collections import ConfigDict

from cnn_bench.errors import UserError, unknown
from cnn_bench.training import recipe

REQUIRED = ('QUESTION', 'RECIPE', 'PRESETS', 'variants', 'report')


@dataclass(frozen=True)
class Trial:
    """One variant with one seed: a recipe, what is changed in it, and an id that depends on nothing else."""

    name: str
    seed: int
    recipe: Path
    overrides: dict

    @cached_property
    def config(self) -> ConfigDict:
        """The recipe as it will be run. Raises UserError where the variant does not fit it."""
        try:
            return recipe.load(self.recipe, {**self.overrides, 'name': self.name, 'seed': self.seed})
        except UserError as error:
            raise UserError(f'variant {self.name!r}: {error}') from error

    @property
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
    recipe: Path
    presets: tuple[str, ...]
    variants: Callable[[str], dict[str, dict]]
    report: Callable

    @classmethod
    def load(cls, path: str | Path) -> 'Experiment':
        """Read an experiment file. Raises UserError where it is missing, broken or incomplete."""
        path = Path(path)
        if not path.is_file():
            near = sorted(str(p) for p in path.parent.glob('*.py')) if path.parent.is_dir() else []
            raise unknown('experiment', str(path), near)
        module = _execute(path)
        missing = [name for name in REQUIRED if not hasattr(module, name)]
        if missing:
            raise UserError(f'the experiment {path} lacks {", ".join(missing)}')
        where = path.absolute().parent.parent / module.RECIPE
        return cls(path, module.QUESTION, where, tuple(module.PRESETS), module.variants, module.report)

    def trials(self, preset: str, seeds: int) -> list[Trial]:
        """Every variant of a preset with seeds 0, 1, ...; seeds outermost, so that a sweep cut short is balanced."""
        if preset not in self.presets:
            raise unknown('preset', preset, self.presets)
        return list(self._trials(preset, seeds))

    def _trials(self, preset: str, seeds: int) -> Iterator[Trial]:
        variants = self.variants(preset)
        for seed in range(seeds):
            for name, overrides in variants.items():
                yield Trial(name, seed, self.recipe, overrides)


def _execute(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f'experiment_{path.stem}', path)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UserError(f'the experiment {path} does not load: {type(error).__name__}: {error}') from error
    return module
