"""Directories that appear whole or not at all, and one process at a time in a directory."""

import subprocess
import sys

import pytest

from cnn_bench.cli import main
from cnn_bench.errors import UserError
from cnn_bench.files import is_locked, locked, new_directory

HOLD = 'import sys\nfrom cnn_bench.files import locked\nwith locked(sys.argv[1]):\n print(1, flush=True)\n input()'


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


def test_a_directory_appears_whole(tmp_path):
    with new_directory(tmp_path / 'a' / 'made') as made:
        (made / 'x').write_text('x')
        assert not (tmp_path / 'a' / 'made').exists()
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob('*')] == ['a', 'a/made', 'a/made/x']


def test_or_not_at_all(tmp_path):
    def fail():
        with new_directory(tmp_path / 'made') as made:
            (made / 'x').write_text('x')
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []
