"""What is saved comes back bit for bit, and what was damaged does not."""

import jax
import numpy as np
import optax
import pytest

from cnn_bench.errors import UserError
from cnn_bench.training.checkpoint import Checkpoints, digest
from cnn_bench.training.state import create

SHAPE = (6, 6, 1)


@pytest.fixture
def state(tiny_net):
    return create(tiny_net(), optax.sgd(0.1, momentum=0.9), 0, SHAPE)


def _save(directory, *states):
    with Checkpoints(directory, keep=2) as checkpoints:
        for state in states:
            checkpoints.save(state, {'images': 7, 'train_s': 0.1})


def test_round_trip(tmp_path, state, tiny_net):
    _save(tmp_path / 'c', state, state.replace(step=state.step + 5))
    like = create(tiny_net(), optax.sgd(0.1, momentum=0.9), 1, SHAPE)
    with Checkpoints(tmp_path / 'c', keep=2) as checkpoints:
        assert checkpoints.latest_step() == 5
        restored, progress = checkpoints.restore(like)
    assert progress == {'images': 7, 'train_s': 0.1}
    assert digest(restored) == digest(state.replace(step=state.step + 5))
    assert digest(restored) != digest(state)
    jax.tree.map(np.testing.assert_array_equal, restored.params, state.params)


def test_a_damaged_checkpoint_is_one_line(tmp_path, state):
    _save(tmp_path / 'c', state)
    for path in (tmp_path / 'c' / '0' / 'state').rglob('*'):
        if path.is_file() and path.parent.name == 'd':
            content = bytearray(path.read_bytes())
            content[len(content) // 2] ^= 0xFF
            path.write_bytes(content)
    with (
        Checkpoints(tmp_path / 'c', keep=2) as checkpoints,
        pytest.raises(UserError, match=r'checkpoint .*c/0 cannot be read') as error,
    ):
        checkpoints.restore(state)
    assert '\n' not in str(error.value)


def test_a_checkpoint_of_another_network_is_refused(tmp_path, state, tiny_net):
    _save(tmp_path / 'c', state)
    other = create(tiny_net(), optax.sgd(0.1), 0, SHAPE)
    with Checkpoints(tmp_path / 'c', keep=2) as checkpoints, pytest.raises(UserError, match='cannot be read'):
        checkpoints.restore(other)
