"""A worker with real networks: its protocol, and memory against a hand computation and against the process."""

import sys

import pytest

from cnn_bench.measure import contestants
from cnn_bench.measure.cases import of_networks
from cnn_bench.measure.worker_process import CaseFailed, WorkerProcess

LENET5_BYTES = 61_706 * 4
STATE_BYTES = 2 * LENET5_BYTES  # parameters and momentum
LIMIT = 3 << 30


@pytest.fixture(scope='module')
def worker():
    """A process that may take 3 GiB of private memory, as where `ulimit -d` was set."""
    ours = contestants.ours('cpu')
    command = ['sh', '-c', f'ulimit -d {LIMIT >> 10}; exec "$@"', 'sh', *ours.command]
    process = WorkerProcess(command, ours.env, cores=[])
    yield process
    process.close()


def _prepared(worker, arch='lenet5', batch=2, mode='inference', **more):
    (case,) = of_networks([arch], batches=[batch], modes=[mode], **more)
    return worker.ask({'do': 'prepare', 'case': case.record()})


def test_memory_of_lenet5_is_as_computed_by_hand(worker):
    """Protects the protocol of the real worker too: no other test starts one that compiles."""
    found = _prepared(worker)
    assert (found['params'], found['params_bytes']) == (61_706, LENET5_BYTES)
    assert found['memory_arguments_bytes'] == LENET5_BYTES + 2 * 32 * 32 * 1 * 4
    assert found['memory_outputs_bytes'] == 2 * 10 * 4
    parts = ('arguments', 'outputs', 'temporaries')
    assert found['memory_planned_bytes'] == sum(found[f'memory_{part}_bytes'] for part in parts)
    assert found['memory_allocator_peak_bytes'] is None
    assert found['compile_s'] > 0
    assert found['platform'] == 'cpu'
    timed = worker.ask({'do': 'time', 'case': 0, 'seconds': 0.01, 'copy': False})
    assert len(timed['seconds']) >= 2
    assert sum(timed['seconds']) + 0.01 >= 0.01
    assert len(worker.ask({'do': 'time', 'case': 0, 'seconds': 0, 'copy': True})['seconds']) == 2


def test_a_training_step_needs_its_state_once(worker):
    found = _prepared(worker, mode='training')
    assert found['memory_arguments_bytes'] >= STATE_BYTES + 2 * 32 * 32 * 4 + 2 * 4
    shared = sum(found[f'memory_{part}_bytes'] for part in ('arguments', 'outputs', 'temporaries'))
    assert found['memory_planned_bytes'] == shared - STATE_BYTES  # the new state lies where the old one was
    worker.ask({'do': 'time', 'case': 1, 'seconds': 0, 'copy': False})


@pytest.mark.skipif(not sys.platform.startswith('linux'), reason='others do not count it so')
def test_the_process_grows_by_about_what_is_planned(worker):
    """Within a factor of 1.5: from the outside, by the system's own count. Small programs are lost in it."""
    found = _prepared(worker, 'lenet5', batch=8192)
    assert found['memory_planned_bytes'] > 64 << 20
    assert 1 / 1.5 < found['memory_process_growth_bytes'] / found['memory_planned_bytes'] < 1.5


def test_a_network_that_is_refused_memory_fails_and_the_next_does_not(worker):
    with pytest.raises(CaseFailed) as failed:
        _prepared(worker, batch=1_000_000)
    assert (failed.value.status, failed.value.alive) == ('out_of_memory', True)
    assert '\n' not in failed.value.reason
    assert _prepared(worker, batch=1)['params'] == 61_706


def test_what_a_network_does_not_take_is_said(worker):
    with pytest.raises(CaseFailed, match='too small') as failed:
        _prepared(worker, 'vgg11', size=8, width=0.1)
    assert failed.value.status == 'failed'
