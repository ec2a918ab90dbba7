"""Which runs of a sweep stand for its variants, where its directory holds runs of several recipes.

A sweep that is started again after a change keeps the runs from before. Only runs that sweep.json lists can stand for a
variant. Where these have several recipes, the newest complete one does: of those whose finished runs have as many seeds
as the sweep asks for, or the most that any has, the one that was begun last.

Runs of one recipe (the column `recipe`) are seeds of one thing only if they had the same data and the same network with
the same parameters and multiply-adds, and were made by the same code: that of the network, of training and of the data
(`runs.code`, where a run has the record). In a directory that is no sweep all runs stand, and tables tell recipes of
one label apart.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import and_
from pathlib import Path
from typing import TYPE_CHECKING

from cnn_bench.errors import UserError
from cnn_bench.runs import schema, study
from cnn_bench.runs.directory import RunDirectory

if TYPE_CHECKING:
    import pandas as pd

SAME = ('recipe', 'data_fingerprint', 'params', 'macs')  # columns, for all runs of a variant
_SAME = [*SAME, 'code']
_COMPUTING = tuple(f'cnn_bench/{room}/' for room in ('models', 'training', 'data'))  # of the modules that a run imports
OTHER_RECIPE, NOT_LISTED = 'another recipe', 'no trial of this sweep'


@dataclass(frozen=True)
class Others:
    """Runs of one recipe that do not stand for the variant `label`, by their names in the table, and why.

    Where `why` is OTHER_RECIPE, `instead` is a run that does.
    """

    label: str
    runs: tuple[str, ...]
    why: str
    instead: str = ''


@dataclass(frozen=True)
class Choice:
    """The rows of a tidy table that stand for their variants, and the others."""

    table: 'pd.DataFrame'
    others: tuple[Others, ...] = ()


def choose(directory: str | Path, table: 'pd.DataFrame') -> Choice:
    """The choice among the rows of `table`, which `load(directory)` returned. Raises UserError for a damaged study."""
    made_by = study.read(directory)
    if made_by is None:
        return Choice(table)
    listed = {f'trials/{trial["id"]}' for trial in made_by.trials}
    kept, others = [], []
    for label, rows in _with_code(table, directory).groupby('label', sort=False, dropna=False):
        present = rows[rows.run.isin(listed)]
        standing = _standing(Path(directory), present, made_by.seeds)
        kept += list(standing.index)
        for _, of_recipe in rows.drop(standing.index).groupby(_SAME, sort=False, dropna=False):
            runs = tuple(of_recipe.run)
            if len(standing) and not _fits(of_recipe, standing).all():
                others.append(Others(label, runs, OTHER_RECIPE, standing.run.iloc[0]))
            else:
                others.append(Others(label, runs, NOT_LISTED))
    return Choice(table.loc[sorted(kept)], tuple(others))


def newest(directory: str | Path, table: 'pd.DataFrame') -> 'pd.DataFrame':
    """The rows of `table`, from `load(directory)`, of the newest recipe of each label among those with most seeds."""
    by_label = _with_code(table, directory).groupby('label', sort=False, dropna=False)
    kept = [_standing(Path(directory), rows, len(rows)) for _, rows in by_label]
    return table.loc[sorted(index for rows in kept for index in rows.index)]


def code_of(run: str | Path) -> dict[str, str]:
    """File -> digest of the code by which a run computed; empty where it has no record."""
    made = _provenance(Path(run)).get('code')
    made = made if isinstance(made, Mapping) else {}
    modules = {file: digest for file, digest in (made.get('modules') or {}).items() if file.startswith(_COMPUTING)}
    return {**modules, **{Path(file).name: digest for file, digest in (made.get('network') or {}).items()}}


def _with_code(table: 'pd.DataFrame', directory: str | Path) -> 'pd.DataFrame':
    codes = [repr(sorted(found.items())) if (found := code_of(Path(directory) / run)) else None for run in table.run]
    return table.assign(code=codes)


def _standing(directory: Path, rows: 'pd.DataFrame', asked: int) -> 'pd.DataFrame':
    """The rows of the newest complete recipe, and those of which too little is known to tell."""
    finished = rows[rows.state == 'finished']
    recipes = [of_recipe for _, of_recipe in (finished if len(finished) else rows).groupby(_SAME, dropna=False)]
    if not recipes:
        return rows
    seeds = [of_recipe.seed.nunique() for of_recipe in recipes]
    complete = [of_recipe for of_recipe, n in zip(recipes, seeds, strict=True) if n >= min(asked, max(seeds))]
    return rows[_fits(rows, max(complete, key=lambda found: max(_begun(directory / run) for run in found.run)))]


def _fits(rows: 'pd.DataFrame', recipe: 'pd.DataFrame') -> 'pd.Series':
    """Bool per row: whether it is of the recipe of other rows, as far as both are known."""
    known = {name: recipe[name].dropna() for name in _SAME}
    alike = [rows[name].isna() | rows[name].eq(values.iloc[0]) for name, values in known.items() if len(values)]
    return reduce(and_, alike, rows.run.notna())


def _begun(run: Path) -> datetime.datetime:
    """When a run was begun; long ago where its provenance cannot be read."""
    provenance = _provenance(run)
    if not provenance:
        return datetime.datetime.min.replace(tzinfo=datetime.UTC)
    first = [*provenance['earlier_sessions'], provenance][0]
    return datetime.datetime.fromisoformat(first['started'])


def _provenance(run: Path) -> dict:
    try:
        return RunDirectory(run).read(schema.PROVENANCE) or {}
    except UserError:  # the table says so
        return {}
