"""What a report is made of, read once from a directory of runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pandas as pd

from cnn_bench import runs
from cnn_bench.errors import UserError
from cnn_bench.report import ablation, ensembles, tables
from cnn_bench.report.ablation import Finding
from cnn_bench.runs import schema, study
from cnn_bench.runs.predictions import Predictions
from cnn_bench.runs.study import Study


@dataclass(frozen=True)
class Material:
    """The tidy table of some runs and, where they are there, the study that they were made for, what they logged
    (`runs.curves`), what they said of the test images and their configs, both by run."""

    table: pd.DataFrame
    study: Study | None = None
    curves: pd.DataFrame | None = None
    predictions: Mapping[str, Predictions] = field(default_factory=dict)
    configs: Mapping[str, dict] = field(default_factory=dict)

    @cached_property
    def summary(self) -> pd.DataFrame:
        """`tables.summarise` of the table."""
        return tables.summarise(self.table)

    @cached_property
    def names(self) -> dict[str, str]:
        """Run -> label in the summary."""
        return tables.names(self.table)

    @cached_property
    def findings(self) -> list[Finding]:
        """The hypotheses of the study, judged."""
        if not self.study:
            return []
        compared = {label for hypothesis in self.study.hypotheses for label in (hypothesis.less, hypothesis.more)}
        table, predictions = self.table, self.predictions
        if compared & {study.TOGETHER, study.BEST_SINGLE}:
            table, said = ensembles.together(table, predictions)
            predictions = {**predictions, **said}
        return ablation.judge(table, self.study.hypotheses, predictions)

    @cached_property
    def members(self) -> list[ensembles.Member]:
        """The runs that can be in an ensemble; none where they were not tested alike or kept no probabilities."""
        try:
            return ensembles.members(self.table, self.predictions, self.names)
        except UserError:
            return []

    @cached_property
    def ensembles(self) -> pd.DataFrame:
        """`ensembles.best` of the members; empty where there are none."""
        return ensembles.best(self.members)


def read(directory: str | Path) -> Material:
    """The material of the runs at or below `directory`. Raises UserError where it holds no run or a damaged study."""
    directory = Path(directory)
    if not directory.is_dir():
        raise UserError(f'report: there is no directory {directory}')
    return Material(
        table=runs.load(directory),
        study=study.read(directory),
        curves=runs.curves(directory),
        predictions=runs.predictions(directory),
        configs=_configs(directory),
    )


def _configs(directory: Path) -> dict[str, dict]:
    """Run -> config.json, of those whose can be read."""
    found = {}
    for run in runs.find(directory):
        try:
            config = run.read(schema.CONFIG)
        except UserError:
            continue
        if isinstance(config, dict):
            found[run.path.relative_to(directory.absolute()).as_posix()] = config
    return found
