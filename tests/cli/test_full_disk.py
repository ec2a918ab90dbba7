"""A disk that fills up while something is written: one line that says what, status 1, and nothing half-written.

A limit on the size of files stands in for the disk: the system refuses the same calls, with another number.
"""

import resource
import shutil
import signal
from contextlib import contextmanager

import pytest
from kill_harness import assert_same_run

from cnn_bench import recipe
from cnn_bench.cli import main
from cnn_bench.errors import RunFailed
from cnn_bench.runs import RunDirectory, schema
from cnn_bench.trained import imported
from cnn_bench.trained.checkpoint import complete_steps
from cnn_bench.training import loop, session

RECIPE_FILE = 'from cnn_bench import recipe\n\n\ndef get_config(arg=None):\n    return recipe.from_dict({})\n'
RECIPE = {'total_epochs': 3, 'keep_checkpoints': 2}


@contextmanager
def files_up_to(size: int):
    """No file of this process can grow beyond `size` bytes."""
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.getsignal(signal.SIGXFSZ)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.fixture
def failing(capsys):
    """Run a command on a full disk; the rest of the line that it prints."""

    def run(*arguments, size: int = 2000) -> str:
        capsys.readouterr()
        with files_up_to(size):
            assert main([str(each) for each in arguments]) == 1
        printed = capsys.readouterr().err.splitlines()
        assert printed[-1].startswith('cnn-bench: error: ')
        assert [line for line in printed[:-1] if not line.startswith(('epoch ', 'step '))] == []
        return printed[-1].removeprefix('cnn-bench: error: ')

    return run


def test_a_run_goes_on_once_there_is_room(tiny_recipe, tiny_data, tmp_path, failing):
    config = tiny_recipe(**RECIPE)
    (tmp_path / 'recipe.py').write_text(RECIPE_FILE.format(recipe.to_dict(config)))
    session.train(config, tmp_path / 'undisturbed', tiny_data)
    workdir = tmp_path / 'run'
    with pytest.MonkeyPatch.context() as patch:
        original = loop.Trainer._save

        def filling(self):
            if self.step == 8:
                resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
            original(self)

        patch.setattr(loop.Trainer, '_save', filling)
        command = ['train', '--config', tmp_path / 'recipe.py', '--workdir', workdir, '--data-dir', tiny_data]
        said = failing(*command, size=1 << 30)
    whole = 'that of step 4 is whole: the same command goes on from it'
    assert said == f'a checkpoint in {workdir}/checkpoints could not be written (File too large); {whole}'
    assert complete_steps(workdir / schema.CHECKPOINTS) == [4]
    assert RunDirectory(workdir).read(schema.SUMMARY) is None
    session.train(config, workdir, tiny_data)
    assert_same_run(config, workdir, tmp_path / 'undisturbed', tiny_data)


def test_nothing_half_written_stays(tiny_run, tiny_data, tmp_path, failing):
    out = tmp_path / 'out'
    logs = tmp_path / 'logs' / 'lenet5'
    shutil.copytree(tiny_run, logs)
    features = ['features', '--workdir', tiny_run, '--dataset', 'tiny', '--layer', 'c5', '--data-dir', tiny_data]
    for command in (
        ['runs', 'export', logs, '--to', 'csv', '--out', out],
        ['runs', 'export', logs, '--to', 'parquet', '--out', out],
        ['runs', 'export', logs, '--to', 'logs', '--predictions', '--out', out],
        ['report', logs, '--out', out],
        [*features, '--out', f'{out}.npz'],
        [*features, '--out', f'{out}.parquet'],
    ):
        assert f'{tmp_path}/' in failing(*command, size=100)
        assert sorted(path.name for path in tmp_path.iterdir()) == ['logs'], command


def test_imported_weights(colour_weights, tmp_path):
    model = imported.load(colour_weights)
    with files_up_to(2000), pytest.raises(RunFailed, match=r'cannot write .*/copy: File too large$'):
        imported.save(model, tmp_path / 'copy')
    assert list(tmp_path.iterdir()) == []
