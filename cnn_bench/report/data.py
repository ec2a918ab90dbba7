"""The data of a report, read once from a directory of runs. `together` joins those of several."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import pandas as pd

from cnn_bench import runs
from cnn_bench.analysis import ensembles, other_recipes, summary, tuning, verdicts
from cnn_bench.analysis.tuning import Ranking
from cnn_bench.analysis.verdicts import Judgement
from cnn_bench.errors import UserError
from cnn_bench.runs import choice, listing, schema, study
from cnn_bench.runs import tuning as tuning_record
from cnn_bench.runs.choice import Others
from cnn_bench.runs.load import name_below
from cnn_bench.runs.predictions import Predictions
from cnn_bench.runs.predictions import read as read_predictions
from cnn_bench.runs.study import Study
from cnn_bench.runs.tuning import Tuning

DEFAULT_TITLE = 'Error against cost'


class NothingYet(UserError):
    """There is no run, or none that is finished: nothing to report until there is."""


@dataclass(frozen=True)
class ReportData:
    """A tidy table of runs and, where they exist, the study that the runs belong to, their learning curves
    (`runs.curves`), and by run the predictions for the test images and the configs.

    `others` are the runs of the table that do not stand for a variant of the study (`runs.choice`); tables list them,
    and all else is of the rest, `standing`. Data of several directories are joined (`together`): `parts` are those of
    each, with its `name`, and have the studies; `remarks` say how they differ.
    """

    table: pd.DataFrame
    others: tuple[Others, ...] = ()
    study: Study | None = None
    curves: pd.DataFrame | None = None
    predictions: Mapping[str, Predictions] = field(default_factory=dict)
    validation: Mapping[str, Predictions] = field(default_factory=dict)  # those for the validation images
    damaged_predictions: Mapping[str, str] = field(default_factory=dict)  # run -> why they are left out
    configs: Mapping[str, dict] = field(default_factory=dict)
    code: Mapping[str, dict[str, str]] = field(default_factory=dict)  # `choice.code_of`
    tuning: Tuning | None = None  # how the variants were tuned, and
    untuned: pd.DataFrame | None = None  # a tidy table of their runs without
    name: str = ''
    parts: tuple['ReportData', ...] = ()
    remarks: tuple[str, ...] = ()

    @cached_property
    def sweeps(self) -> tuple['ReportData', ...]:
        """The data of each directory: the parts, or these alone. A study that is the only one needs no name."""
        alone = sum(part.study is not None for part in self.parts) == 1
        return tuple(replace(part, name='') if alone else part for part in self.parts) or (self,)

    @property
    def studies(self) -> list[Study]:
        """Those of the sweeps."""
        return [part.study for part in self.sweeps if part.study]

    @property
    def prefix(self) -> str:
        """The name of a part before a sentence about it."""
        return f'{self.name}: ' if self.name else ''

    @property
    def title(self) -> str:
        """The question of the studies; the names of the parts where they have several."""
        questions = {study.question for study in self.studies} - {''}
        if len(questions) == 1:
            return questions.pop()
        return f'{DEFAULT_TITLE}: {", ".join(part.name for part in self.parts)}' if self.parts else DEFAULT_TITLE

    @property
    def answer(self) -> str:
        """The answer of the study, Markdown; of several studies each below its question."""
        if len(self.studies) < 2:
            return ''.join(study.answer or '' for study in self.studies).strip()
        asked = [part for part in self.parts if part.study]
        return '\n\n'.join(f'## {part.prefix}{part.title}\n\n{part.answer}'.strip() for part in asked)

    @property
    def charts(self) -> tuple[str, ...]:
        """The charts that answer the questions."""
        return tuple(dict.fromkeys(name for study in self.studies for name in study.charts))

    @property
    def baseline(self) -> str:
        """The label that the others are compared with; '' where there is none, or the studies have several."""
        found = {study.baseline for study in self.studies}
        return found.pop() if len(found) == 1 and found <= set(self.table.label) else ''

    @cached_property
    def standing(self) -> pd.DataFrame:
        """The rows of the table but for those of `others`."""
        return self.table[~self.table.run.isin([run for other in self.others for run in other.runs])]

    @cached_property
    def summary(self) -> pd.DataFrame:
        """`summarise` of the runs that stand."""
        return summary.summarise(self.standing)

    @cached_property
    def left_out(self) -> list[tuple[str, str]]:
        """(run or runs, reason) of the runs that the charts leave out."""
        others = [other_recipes.described(other, self.table, self.configs, self.code) for other in self.others]
        return others + summary.left_out(self.standing)

    @cached_property
    def names(self) -> dict[str, str]:
        """Run -> label in the summary."""
        return summary.names(self.standing)

    @cached_property
    def judgements(self) -> list[Judgement]:
        """The hypotheses of the study with their verdicts; those of each part by its own runs."""
        if not self.study:
            return [found for part in (self.sweeps if self.parts else ()) for found in part.judgements]
        compared = {label for hypothesis in self.study.hypotheses for label in (hypothesis.less, hypothesis.more)}
        table, predictions = self.standing, self.predictions
        if compared & {study.TOGETHER, study.BEST_SINGLE}:
            table, of_ensembles = ensembles.together(table, predictions, self.validation)
            predictions = {**predictions, **of_ensembles}
        return verdicts.judge(table, self.study.hypotheses, predictions)

    @property
    def verdict_lines(self) -> list[str]:
        """A line per hypothesis and its verdict, which begins with the name of its part."""
        return [f'{part.prefix}{line}' for part in self.sweeps for line in verdicts.lines(part.judgements)]

    @cached_property
    def ranking(self) -> Ranking | None:
        """How tuning changed the ranking of the variants; None where they were not tuned, or not run untuned too."""
        if self.tuning is None or self.untuned is None:
            return None
        return tuning.ranking(self.tuning, self.untuned, self.standing)

    @cached_property
    def members(self) -> list[ensembles.Member]:
        """The runs that can be in an ensemble; none where they had different test sets or kept no probabilities."""
        try:
            return ensembles.members(self.standing, self.predictions, self.names, self.validation)
        except UserError:
            return []

    @cached_property
    def ensembles(self) -> pd.DataFrame:
        """`ensembles.best` of the members; empty where there are none."""
        return ensembles.best(self.members)

    @cached_property
    def differing_fields(self) -> pd.DataFrame:
        """`other_recipes.differing_fields` of the configurations in the summary."""
        return other_recipes.differing_fields(
            {self.names[run]: config for run, config in self.configs.items() if run in self.names}
        )


def read(directory: str | Path) -> ReportData:
    """The data of the runs at or below `directory`, which may be in training: then they are as far as they are known.

    Raises UserError where there is no such directory or the study is damaged, NothingYet where there is no run.
    """
    directory = existing(directory)
    if not runs.find(directory):
        raise NothingYet(f'{directory.absolute()} holds no run: no {schema.CONFIG} at or below it')
    predictions, damaged = read_predictions(directory)
    table = _with_states(runs.load(directory), directory)
    others = choice.choose(directory, table).others
    return ReportData(
        table=table,
        others=others,
        code={run: choice.code_of(directory / run) for run in table.run},
        study=study.read(directory),
        curves=runs.curves(directory, table),
        predictions=predictions,
        damaged_predictions=damaged,
        validation=read_predictions(directory, schema.VALIDATION_PREDICTIONS)[0],
        configs=_configs(directory),
        tuning=tuning_record.read(directory),
        untuned=_untuned(directory),
    )


def existing(directory: str | Path) -> Path:
    """The path of a directory. Raises UserError where there is none."""
    if not Path(directory).is_dir():
        raise UserError(f'report: there is no directory {directory}')
    return Path(directory)


def _with_states(table: pd.DataFrame, directory: Path) -> pd.DataFrame:
    """The table with the state and the progress of runs that are unfinished, as far as this machine can tell."""
    for index in table.index[table.state == 'unfinished']:
        with contextlib.suppress(UserError):  # it was removed meanwhile
            (found,) = listing.survey(directory / table.run[index])
            if found.state in listing.UNDER_WAY:
                table.loc[index, ['state', 'reason']] = found.state, _progress(found)
    return table


def _progress(found: listing.Listed) -> str:
    """'step 120 of 400, validation error 34.50 %'."""
    steps = ' of '.join(f'{steps:,}' for steps in (found.step or 0, found.total_steps) if steps is not None)
    error = found.last_val_top1_err_pct
    return f'step {steps}' + (f', validation error {error:.2f} %' if error is not None else '')


def _untuned(directory: Path) -> pd.DataFrame | None:
    """The runs of the sweep in `directory` with the recipe's own values, the newest of each variant; None without."""
    place = directory / tuning_record.UNTUNED
    return choice.newest(place, runs.load(place)) if runs.find(place) else None


def _configs(directory: Path) -> dict[str, dict]:
    """Run -> config.json, where it can be read."""
    found = {}
    for run in runs.find(directory):
        with contextlib.suppress(UserError):  # `runs.load` says so
            found[name_below(run, directory)] = run.config()
    return found
