"""What is saved comes back bit for bit, and what was damaged does not."""

import dataclasses
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax
import pytest
from flax import struct
from kill_harness import damage_checkpoint
from tiny_net import TinyNet

from cnn_bench.errors import UserError
from cnn_bench.runtime import parallel
from cnn_bench.trained.checkpoint import Checkpoints, digest
from cnn_bench.training.monitor import first_eval_state
from cnn_bench.training.state import State, create

SHAPE = (6, 6, 1)


@pytest.fixture
def state():
    return create(TinyNet(), optax.sgd(0.1, momentum=0.9), 0, SHAPE)


def _save(directory, *states):
    with Checkpoints(directory, keep=2) as checkpoints:
        for state in states:
            checkpoints.save(state, {'images': 7, 'train_s': 0.1})


def test_round_trip(tmp_path, state):
    _save(tmp_path / 'c', state, state.replace(step=state.step + 5))
    like = create(TinyNet(), optax.sgd(0.1, momentum=0.9), 1, SHAPE)
    with Checkpoints(tmp_path / 'c', keep=2) as checkpoints:
        assert checkpoints.latest_step() == 5
        restored, progress = checkpoints.restore(like)
    assert progress == {'images': 7, 'train_s': 0.1}
    assert digest(restored) == digest(state.replace(step=state.step + 5))
    assert digest(restored) != digest(state)
    jax.tree.map(np.testing.assert_array_equal, restored.params, state.params)


def test_the_variables_alone(tmp_path, state):
    _save(tmp_path / 'c', state)
    with Checkpoints(tmp_path / 'c', read_only=True) as checkpoints:
        variables = checkpoints.restore_variables(state.variables)
        assert digest(variables) == digest(state.variables)
        with pytest.raises(UserError, match=r"another network .*params/fc/bias: 'float32\[3\]', None"):
            checkpoints.restore_variables({**state.variables, 'params': {**state.params, 'fc': {}}})


def test_old_checkpoints_that_a_kill_left_are_removed_and_the_best_is_kept(tmp_path, state):
    with Checkpoints(tmp_path / 'c', keep=3) as checkpoints:
        for step in (1, 2, 3, 4):
            checkpoints.save(state.replace(step=state.step + step), {})
    assert {path.name for path in (tmp_path / 'c').iterdir()} == {'2', '3', '4'}
    with Checkpoints(tmp_path / 'c', keep=1) as checkpoints:
        assert checkpoints.restore(state)[0].step == 4
        assert checkpoints.restore(state, 2)[0].step == 2
        checkpoints.best = 2
        checkpoints.remove_old()
        checkpoints.wait()
        assert checkpoints.steps() == [2, 4]
        for step in (5, 6):
            checkpoints.save(state.replace(step=state.step + step), {})
        checkpoints.best = 6
        checkpoints.save(state.replace(step=state.step + 7), {})
    assert {path.name for path in (tmp_path / 'c').iterdir()} == {'6', '7'}


@pytest.mark.parametrize('name', ['[1]', 'a*b?', '{x,y}', 'back\\slash', 'a [b] (c)', '\udcff'])
def test_any_directory_name_will_do(tmp_path, state, name):
    """Orbax takes the directory's path for a part of a glob pattern."""
    _save(tmp_path / name / 'c', state)
    with Checkpoints(tmp_path / name / 'c', read_only=True) as checkpoints:
        assert digest(checkpoints.restore(state)[0]) == digest(state)
    assert not list(Path(tempfile.gettempdir()).glob(f'cnn_bench_*_{os.getpid()}'))


@struct.dataclass
class OldState:
    """The state of earlier versions, one of whose fields had another name."""

    step: Any
    params: Any
    model_state: Any
    opt_state: Any
    average: Any
    watch: Any
    variables = State.variables


def test_a_checkpoint_of_an_earlier_version_is_restored(tmp_path, state):
    state = state.replace(eval_state=first_eval_state(optax.contrib.reduce_on_plateau()))
    fields = {field.name: getattr(state, field.name) for field in dataclasses.fields(state)}
    _save(tmp_path / 'c', OldState(watch=fields.pop('eval_state'), **fields))
    with Checkpoints(tmp_path / 'c') as checkpoints:
        assert digest(checkpoints.restore(state)[0]) == digest(state)


@pytest.mark.skipif(jax.local_device_count() < 2, reason='needs two devices')
def test_a_save_from_several_devices_compiles_nothing(tmp_path, state, caplog):
    everywhere = parallel.replicate(state, jax.local_devices())
    with jax.log_compiles(), caplog.at_level('WARNING'):
        _save(tmp_path / 'c', everywhere)
        assert 'Compiling' not in caplog.text
        jax.jit(lambda x: x + everywhere.step)(1)
        assert 'Compiling' in caplog.text
    with Checkpoints(tmp_path / 'c', keep=2) as checkpoints:
        assert digest(checkpoints.restore(everywhere)[0]) == digest(state)


