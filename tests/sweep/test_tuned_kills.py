"""Tuned sweeps that are killed end with the same choices and the same table as those that are not."""

import random
import signal
import threading
import time

import pytest
from twelve import start

from cnn_bench import runs
from cnn_bench.runs import RunDirectory, schema, tuning
from cnn_bench.sweep import Experiment, Sweep, log
from cnn_bench.sweep.inline_executor import InlineExecutor
from cnn_bench.sweep.tuning import TuningPlan

pytestmark = pytest.mark.slow
PATIENCE_S = 600
SHARED = {'dataset.validation_images': 24, 'total_epochs': 8, 'log_every_steps': 3, 'checkpoint_every_steps': 2}
VARIANTS = {'a': SHARED, 'b': {**SHARED, 'model.width': 0.5}}
SPACE = {'optimizer.learning_rate': log(1e-4, 1)}
FLAGS = '--seeds', '2', '--tune', 'optimizer.learning_rate=log(0.0001,1)', '--tune-trials', '4', '--tune-halving'


@pytest.fixture
def undisturbed(write, tmp_path, tiny_data):
    """The directory of the tuned sweep, run in one go in this process."""
    _sweep(write(variants=VARIANTS), tmp_path / 'whole', tiny_data).run(InlineExecutor(tiny_data))
    return tmp_path / 'whole'


def test_killed_three_times(write, tmp_path, tiny_data):
    """The undisturbed sweep has as many jobs, and so as many cores for each trial: the last bits depend on that."""
    experiment, out, draw = write(variants=VARIANTS), tmp_path / 'out', random.Random(0)
    undisturbed = tmp_path / 'whole'
    whole = start(experiment, undisturbed, tiny_data, '--jobs', '2', *FLAGS)
    said, _ = whole.communicate(timeout=PATIENCE_S)
    assert whole.returncode == 0, said
    for number, until in ((signal.SIGKILL, 2), (signal.SIGTERM, 5), (signal.SIGKILL, 9)):
        process = start(experiment, out, tiny_data, '--jobs', '2', *FLAGS)
        deadline = time.monotonic() + PATIENCE_S
        while _validated(out) < until and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(draw.uniform(0, 1.5))
        process.send_signal(number)
        output, _ = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == (75 if number == signal.SIGTERM else -number), output
    process = start(experiment, out, tiny_data, '--jobs', '2', *FLAGS)
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, output
    assert_same(out, undisturbed)


def test_a_worker_of_ray_that_dies(write, tmp_path, tiny_data, request):
    ray = pytest.importorskip('ray')
    import psutil

    from cnn_bench.sweep.ray_executor import RayExecutor

    sweep, killed = _sweep(write(variants=VARIANTS), tmp_path / 'out', tiny_data), []

    def kill_a_worker():
        deadline = time.monotonic() + PATIENCE_S
        while not killed and time.monotonic() < deadline:
            time.sleep(0.1)
            if _validated(sweep.out) < 1:
                continue
            for process in psutil.process_iter(['cmdline']):
                if 'ray::' in (name := ' '.join(process.info['cmdline'] or [])) and f's{tuning.SEED}-' in name:
                    process.kill()
                    killed.append(name)
                    break

    killer = threading.Thread(target=kill_a_worker)
    killer.start()
    try:
        sweep.run(RayExecutor(sweep.out, jobs=2, cpus=0.5, data_dir=tiny_data, push_s=0.5))
    finally:
        ray.shutdown()
        killer.join()
    assert killed
    assert_same(sweep.out, request.getfixturevalue('undisturbed'))


def assert_same(out, other):
    """The same choices, byte for byte, and the same errors and logs of all runs."""
    assert (out / tuning.RECORD).read_bytes() == (other / tuning.RECORD).read_bytes()
    assert None not in [variant.chosen for variant in tuning.read(out).variants]
    columns = ['run', 'label', 'seed', 'state', 'top1_err_pct', 'val_top1_err_pct', 'test_loss', 'recipe']
    tables = [runs.load(directory)[columns].sort_values('run').to_dict('records') for directory in (out, other)]
    assert tables[0] == tables[1]
    assert len(tables[0]) == 4
    for folder in ('trials', tuning.TUNING, tuning.UNTUNED):
        logs = [
            {run.path.name: (run / schema.METRICS).read_bytes() for run in runs.find(directory / folder)}
            for directory in (out, other)
        ]
        assert logs[0] == logs[1]


def _sweep(experiment, out, data_dir):
    plan = TuningPlan(SPACE, trials=4, halving=True)
    return Sweep(Experiment.load(experiment), 'demo', 2, out, data_dir, tune=plan)


def _validated(out) -> int:
    """How many runs have logged an evaluation."""
    logs = (RunDirectory(path).metrics() for path in out.glob('t*/*/'))
    return sum(any(row['kind'] == 'val' for row in rows) for rows in logs)
