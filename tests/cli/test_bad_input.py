"""Bad input: one clear line, exit status 2 (1 for a run that diverges), nothing half-written."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cnn_bench.cli import main

REPOSITORY = Path(__file__).parents[2]
LENET5 = str(REPOSITORY / 'configs' / 'lenet5.py')
TINY = (
    '--config.dataset.name=tiny --config.batch_size=24 --config.eval_batch_size=20 --config.total_epochs=1 '
    '--config.devices=1 --config.schedule.warmup_epochs=0 --config.dataset.validation_images=0'
).split()


@pytest.fixture
def refused(tmp_path, tiny_data, capsys):
    """Run `cnn-bench train` on the tiny set with extra arguments; return the one line that it says."""

    def run(*extra: str, status: int = 2, written: bool = False, config: str = LENET5, workdir: Path | None = None):
        workdir = workdir or tmp_path / 'run'
        arguments = ['train', '--config', config, '--workdir', str(workdir), '--data-dir', tiny_data, *TINY, *extra]
        assert main(arguments) == status
        err = [line for line in capsys.readouterr().err.splitlines() if line.startswith('cnn-bench')]
        assert len(err) == 1
        assert workdir.exists() == written
        return err[0]

    return run


def test_unknown_architecture(refused):
    assert 'did you mean' in (line := refused('--config.model.arch=lenet6'))
    assert 'lenet5' in line


def test_unknown_config_field(refused):
    assert 'did you mean batch_size' in refused('--config.batch_sise=8')


def test_unknown_field_of_the_network(refused):
    assert 'widht' in refused('--config.model.widht=8')


def test_unread_field(refused):
    said = refused('--config.optimizer.name=adamw', '--config.optimizer.momentum=0.9')
    assert "config.optimizer.momentum: unknown argument of adamw 'momentum'; known: " in said
    assert said.endswith('; the value None takes it out of the recipe')
    assert 'b1' in refused(
        '--config.optimizer.name=adamw', '--config.optimizer.momentum=None', '--config.optimizer.x=1'
    )


@pytest.mark.parametrize(
    'argument', ['--config.name=\udcff', '--config.name=two\nlines', '--config.\udcff=1', '--config.init_from=\x1b[31m']
)
def test_arguments_that_are_not_text(refused, argument):
    assert f'{argument!r} is not one line of UTF-8 text' in refused(argument)


def test_a_run_directory_that_is_not_text(refused, tmp_path):
    """Orbax would fail in hundreds of lines, and reports later."""
    assert 'is not one line of UTF-8' in refused(workdir=tmp_path / '\udcff')


def test_wrong_type(refused):
    assert "'many'" in refused('--config.batch_size=many')


def test_negative_epochs(refused):
    assert 'config.total_epochs is -3; allowed: at least 1' in refused('--config.total_epochs=-3')


def test_batch_not_divisible_by_devices(refused):
    import jax

    if jax.local_device_count() < 2:
        pytest.skip('needs two devices')
    line = refused('--config.devices=2', '--config.batch_size=25')
    assert 'config.batch_size is 25; it must divide by the 2 devices' in line


def test_more_devices_than_there_are(refused):
    assert 'config.devices is 1000' in refused('--config.devices=1000')


def test_batch_larger_than_the_set(refused):
    assert 'trains on 96 images' in refused('--config.batch_size=960')


def test_unknown_split(refused):
    assert 'split of tiny' in refused('--config.dataset.test=tset')


def test_missing_data_set(refused):
    line = refused('--config.dataset.name=fashion_mnits')
    assert 'fashion_mnits' in line
    assert 'cnn-bench data prepare' in line


def test_half_written_data_set(refused, tiny_data, tmp_path):
    shutil.copytree(tiny_data, tmp_path / 'data')
    shard = next((tmp_path / 'data').rglob('*train*array_record*'))
    os.truncate(shard, shard.stat().st_size // 2)
    line = refused('--data-dir', str(tmp_path / 'data'))
    assert shard.name in line
    assert 'cnn-bench data prepare' in line


def test_missing_recipe(refused):
    assert 'lenet5.py' in refused(config=LENET5.replace('lenet5', 'lenet6'))


def test_not_an_argument(refused):
    assert 'FIELD=VALUE' in refused('--config.batch_size')


def test_no_write_permission(refused, tmp_path):
    (tmp_path / 'file').write_text('')
    assert 'cannot write to the run directory' in refused(workdir=tmp_path / 'file' / 'run')


def test_nan_loss(refused):
    line = refused(
        '--config.optimizer.learning_rate=1e8', '--config.optimizer.weight_decay=1e8', status=1, written=True
    )
    assert 'the loss of step' in line


def test_corrupt_checkpoint(refused, tmp_path, tiny_data):
    workdir = tmp_path / 'run'
    arguments = ['train', '--config', LENET5, '--workdir', str(workdir), '--data-dir', tiny_data, *TINY]
    assert main(arguments) == 0
    (workdir / 'summary.json').unlink()
    metrics = (workdir / 'metrics.jsonl').read_bytes()
    for path in (workdir / 'checkpoints').rglob('d/*'):
        path.write_bytes(b'\0' * path.stat().st_size)
    assert 'cannot be read' in refused(workdir=workdir, written=True)
    assert (workdir / 'metrics.jsonl').read_bytes() == metrics
    # In a process of its own, at whose end other reads that failed would print tracebacks.
    code = 'import sys; from cnn_bench.cli import main; sys.exit(main())'
    arguments = [sys.executable, '-c', code, 'eval', '--workdir', str(workdir), '--data-dir', tiny_data]
    done = subprocess.run(arguments, capture_output=True, text=True)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr


@pytest.mark.parametrize(
    'arguments',
    [
        ['trian'],
        ['train'],
        ['eval', '--workdir', '/no/such/run'],
        ['sweep', 'experiments/no_such.py'],
        ['sweep', str(REPOSITORY / 'experiments' / 'accuracy_vs_cost.py'), '--preset', 'huge'],
        ['sweep', str(REPOSITORY / 'experiments' / 'accuracy_vs_cost.py'), '--seeds', '0'],
        ['report', '/no/such/directory'],
        ['list', '--family', 'lenets'],
        ['cost', 'resnet5O'],
    ],
)
def test_other_commands_refuse_in_one_line_too(arguments, capsys):
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert len(captured.err.splitlines()) == 1
    assert captured.err.startswith('cnn-bench: error: ')
    assert captured.out == ''
