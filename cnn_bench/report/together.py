"""Several directories of runs, and published results, as the data of one report.

Runs are named after their directory: `depth/trials/plain20-s0`. A label means one network trained one way: where
directories have it with another recipe, code, data or network, or of another data set than the first, their names
follow in brackets; where all of that is the same, their runs are seeds of one configuration. Each study keeps its own
runs: its verdicts are those of its own report.
"""

import itertools
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from cnn_bench.analysis import published
from cnn_bench.analysis.summary import tidy
from cnn_bench.errors import UserError
from cnn_bench.report import data
from cnn_bench.report.data import ReportData
from cnn_bench.runs.choice import SAME, Others

PUBLISHED = 'published'
_ALIKE = (*SAME, 'source')  # columns in which runs of one label agree, besides their code
_MOST_SIZES = 3


def read(directories: Sequence[str | Path], with_published: bool = False) -> ReportData:
    """The data of the runs at or below each directory, joined; `with_published` adds `published.table`.

    Raises UserError as `data.read`, and where a directory is given twice or lies in another.
    """
    places = [Path(os.path.realpath(directory)) for directory in directories]
    for one, other in itertools.permutations(range(len(places)), 2):
        if places[one] == places[other] or places[one] in places[other].parents:
            raise UserError(f'report: {directories[other]} lies in {directories[one]}; its runs would count twice')
    found = [data.read(directory) for directory in directories]
    if len(found) == 1 and not with_published:
        return found[0]
    parts = [replace(part, name=name) for part, name in zip(found, names(directories), strict=True)]
    return join([*parts, *([ReportData(tidy(published.table()), name=PUBLISHED)] if with_published else [])])


def names(directories: Sequence[str | Path]) -> list[str]:
    """The shortest ends of the paths that tell them apart, without what all end in, such as `logs`."""
    paths = [Path(os.path.abspath(directory)).parts for directory in directories]
    while len(paths) > 1 and len({path[-1] for path in paths}) == 1:
        paths = [path[:-1] for path in paths]
    ends = (['/'.join(path[-length:]) for path in paths] for length in itertools.count(1))
    return next(named for named in ends if len(set(named)) == len(named))


def place(directories: Sequence[str | Path]) -> Path:
    """Where the report of these directories goes: `report` in the directory, or in the one that all of them lie in.

    Raises UserError where one is not there, or only the root of all files has them in common.
    """
    found = [data.existing(directory) for directory in directories]
    if len(found) == 1:
        return found[0] / 'report'
    common = Path(os.path.commonpath([os.path.abspath(directory) for directory in found]))
    if common == common.parent:
        raise UserError(
            f'report: {", ".join(map(str, directories))} have no directory in common; choose one with --out'
        )
    absolute = any(directory.is_absolute() for directory in found)
    return Path(common if absolute else os.path.relpath(common), 'report')


def join(parts: Sequence[ReportData]) -> ReportData:
    """The data of several parts with different names as one, with what a reader has to know in `remarks`."""
    groups, apart = _groups(parts), _apart(parts)
    labels = _labels(parts, groups, apart)
    curves = [_renamed(part.curves, part.name, labels[part.name]) for part in parts if part.curves is not None]
    joined = ReportData(
        table=pd.concat([_renamed(part.table, part.name, labels[part.name]) for part in parts], ignore_index=True),
        others=tuple(_others(other, part.name, labels[part.name]) for part in parts for other in part.others),
        curves=pd.concat(curves, ignore_index=True) if curves else None,
        **{
            field: {_run(part.name, run): value for part in parts for run, value in getattr(part, field).items()}
            for field in ('predictions', 'validation', 'damaged_predictions', 'configs', 'code')
        },
        parts=tuple(parts),
    )
    return replace(
        joined, remarks=tuple(filter(None, [_of_data(parts), *_of_labels(groups, apart), _of_one_alone(joined)]))
    )


def _run(name: str, run: object) -> object:
    """The name of a run in the joined table; published rows have none, and that of a run by itself is '.'."""
    return f'{name}/{run}'.removesuffix('/.') if isinstance(run, str) and run else run


def _renamed(table: pd.DataFrame, name: str, labels: Mapping[str, str]) -> pd.DataFrame:
    return table.assign(run=[_run(name, run) for run in table.run], label=table.label.map(lambda x: labels.get(x, x)))


