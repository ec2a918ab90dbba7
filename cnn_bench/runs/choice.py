"""Which runs of a sweep stand for its variants, where its directory holds runs of several recipes.

A sweep that is started again after a change keeps the runs from before. For each variant the newest complete recipe
stands: of those whose finished runs have as many seeds as the sweep asks for, or the most that any has, the one that
was begun last. A recipe is what `recipe` in the table stands for, with the data and the counted network: runs of one
recipe whose data, parameters or multiply-adds differ are not seeds of one thing.

Besides, only runs that sweep.json lists count, of variants that its experiment still has. In a directory that is no
sweep all runs stand; tables tell recipes of one label apart there.
"""

import datetime
import functools
import operator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cnn_bench.errors import UserError
from cnn_bench.runs import schema, study
from cnn_bench.runs.directory import RunDirectory

if TYPE_CHECKING:
    import pandas as pd

SAME = ('recipe', 'data_fingerprint', 'params', 'macs')  # for all runs of a variant
OTHER_RECIPE, NOT_LISTED, NO_VARIANT = 'another recipe', 'no trial of this sweep', 'no variant of this sweep any more'


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

    def in_words(self) -> str:
        """Of which variants how many runs are left out, in a sentence; '' where none is."""
        counts: dict[str, int] = {}
        for other in self.others:
            counts[other.label] = counts.get(other.label, 0) + len(other.runs)
        said = ', '.join(f'{label} ({count})' for label, count in counts.items())
        return f'Runs of other recipes or earlier variants are left out: {said}.' if said else ''


def choose(directory: str | Path, table: 'pd.DataFrame') -> Choice:
    """The choice among the rows of `table`, which `load(directory)` returned. Raises UserError for a damaged study."""
    made_by = study.read(directory)
    if made_by is None:
        return Choice(table)
    listed = {f'trials/{trial["id"]}' for trial in made_by.trials}
    kept, others = [], []
    for label, rows in table.groupby('label', sort=False, dropna=False):
        present = rows[rows.run.isin(listed)] if listed else rows
        unlisted = rows.drop(present.index)
        if made_by.variants and label not in made_by.variants and (present.state != 'damaged').any():
            present, unlisted = present.head(0), rows
            others += [Others(label, tuple(rows.run), NO_VARIANT)]
        elif len(unlisted):
            others += [Others(label, tuple(unlisted.run), NOT_LISTED)]
        standing = _standing(Path(directory), present, made_by.seeds)
        kept += list(standing.index)
        instead = standing.run.iloc[0] if len(standing) else ''
        for _, of_recipe in present.drop(standing.index).groupby(list(SAME), sort=False, dropna=False):
            others.append(Others(label, tuple(of_recipe.run), OTHER_RECIPE, instead))
    return Choice(table.loc[sorted(kept)], tuple(others))


def newest(directory: str | Path, table: 'pd.DataFrame') -> 'pd.DataFrame':
    """The rows of `table`, from `load(directory)`, of the newest recipe of each label among those with most seeds."""
    kept = [_standing(Path(directory), rows, len(rows)) for _, rows in table.groupby('label', sort=False, dropna=False)]
    return table.loc[sorted(index for rows in kept for index in rows.index)]


def _standing(directory: Path, rows: 'pd.DataFrame', asked: int) -> 'pd.DataFrame':
    """The rows of the newest complete recipe, and those of which too little is known to tell."""
    finished = [of_recipe for _, of_recipe in rows[rows.state == 'finished'].groupby(list(SAME), dropna=False)]
    if len(finished) == 0:
        finished = [of_recipe for _, of_recipe in rows.groupby(list(SAME), dropna=False)]
    if len(finished) <= 1 and rows.recipe.nunique() <= 1:
        return rows
    seeds = [of_recipe.seed.nunique() for of_recipe in finished]
    complete = [of_recipe for of_recipe, n in zip(finished, seeds, strict=True) if n >= min(asked, max(seeds))]
    newest = max(complete, key=lambda of_recipe: max(_begun(directory / run) for run in of_recipe.run))
    fits = [rows[name].isna() | rows[name].eq(newest[name].iloc[0]) for name in SAME]
    return rows[functools.reduce(operator.and_, fits)]


def _begun(run: Path) -> datetime.datetime:
    """When a run was begun; long ago where its provenance cannot be read."""
    try:
        provenance = RunDirectory(run).read(schema.PROVENANCE)
    except UserError:
        provenance = None
    if provenance is None:
        return datetime.datetime.min.replace(tzinfo=datetime.UTC)
    first = [*provenance['earlier_sessions'], provenance][0]
    return datetime.datetime.fromisoformat(first['started'])
