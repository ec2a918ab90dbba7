"""A run that pauses at a step and is trained on later is the run that never paused."""

import pytest
from kill_harness import assert_same_run

from cnn_bench.runs import RunDirectory, schema
from cnn_bench.training import session


@pytest.mark.parametrize('steps', [(3, 6), (4,)], ids=['evaluated steps', 'within an epoch'])
def test_pauses_change_nothing(tiny_recipe, tiny_data, tmp_path, steps):
    """With a plateau schedule, which a validation that counted twice would change."""
    fields = {'total_epochs': 3, 'dataset__validation_images': 24, 'schedule__name': 'plateau', 'log_every_steps': 2}
    config = tiny_recipe(**fields, schedule__patience=0, schedule__factor=0.5)
    session.train(config, tmp_path / 'whole', tiny_data)
    run = RunDirectory(tmp_path / 'paused')
    for step in steps:
        assert session.train(config, run.path, tiny_data, until_step=step) is None
        assert run.read(schema.SUMMARY) is None
        assert run.saved_steps()[-1] == step
        validated = [row['step'] for row in run.metrics() if row['kind'] == 'val']
        assert validated == [s for s in (3, 6) if s <= step]
    assert session.train(config, run.path, tiny_data)['steps'] == 9
    assert_same_run(config, tmp_path / 'whole', run.path, tiny_data)
