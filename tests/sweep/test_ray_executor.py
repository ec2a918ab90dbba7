"""Trials on a Ray cluster of two nodes on this machine."""

import signal
import threading
import time

import pytest
from twelve import GOOD, STATES, assert_nine_finished_and_three_explained, finished, results, start, variants

from cnn_bench.errors import RunFailed, Stopped
from cnn_bench.runs import RunDirectory, schema
from cnn_bench.sweep import Experiment, Sweep

ray = pytest.importorskip('ray')
pytestmark = pytest.mark.slow
PATIENCE_S = 1200


@pytest.fixture
def cluster():
    """A head node and another one, with a CPU each."""
    from ray.cluster_utils import Cluster

    small = {'num_cpus': 1, 'object_store_memory': 100 << 20}
    cluster = Cluster(initialize_head=True, head_node_args={**small, 'include_dashboard': False})
    cluster.other = cluster.add_node(**small)
    cluster.wait_for_nodes()
    yield cluster
    ray.shutdown()
    cluster.shutdown()


def _executor(sweep, cluster, data_dir, **options):
    from cnn_bench.sweep.ray_executor import RayExecutor

    return RayExecutor(sweep.out, address=cluster.address, data_dir=data_dir, memory_gib=8, push_s=1.0, **options)


def _sweep(experiment, out, data_dir):
    return Sweep(Experiment.load(experiment), 'demo', 1, out, data_dir)


def test_a_node_that_dies_changes_nothing_in_the_table(write, tmp_path, tiny_data, cluster):
    experiment = write(variants=variants(epochs=10))
    sweep = _sweep(experiment, tmp_path / 'ray', tiny_data)

    def kill_a_node():
        deadline = time.monotonic() + PATIENCE_S
        while len(finished(sweep.out)) < 3 and time.monotonic() < deadline:
            time.sleep(0.1)
        cluster.remove_node(cluster.other, allow_graceful=False)

    killer = threading.Thread(target=kill_a_node)
    killer.start()
    with pytest.raises(RunFailed, match='3 of 12 trials failed'):
        sweep.run(_executor(sweep, cluster, tiny_data))
    killer.join()
    assert_nine_finished_and_three_explained(sweep.out)

    process = start(experiment, tmp_path / 'local', tiny_data, '--jobs', '2')
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1, output
    assert _comparable(results(sweep.out)) == _comparable(results(tmp_path / 'local'))
    before = finished(sweep.out)
    with pytest.raises(RunFailed, match='3 of 12 trials failed'):
        _sweep(experiment, tmp_path / 'ray', tiny_data).run(_executor(sweep, cluster, tiny_data))
    assert finished(sweep.out) == before


def test_a_worker_that_dies_goes_on_from_what_was_pushed(write, tmp_path, tiny_data, cluster):
    """With storage that is not the sweep's directory; what is there in the end is gathered."""
    import psutil

    experiment = write(variants={'long': {**GOOD['good0'], 'total_epochs': 400, 'checkpoint_every_steps': 100}})
    sweep = _sweep(experiment, tmp_path / 'out', tiny_data)
    remote = RunDirectory(tmp_path / 'store' / 'trials' / sweep.trials[0].id)
    killed = []

    def kill_the_worker():
        deadline = time.monotonic() + PATIENCE_S
        while not list(remote.path.glob('checkpoints/*/*')) and time.monotonic() < deadline:
            time.sleep(0.1)
        for process in psutil.process_iter(['cmdline']):
            if f'ray::{sweep.trials[0].id}' in ' '.join(process.info['cmdline'] or []):
                children = process.children(recursive=True)
                process.kill()
                killed.extend(children)

    killer = threading.Thread(target=kill_the_worker)
    killer.start()
    sweep.run(_executor(sweep, cluster, tiny_data, storage=str(tmp_path / 'store')))
    killer.join()
    assert killed
    assert not any(process.is_running() for process in killed)
    run = sweep.directory(sweep.trials[0])
    assert run.read(schema.SUMMARY)['state'] == 'finished'
    assert run.read(schema.PROVENANCE)['earlier_sessions']  # it went on
    rows = [(row['kind'], row['step']) for row in run.metrics()]
    assert len(rows) == len(set(rows))
    assert (run / schema.PREDICTIONS).exists()


def test_stopping(write, tmp_path, tiny_data, cluster):
    experiment = write(variants={'long': {**GOOD['good0'], 'total_epochs': 300}, 'two': GOOD['good1']})
    sweep = _sweep(experiment, tmp_path / 'out', tiny_data)

    def ask():
        deadline = time.monotonic() + PATIENCE_S
        while not finished(sweep.out) and time.monotonic() < deadline:
            time.sleep(0.1)
        signal.raise_signal(signal.SIGTERM)

    asker = threading.Thread(target=ask)
    asker.start()
    with pytest.raises(Stopped, match='1 of 2 finished; the same command goes on'):
        sweep.run(_executor(sweep, cluster, tiny_data))
    asker.join()
    assert sweep.directory(sweep.trials[0]).read(schema.SUMMARY) is None
    _sweep(experiment, tmp_path / 'out', tiny_data).run(_executor(sweep, cluster, tiny_data))
    assert sweep.directory(sweep.trials[0]).read(schema.PROVENANCE)['earlier_sessions']


def _comparable(table: dict[str, tuple]) -> dict[str, tuple]:
    """NaN, of a trial that failed, as None."""
    assert {state for state, _ in table.values()} == {'finished', *STATES.values()}
    return {trial: (state, error if state == 'finished' else None) for trial, (state, error) in table.items()}
