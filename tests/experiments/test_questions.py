"""Every experiment in the repository: its trials can be built, and its answer can be read from a table."""

from pathlib import Path

import pandas as pd
import pytest

from cnn_bench.runs import schema
from cnn_bench.sweep import Experiment
from cnn_bench.training.task import Task

FILES = sorted((Path(__file__).parents[2] / 'experiments').glob('*.py'))


@pytest.mark.parametrize('path', FILES, ids=lambda path: path.stem)
def test_every_trial_of_the_demo_can_be_built(path):
    trials = Experiment.load(path).trials('demo', 1)
    assert len(trials) >= 2
    for trial in trials:
        assert Task(trial.config).total_steps > 0


@pytest.mark.parametrize('path', FILES, ids=lambda path: path.stem)
def test_every_trial_of_every_preset_has_a_recipe(path):
    experiment = Experiment.load(path)
    for preset in experiment.presets:
        for trial in experiment.trials(preset, 1):
            assert trial.config.model.arch


def test_the_demo_has_ten_networks_of_six_families():
    from cnn_bench.models import registry

    trials = Experiment.load(FILES[0].with_name('accuracy_vs_cost.py')).trials('demo', 1)
    architectures = {trial.config.model.arch for trial in trials}
    assert len(architectures) >= 10
    assert len({registry.get(arch).family for arch in architectures}) >= 6


def test_accuracy_vs_cost_names_the_front():
    experiment = Experiment.load(FILES[0].with_name('accuracy_vs_cost.py'))
    rows = [('small', 1e6, 20.0), ('best', 9e6, 10.0), ('beaten', 9e6, 15.0)]
    table = pd.DataFrame(rows, columns=['label', 'macs', 'top1_err_pct']).reindex(columns=list(schema.COLUMNS))
    answer = experiment.report(table)
    assert 'small (20.0 % at 1.00 M)' in answer
    assert 'best' in answer
    assert 'beaten' not in answer
