"""Directories that appear whole or not at all, and one process at a time in a directory."""

import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from cnn_bench.cli import main
from cnn_bench.errors import UserError
from cnn_bench.files import is_locked, locked, new_directory, remove_directory, write_atomically
from cnn_bench.trained.orbax_path import orbax_path

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
    fields += ' dataset.validation_images=0'
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


@pytest.fixture(scope='module')
def dead():
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, '-c', ''])
    process.wait()
    return process.pid


def _fill(path: Path) -> None:
    with new_directory(path) as made:
        (made / 'x').write_text('x')


WRITERS = {'a file': lambda path: write_atomically(path, lambda file: file.write(b'x')), 'a directory': _fill}
LEFT = {'a file': lambda path: path.write_text('half'), 'a directory': lambda path: (path / 'a').mkdir(parents=True)}


@pytest.mark.parametrize('left', LEFT)
@pytest.mark.parametrize('writer', WRITERS)
def test_what_a_killed_process_left_is_removed_by_the_next_of_its_kind(tmp_path, dead, writer, left):
    kept = {
        '.new.1': 'of a process that lives',
        f'.new.{dead}x': 'of no process',
        f'.other.{dead}': 'of another place',
        f'new.{dead}': 'not hidden',
    }
    for name in (f'.new.{dead}', *kept):
        LEFT[left](tmp_path / name)
    WRITERS[writer](tmp_path / 'new')
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(['new', *kept])


def test_what_a_process_of_another_machine_writes_is_left_alone(tmp_path, dead):
    """Its number says nothing here, but it holds the lock."""
    mine = tmp_path / f'.new.{dead}'
    mine.mkdir()
    with locked(mine):
        WRITERS['a directory'](tmp_path / 'new')
        assert mine.is_dir()
    WRITERS['a directory'](tmp_path / 'newer')
    assert mine.is_dir()  # nor is it of that place


def test_links_for_orbax_of_killed_processes_are_removed(tmp_path, dead):
    directory = tmp_path / 'a[b]' / 'c'
    directory.parent.mkdir()
    with orbax_path(directory) as path:
        link = path.parent
    left, other = (link.with_name(f'{link.name.rpartition("_")[0]}_{number}') for number in (dead, 1))
    for each in (left, other):
        each.symlink_to(directory.parent)
    with orbax_path(directory) as path:
        assert path.parent.is_symlink()
        assert not left.is_symlink()
    assert other.is_symlink()
    other.unlink()


def test_a_look_at_a_lock_keeps_nobody_out(tmp_path, monkeypatch):
    """`cnn-bench runs` may hold a lock for a moment while a run starts."""
    with locked(tmp_path):
        pass
    with open(tmp_path / '.lock') as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        monkeypatch.setattr('time.sleep', lambda seconds: looking.close())
        with locked(tmp_path):
            assert is_locked(tmp_path)


def test_a_directory_is_gone_from_its_place_before_it_is_removed(tmp_path, monkeypatch):
    place = tmp_path / 'run'
    for _ in range(2):  # the second finds what the first left
        (place / 'below').mkdir(parents=True)
        with monkeypatch.context() as patched:
            patched.setattr('shutil.rmtree', lambda path, ignore_errors=False: None)  # as if killed there
            remove_directory(place)
        assert not place.exists()
        for left in tmp_path.iterdir():
            assert left.name.startswith('.')
            left.rename(place)
        remove_directory(place)
        assert list(tmp_path.iterdir()) == []
    remove_directory(place)  # of nothing
