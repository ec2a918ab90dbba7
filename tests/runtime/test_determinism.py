"""--deterministic: asked for in time or not at all."""

import subprocess
import sys

import jax

from cnn_bench import cli
from cnn_bench.runs import RunDirectory, schema
from cnn_bench.runtime import determinism
from cnn_bench.training import session


def test_it_is_asked_for_before_a_back_end_starts_and_never_after():
    """In a process of its own: XLA ends one that gives it a flag that it does not know."""
    code = (
        'from cnn_bench.errors import UserError\n'
        'from cnn_bench.runtime import determinism\n'
        'determinism.enable()\n'
        'import jax\n'
        'print(jax.numpy.ones(3).sum(), determinism.record()["deterministic"])\n'
        'try:\n'
        '    determinism.enable()\n'
        'except UserError as error:\n'
        '    print(error)\n'
    )
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    first, second = result.stdout.splitlines()
    assert first == '3.0 True'
    assert 'must come before' in second


def test_the_command_refuses_it_too_late(tmp_path, capsys):
    jax.devices()
    command = ['train', '--config', 'configs/lenet5.py', '--workdir', str(tmp_path / 'run'), '--deterministic']
    assert cli.main(command) == 2
    assert 'must come before' in capsys.readouterr().err


def test_a_run_says_whether_it_was_asked_for(tiny_recipe, tiny_data, tmp_path, monkeypatch):
    assert not determinism.record()['deterministic']
    flags = f'--xla_some=1 {determinism.FLAG}'
    monkeypatch.setenv('XLA_FLAGS', flags)
    session.train(tiny_recipe(total_epochs=1), tmp_path / 'run', tiny_data)
    record = RunDirectory(tmp_path / 'run').read(schema.PROVENANCE)
    assert (record['deterministic'], record['xla_flags']) == (True, flags)
