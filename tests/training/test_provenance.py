"""A run that goes on with other code, or another number of CPU cores, than it began with says so and records it."""

import json

import pytest

from cnn_bench.runs import RunDirectory, schema
from cnn_bench.training.provenance import resumed_otherwise
from cnn_bench.training.session import train

STEP = 'cnn_bench/training/step.py'


def test_a_run_goes_on_with_other_code_and_cores(tmp_path, tiny_data, tiny_recipe, capsys):
    run = RunDirectory(tmp_path / 'run')
    config = tiny_recipe(dataset__validation_images=16, total_steps=1)
    train(config, run.path, tiny_data)
    made = json.loads((run / schema.PROVENANCE).read_text())
    assert made['code']['modules'][STEP]
    (run / schema.SUMMARY).unlink()  # as if it had been killed after its last checkpoint
    cores = made['cpu_cores']
    made['cpu_cores'] = cores + 1
    made['code']['modules'][STEP] = '0' * 12
    (run / schema.PROVENANCE).write_text(json.dumps(made))
    train(config, run.path, tiny_data)
    said = capsys.readouterr().err
    assert f'goes on with other code than it began with: {STEP}\n' in said
    assert f'goes on with {cores} CPU core' in said
    assert f'after {cores + 1}: the last digits of its results' in said
    (session,) = json.loads((run / schema.PROVENANCE).read_text())['earlier_sessions']
    assert (session['other_code'], session['cpu_cores']) == ([STEP], cores + 1)


@pytest.mark.parametrize(
    ('record', 'lines'),
    [
        (None, 0),
        ({'earlier_sessions': [], 'cpu_cores': 2, 'platform': 'cpu'}, 0),
        ({'earlier_sessions': [{'cpu_cores': 2}], 'cpu_cores': 2, 'platform': 'cpu'}, 0),
        ({'earlier_sessions': [{'cpu_cores': 1}], 'cpu_cores': 2, 'platform': 'cpu'}, 1),
        ({'earlier_sessions': [{'cpu_cores': 1}], 'cpu_cores': 2, 'platform': 'gpu'}, 0),
        ({'earlier_sessions': [{}], 'cpu_cores': 2, 'platform': 'cpu'}, 0),  # of an earlier version
    ],
)
def test_cores_matter_on_a_cpu(record, lines):
    assert len(list(resumed_otherwise(record))) == lines
