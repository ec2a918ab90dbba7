"""Kills real training processes at random moments and starts them again, until the run is finished; and interrupts
training in this process."""

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from cnn_bench.runs import RunDirectory, schema
from cnn_bench.runtime.signals import STOPPED as AT_ONCE
from cnn_bench.trained.checkpoint import Checkpoints, digest
from cnn_bench.training import loop
from cnn_bench.training.setup import TrainingSetup

REPOSITORY = Path(__file__).parents[1]
FIELDS = (
    *('dataset.name', 'batch_size', 'eval_batch_size', 'total_epochs', 'log_every_steps', 'checkpoint_every_steps'),
    *(
        'eval_every_epochs',
        'devices',
        'schedule.warmup_epochs',
        'augment.pad_crop',
        'optimizer.learning_rate',
        'stages',
        'dataset.validation_images',
        'keep_best',
    ),
)
MOMENTS = {  # how to kill, and when: as training goes on, while a checkpoint is being written, anywhere from the start
    'SIGTERM, training': (signal.SIGTERM, 'training'),
    'SIGKILL, saving': (signal.SIGKILL, 'saving'),
    'SIGKILL, training': (signal.SIGKILL, 'training'),
    'SIGUSR1, training': (signal.SIGUSR1, 'training'),
    'SIGTERM, saving': (signal.SIGTERM, 'saving'),
    'SIGKILL, any time': (signal.SIGKILL, 'any time'),
    'SIGTERM, any time': (signal.SIGTERM, 'any time'),
}
STOPPED = 75
PATIENCE_S = 180


def command(config, workdir: Path, data_dir: str, *flags: str) -> list[str]:
    """`cnn-bench train` of a recipe that `tiny_recipe` made."""
    values = {field: _get(config, field) for field in FIELDS}
    overrides = [f'--config.{field}={value}' for field, value in values.items()]
    start = [sys.executable, '-m', 'cnn_bench', 'train', '--config', 'configs/lenet5.py', '--workdir', str(workdir)]
    return [*start, '--data-dir', data_dir, *flags, *overrides]


def start(arguments: list[str], **options) -> subprocess.Popen:
    """The process of `command`, its output kept."""
    return subprocess.Popen(
        arguments, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
    )


def disturb(arguments: list[str], workdir: Path, seed: int, kills: int) -> tuple[Counter, int]:
    """Run `arguments`, kill them `kills` times at moments drawn by `seed`, and let them finish.

    Returns how often each of `MOMENTS` was met, fewer than `kills` where the run finished before, and how many of the
    kills left half a save behind. Fails where a process ends by anything but the signal that it was sent.
    """
    done, half_saves, draw = Counter(), 0, random.Random(seed)
    names = [name for _ in range(kills) for name in draw.sample(list(MOMENTS), len(MOMENTS))][:kills]
    for name in names:
        number, moment = MOMENTS[name]
        process = start(arguments)
        _wait_for(moment, process, workdir, draw)
        process.send_signal(number)
        output, _ = process.communicate(timeout=PATIENCE_S)
        if RunDirectory(workdir).read(schema.SUMMARY):  # it was faster
            return done, half_saves
        allowed = {-number} if number == signal.SIGKILL or moment == 'any time' else set()
        allowed |= {STOPPED} if number != signal.SIGKILL else set()
        assert process.returncode in allowed, f'{name}: status {process.returncode}\n{output}'
        said = 'the same command goes on' in output or (moment == 'any time' and AT_ONCE in output)  # before it trained
        assert (process.returncode == STOPPED) == said, output
        done[name] += 1
        half_saves += _saving(workdir)
    process = start(arguments)
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, output
    return done, half_saves


def wait_for_rows(workdir: Path, count: int, *processes: subprocess.Popen) -> None:
    """Return when metrics.jsonl has `count` more rows than now. Fails where a process ends before."""
    rows, deadline = _rows(workdir), time.monotonic() + PATIENCE_S
    while _rows(workdir) < rows + count:
        assert all(process.poll() is None for process in processes), [p.communicate()[0] for p in processes]
        assert time.monotonic() < deadline
        time.sleep(0.005)


def _wait_for(moment: str, process: subprocess.Popen, workdir: Path, draw: random.Random) -> None:
    began, rows = time.monotonic(), _rows(workdir)
    pause = draw.uniform(0, 4 if moment == 'any time' else 0.2)
    while process.poll() is None and time.monotonic() < began + PATIENCE_S:
        if moment == 'any time' and time.monotonic() > began + pause:
            return
        if moment == 'training' and _rows(workdir) > rows + 2:
            time.sleep(pause)
            return
        if moment == 'saving' and _rows(workdir) > rows + 2 and _saving(workdir):
            return
        time.sleep(0.001)


def _rows(workdir: Path) -> int:
    return len(RunDirectory(workdir).metrics())


def _saving(workdir: Path) -> bool:
    return any('tmp' in path.name for path in (workdir / schema.CHECKPOINTS).glob('*'))


def _get(config, field: str):
    for name in field.split('.'):
        config = config[name]
    return config


def damage_checkpoint(checkpoint: Path) -> None:
    """Turn a byte in the middle of each file of arrays of a checkpoint."""
    for path in (checkpoint / 'state').rglob('d/*'):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 0xFF
        path.write_bytes(content)


def parameters(config, path: Path, data_dir: str) -> str:
    """sha256 of the newest checkpoint's state."""
    with Checkpoints(path / schema.CHECKPOINTS, read_only=True) as checkpoints:
        state, _ = checkpoints.restore(TrainingSetup(config, data_dir).state_like(checkpoints.latest_step()))
    return digest(state)


class _Interrupted(Exception):
    pass


@contextmanager
def interrupted_after(step: int) -> Iterator[None]:
    """The training inside ends after `step` as if it were killed: nothing is saved that was not yet."""
    original = loop.Trainer._train

    def interrupted(self, *args) -> None:
        original(self, *args)
        if self.step == step:
            raise _Interrupted

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop.Trainer, '_train', interrupted)
        with pytest.raises(_Interrupted):
            yield


def assert_same_run(config, one: Path, other: Path, data_dir: str) -> None:
    """Metrics, parameters and predictions are equal bit for bit, and no row of the log is there twice."""
    assert (one / schema.METRICS).read_bytes() == (other / schema.METRICS).read_bytes()
    rows = [(row['kind'], row['step']) for row in RunDirectory(one).metrics()]
    assert len(rows) == len(set(rows))
    assert parameters(config, one, data_dir) == parameters(config, other, data_dir)
    for file in (schema.PREDICTIONS, schema.VALIDATION_PREDICTIONS):
        assert (one / file).exists() == (other / file).exists()
        if (one / file).exists():
            a, b = (dict(np.load(path / file)) for path in (one, other))
            assert a.keys() == b.keys()
            for name in a:
                np.testing.assert_array_equal(a[name], b[name])