def test_a_damaged_checkpoint_is_one_line(tmp_path, state):
    _save(tmp_path / 'c', state)
    damage_checkpoint(tmp_path / 'c' / '0')
    with (
        Checkpoints(tmp_path / 'c', keep=2) as checkpoints,
        pytest.raises(UserError, match=r'checkpoint .*c/0 cannot be read') as error,
    ):
        checkpoints.restore(state)
    assert '\n' not in str(error.value)
    assert str(error.value).endswith('there is none before it')


def test_a_lack_of_memory_is_not_taken_for_damage(tmp_path, state, monkeypatch):
    def fails(*_, **__):
        raise MemoryError

    _save(tmp_path / 'c', state)
    with Checkpoints(tmp_path / 'c', keep=2) as checkpoints:
        monkeypatch.setattr(checkpoints._manager, 'restore', fails)
        with pytest.raises(MemoryError):
            checkpoints.restore(state)


def test_a_checkpoint_of_another_network_is_refused(tmp_path, state):
    _save(tmp_path / 'c', state)
    other = create(TinyNet(), optax.sgd(0.1), 0, SHAPE)
    difference = (
        r"c/0 is of another network \(there, here\): opt_state/0/trace/bn/bias: 'float32\[4\]', None; .* and \d"
    )
    with Checkpoints(tmp_path / 'c', keep=2) as checkpoints, pytest.raises(UserError, match=difference) as error:
        checkpoints.restore(other)
    assert '\n' not in str(error.value)


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path, state):
    with Checkpoints(tmp_path / 'c', keep=2, recipe={'seed': 0, 'model': {'width': 1.0}}) as checkpoints:
        checkpoints.save(state, {})
        checkpoints.wait()
        assert digest(checkpoints.restore(state)[0]) == digest(state)
    other = Checkpoints(tmp_path / 'c', keep=2, recipe={'seed': 0, 'model': {'width': 0.5}})
    with (
        other as checkpoints,
        pytest.raises(UserError, match=r'another recipe \(there, here\): model.width: 1.0, 0.5$'),
    ):
        checkpoints.restore(state)


def test_reading_leaves_a_save_under_way_alone(tmp_path, state):
    _save(tmp_path / 'c', state)
    under_way = tmp_path / 'c' / '7.orbax-checkpoint-tmp'
    shutil.copytree(tmp_path / 'c' / '0', under_way)
    with Checkpoints(tmp_path / 'c', keep=1, read_only=True) as checkpoints:
        assert checkpoints.latest_step() == 0
        assert digest(checkpoints.restore(state)[0]) == digest(state)
    assert under_way.exists()


def test_a_flipped_bit_never_goes_unseen(tmp_path, state):
    """In the middle of any file of a checkpoint: it is refused, or, where the file is of no account, restored whole."""
    _save(tmp_path / 'c', state)
    refused = []
    for path in [path for path in (tmp_path / 'c' / '0').rglob('*') if path.is_file()]:
        content = path.read_bytes()
        flipped = bytearray(content)
        flipped[len(content) // 2] ^= 1
        path.write_bytes(flipped)
        with Checkpoints(tmp_path / 'c', keep=2) as checkpoints:
            try:
                restored, progress = checkpoints.restore(state)
                assert (digest(restored), progress) == (digest(state), {'images': 7, 'train_s': 0.1})
            except UserError as error:
                refused.append((path.relative_to(tmp_path / 'c' / '0').parts[0], len(str(error).splitlines())))
        path.write_bytes(content)
    assert {('state', 1), ('record', 1)} <= set(refused)
    assert {lines for _, lines in refused} == {1}


@pytest.mark.parametrize('digit', ['7', '1'])
def test_a_changed_figure_of_the_record_is_refused(tmp_path, state, digit):
    _save(tmp_path / 'c', state)
    [record] = (tmp_path / 'c' / '0' / 'record').rglob('metadata')
    text = record.read_text()
    assert '"images": 7, "train_s": 0.1' in text
    record.write_text(text.replace('"images": 7, "train_s": 0.1', '"images": 7, "train_s": 0.1'.replace(digit, '3')))
    with Checkpoints(tmp_path / 'c', keep=2) as checkpoints, pytest.raises(UserError, match='not what was saved'):
        checkpoints.restore(state)


def test_a_half_written_save_is_skipped_and_cleared_away(tmp_path, state):
    """What a kill in the middle of a save leaves: a directory that has not got its name yet."""
    _save(tmp_path / 'c', state)
    half = tmp_path / 'c' / '7.orbax-checkpoint-tmp'
    shutil.copytree(tmp_path / 'c' / '0' / 'state', half / 'state.orbax-checkpoint-tmp')
    with Checkpoints(tmp_path / 'c', keep=2) as checkpoints:
        assert checkpoints.latest_step() == 0
        assert digest(checkpoints.restore(state)[0]) == digest(state)
        checkpoints.save(state.replace(step=state.step + 7), {})
        checkpoints.wait()
        assert checkpoints.latest_step() == 7
    assert not half.exists()
