"""Sweeps without an experiment file: a recipe and grids of values for its fields, whose product are the variants.

    cnn-bench sweep configs/lenet5.py --grid optimizer.learning_rate=0.01,0.03,0.1 --grid model.width=0.5,1

A variant is called by its values: 'learning_rate=0.01, width=0.5'. Without a grid the recipe is the one variant. The
presets are `recipe`, the recipe as it is, and `smoke`, two tiny steps.
"""

import itertools
import re
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from cnn_bench.errors import UserError
from cnn_bench.recipe import is_recipe
from cnn_bench.sweep.answers import means, paragraph, ranked, seeds
from cnn_bench.sweep.experiment import SET_BY_SWEEP, SMOKE, Experiment

PRESET = 'recipe'
HELD_EQUAL = ('epochs', 'macs', 'seconds')
CHARTS = ('accuracy_vs_macs', 'learning_curves')
# A comma between two values: not one inside quotes, or inside the brackets of a tuple.
_PARTS = re.compile(r"""(?:"[^"]*"|'[^']*'|\([^()]*\)|[^,])+""")


def load(spec: str, changes: dict | None = None, grids: Iterable[str] = ()) -> Experiment:
    """The experiment of a file, or the ad hoc one of a recipe 'path.py[:arg]', a file with get_config.

    `grids` are arguments 'FIELD=VALUE,VALUE'; `changes` is as in Experiment.load. Raises UserError where either does
    not fit the file.
    """
    name, _, arg = spec.partition(':')
    path, changes, grid = Path(name), changes or {}, parse(grids)
    if not is_recipe(spec):
        if grid:
            raise UserError(f'--grid is for a recipe; {path} is an experiment, which lists its variants itself')
        return Experiment.load(spec, changes)
    for field in (*changes, *grid):
        if field in SET_BY_SWEEP:
            raise UserError(f'{field} is not for sweeps, which set the {field} of each trial themselves')
    if both := [field for field in grid if field in changes]:
        raise UserError(f'--grid and --config both set {both[0]}')
    variants = product(grid) if grid else {path.stem: {}}
    recipe = f'{path.absolute()}:{arg}' if arg else path.absolute()
    return Experiment(
        path=path,
        question=_question(spec, list(grid)),
        source='a sweep without an experiment file',
        recipe=Path(recipe),
        presets={PRESET: {}, SMOKE: {}},
        held_equal=HELD_EQUAL,
        variants=lambda preset: variants,
        report=_report,
        charts=CHARTS,
        changes=dict(sorted(changes.items())),
        grid=tuple(grid),
    )


def parse(arguments: Iterable[str]) -> dict[str, list[str]]:
    """{field: values} of arguments 'FIELD=VALUE,VALUE'. Raises UserError for another form, or a value given twice."""
    grid = {}
    for argument in arguments:
        field, _, text = argument.partition('=')
        parts = _PARTS.findall(text)
        values = [part.strip() for part in parts]
        if not field or not parts or not all(values) or ','.join(parts) != text:
            raise UserError(f'--grid {argument!r} is not FIELD=VALUE,VALUE,...')
        if field in grid:
            raise UserError(f'--grid names {field} twice; its values go into one, separated by commas')
        if len(set(values)) < len(values):
            raise UserError(f'--grid {argument!r} gives a value twice')
        grid[field] = values
    return grid


def product(grid: dict[str, list[str]]) -> dict[str, dict[str, str]]:
    """Label -> {field: value}, every combination; the last field changes first."""
    last = {field: field.rpartition('.')[2] for field in grid}
    short = {field: name if list(last.values()).count(name) == 1 else field for field, name in last.items()}
    combinations = (dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values()))
    return {', '.join(f'{short[field]}={value}' for field, value in c.items()): c for c in combinations}


def _question(spec: str, fields: list[str]) -> str:
    if not fields:
        return f'Which test error does {spec} reach?'
    listed = ' and '.join([', '.join(fields[:-1]), fields[-1]] if len(fields) > 1 else fields)
    return f'How does the test error of {spec} depend on {listed}?'


def _report(table: pd.DataFrame) -> str:
    errors = means(table)
    return paragraph(f'Test error {seeds(table)}: {ranked(errors)}.' if len(errors) else 'No trial has a test error.')
