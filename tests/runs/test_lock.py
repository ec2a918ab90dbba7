"""One process at a time in a directory."""

import subprocess
import sys

import pytest

from cnn_bench.cli import main
from cnn_bench.errors import UserError
from cnn_bench.runs.lock import is_locked, locked

HOLD = 'import sys\nfrom cnn_bench.runs.lock import locked\nwith locked(sys.argv[1]):\n print(1, flush=True)\n input()'


@pytest.fixture
def holder(tmp_path):
    """A process that holds the lock of tmp_path."""
    process = subprocess.Popen(
        [sys.executable, '-c', HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    process.stdout.readline()
    yield process
    process.kill()
    process.communicate()


def test_the_second_is_refused_until_the_first_ends_however_it_does(tmp_path, holder):
    assert is_locked(tmp_path)
    with pytest.raises(UserError, match=f'another process trains in {tmp_path}'), locked(tmp_path):
        pass
    holder.kill()
    holder.wait()
    assert not is_locked(tmp_path)
    with locked(tmp_path):
        assert is_locked(tmp_path)
    assert not is_locked(tmp_path)
    assert not is_locked(tmp_path / 'nowhere')


def test_two_processes_never_train_in_one_directory(tmp_path, holder, tiny_data, capsys):
    fields = 'dataset.name=tiny batch_size=24 eval_batch_size=20 total_steps=2 devices=1 schedule.warmup_epochs=0'
    overrides = [f'--config.{field}' for field in fields.split()]
    run = ['train', '--config', 'configs/lenet5.py', '--workdir', str(tmp_path), '--data-dir', tiny_data]
    assert main([*run, *overrides]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith('cnn-bench')]
    assert lines == [f'cnn-bench: error: another process trains in {tmp_path}; wait until it ends, or end it']
    assert {path.name for path in tmp_path.iterdir()} == {'.lock'}
