"""Which GPU each slot gets, with GPUs that are not there."""

import pytest

from cnn_bench.errors import UserError
from cnn_bench.runtime import cores
from cnn_bench.sweep.resources import assign, listed_gpus, visible_gpus

DEVICES = 'CUDA_VISIBLE_DEVICES'
CORES = cores.VARIABLE
MEMORY = 'XLA_PYTHON_CLIENT_MEM_FRACTION'


@pytest.mark.parametrize(
    ('gpus', 'share', 'jobs', 'slots'),
    [
        ([], 1, None, [{}]),
        ([], 1, 2, [{CORES: '2,5,7'}, {CORES: '4,6'}]),
        ([], 1, 5, [{CORES: '2'}, {CORES: '4'}, {CORES: '5'}, {CORES: '6'}, {CORES: '7'}]),
        ([], 1, 6, [{}] * 6),
        (['0', '1'], 1, None, [{DEVICES: '0'}, {DEVICES: '1'}]),
        (['0', '1'], 1, 1, [{DEVICES: '0'}]),
        (['3'], 0.5, None, [{DEVICES: '3', MEMORY: '0.45'}] * 2),
        (['0', '1'], 0.5, 3, [{DEVICES: gpu, MEMORY: '0.45'} for gpu in '010']),
        (['0'], 1 / 3, None, [{DEVICES: '0', MEMORY: '0.3'}] * 3),
        (['0', '1', '2', '3', '4'], 2, None, [{DEVICES: '0,1'}, {DEVICES: '2,3'}]),
    ],
)
def test_slots(gpus, share, jobs, slots, monkeypatch):
    monkeypatch.setattr(cores, 'available', lambda: [2, 4, 5, 6, 7])
    assert assign(gpus, share, jobs) == slots


@pytest.mark.parametrize(
    ('gpus', 'share', 'jobs', 'said'),
    [
        ([], 1, 0, '--jobs is 0'),
        (['0'], 0, 1, '--gpu-share is 0'),
        (['0'], 1.5, 1, '--gpu-share is 1.5'),
        (['0', '1'], 0.5, 5, '2 GPUs with --gpu-share 0.5 run 4 at a time'),
        (['0'], 2, None, 'run 0 at a time'),
    ],
)
def test_what_does_not_fit_is_refused(gpus, share, jobs, said):
    with pytest.raises(UserError, match=said):
        assign(gpus, share, jobs)


def test_gpus_that_may_be_used():
    assert visible_gpus({DEVICES: '2,5'}) == ['2', '5']
    assert visible_gpus({DEVICES: ''}) == visible_gpus({DEVICES: '-1'}) == []
    assert visible_gpus({DEVICES: '0', 'JAX_PLATFORMS': 'cpu'}) == []
    assert visible_gpus({DEVICES: '0', 'JAX_PLATFORMS': 'cuda,cpu'}) == ['0']


def test_what_nvidia_smi_lists():
    two = 'GPU 0: NVIDIA H100 (UUID: GPU-ab)\nGPU 1: NVIDIA H100 (UUID: GPU-cd)\n'
    assert listed_gpus(two) == ['0', '1']
    cut = 'GPU 0: NVIDIA H100 (UUID: GPU-ab)\n  MIG 1g.10gb     Device  0: (UUID: MIG-12)\n'
    assert listed_gpus(cut) == ['MIG-12']
    assert listed_gpus('No devices found.\n') == []
