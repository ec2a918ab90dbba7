"""A run of a network outside the package: trained, found from elsewhere, and what happens when its file changes."""

import json

import pytest
from own_network import NETWORK, PARAMS

from cnn_bench import runs, trained
from cnn_bench.errors import UserError
from cnn_bench.runs import RunDirectory, schema
from cnn_bench.training.evaluate import evaluate_run
from cnn_bench.training.session import train


def test_it_is_evaluated_from_anywhere_by_its_own_copy(
    tmp_path, tmp_path_factory, monkeypatch, tiny_data, tiny_recipe, capsys
):
    monkeypatch.chdir(tmp_path)
    file, run = tmp_path / 'mynet.py', tmp_path / 'runs' / 'a'
    file.write_text(NETWORK)
    config = tiny_recipe(model__arch='mynet.py:MyNet', dataset__validation_images=16, model__output=None, total_steps=2)
    assert config.model.arch == f'{file}:MyNet'
    train(config, run, tiny_data)
    row = runs.load(tmp_path / 'runs').iloc[0]
    assert (row.label, row.family, row.params) == ('MyNet', 'mynet', PARAMS)
    assert row.year is None or row.year != row.year
    assert (run / schema.NETWORK).read_text() == NETWORK

    monkeypatch.chdir(tmp_path_factory.mktemp('elsewhere'))
    before = evaluate_run(run, 'test', tiny_data)
    digest = trained.load(run).origin.digest
    assert 'copy' not in capsys.readouterr().err
    file.write_text(NETWORK.replace('3, 2, name', '5, 2, name'))
    assert evaluate_run(run, 'test', tiny_data)['loss'] == before['loss']
    assert f'{file} has changed since; the run in {run} uses its own copy, network.py' in capsys.readouterr().err
    file.unlink()
    model = trained.load(run)
    assert (model.arch, model.origin.digest) == (f'{run}/network.py:MyNet', digest)
    assert 'mynet.py is gone; the run' in capsys.readouterr().err
    (run / schema.NETWORK).unlink()
    with pytest.raises(UserError, match=r'mynet.py, the network of the run in .*, is gone, and the run has no network'):
        trained.load(run)


def test_an_unfinished_run_does_not_go_on_with_another_network(tmp_path, tiny_data, tiny_recipe):
    file, run = tmp_path / 'mynet.py', RunDirectory(tmp_path / 'run')
    file.write_text(NETWORK)
    config = tiny_recipe(model__arch=f'{file}:MyNet', dataset__validation_images=16, model__output=None, total_steps=2)
    train(config, run.path, tiny_data)
    (run / schema.SUMMARY).unlink()
    file.write_text(f'{NETWORK}# changed\n')
    with pytest.raises(
        UserError, match=r'mynet.py has changed since the run in .* began, which keeps a copy, network.py'
    ):
        train(config, run.path, tiny_data)
    assert json.loads((run / schema.PROVENANCE).read_text())['earlier_sessions'] == []
    file.write_text((run / schema.NETWORK).read_text())
    assert train(config, run.path, tiny_data)['state'] == 'finished'