def _others(others: Others, name: str, labels: Mapping[str, str]) -> Others:
    runs, instead = tuple(_run(name, run) for run in others.runs), _run(name, others.instead)
    return replace(others, label=labels.get(others.label, others.label), runs=runs, instead=instead)


def _groups(parts: Sequence[ReportData]) -> dict[str, list[list[str]]]:
    """Label -> the names of the parts that have it, together where they mean the same by it."""
    known: dict[str, list[tuple[list[str], Mapping]]] = {}
    for part in parts:
        for label, rows in part.standing.groupby('label'):
            identity = _identity(rows, part.code)
            alike = [group for group, of_group in known.setdefault(label, []) if _agree(identity, of_group)]
            if alike:
                alike[0].append(part.name)
            else:
                known[label].append(([part.name], identity))
    return {label: [group for group, _ in found] for label, found in known.items()}


def _identity(rows: pd.DataFrame, code: Mapping[str, dict[str, str]]) -> dict[str, set]:
    """The values that say what runs of a label are, as far as they are known."""
    made = {name: set(rows[name].dropna()) for name in _ALIKE}
    return made | {'code': {frozenset(code[run].items()) for run in rows.run if code.get(run)}}


def _agree(one: Mapping[str, set], other: Mapping[str, set]) -> bool:
    return all(one[name] == other[name] for name in one if one[name] and other[name])


def _apart(parts: Sequence[ReportData]) -> set[str]:
    """The names of the parts that are told apart from the first whatever their labels."""
    first = _datasets(parts[0])
    return {part.name for part in parts if part.name == PUBLISHED or (first and _datasets(part) - first)}


def _labels(
    parts: Sequence[ReportData], groups: Mapping[str, list[list[str]]], apart: set[str]
) -> dict[str, dict[str, str]]:
    """By part its labels -> those in the joined table."""
    made: dict[str, dict[str, str]] = {part.name: {} for part in parts}
    for label, found in groups.items():
        several = sum(apart.isdisjoint(group) for group in found) > 1
        for group in found:
            told = several or not apart.isdisjoint(group)
            for name in group:
                made[name][label] = f'{label} ({", ".join(group)})' if told else label
    return made


def _datasets(part: ReportData) -> set[str]:
    return set(part.standing.dataset.dropna())


def _of_data(parts: Sequence[ReportData]) -> str:
    """How the data of the parts differ, '' where they do not."""
    said, sets, images = [], set(), set()
    for part in parts:
        rows = part.standing
        sizes = sorted(set(rows.input_shape.dropna()))
        here = sorted(_datasets(part))
        shown = ', '.join(sizes) if len(sizes) <= _MOST_SIZES else f'{len(sizes)} input sizes'
        said.append(f'{part.name}: {", ".join(here) or "unknown"}' + (f' at {shown}' if shown else ''))
        sets |= set(here)
        if 'data_fingerprint' in rows:
            images |= set(rows.data_fingerprint.dropna())
    told = f'The parts have different data ({"; ".join(said)}).'
    if len(sets) > 1:
        return f'{told} Errors on different images cannot be compared: each data set has a Pareto front of its own.'
    if len(images) > 1:
        return f'{told} The images differ too, though the name of the data set is one: compare the errors with care.'
    sizes = {shape for part in parts for shape in part.standing.input_shape.dropna()}
    return f'{told} The images are the same, at several resolutions.' if len(sizes) > 1 else ''


def _of_labels(groups: Mapping[str, list[list[str]]], apart: set[str]) -> list[str]:
    """Which labels several parts have, and whether they mean the same by them."""
    differ = [label for label, found in groups.items() if sum(apart.isdisjoint(group) for group in found) > 1]
    same = [label for label, found in groups.items() if any(len(group) > 1 for group in found)]
    said = [f'Told apart by the name of their directory, as recipe, code, data or network differ: {", ".join(differ)}.']
    pooled = [f'The same in several directories, so that their runs are seeds of one configuration: {", ".join(same)}.']
    return said * bool(differ) + pooled * bool(same)


def _of_one_alone(joined: ReportData) -> str:
    if joined.baseline or not any(part.tuning or (part.study and part.study.baseline) for part in joined.parts):
        return ''
    return 'Differences from a baseline, and the expected best of tuning trials, are drawn in the report of each sweep.'
