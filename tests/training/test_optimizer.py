"""Schedules at exact steps and optimisers on one parameter, against values worked out by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from cnn_bench.errors import UserError
from cnn_bench.trained.checkpoint import Checkpoints
from cnn_bench.training.optimizer import make_optimizer, offered
from cnn_bench.training.schedules import make_schedule
from cnn_bench.training.state import State

SGD = {'name': 'sgd', 'learning_rate': 0.1, 'weight_decay': 0.0, 'decay_bias_and_norm': False, 'clip_norm': 0.0}


@pytest.mark.parametrize(
    ('fields', 'expected'),
    [
        ({'name': 'constant'}, {0: 2.0, 99: 2.0}),
        ({'name': 'cosine'}, {0: 2.0, 50: 1.0, 25: 1 + np.cos(np.pi / 4), 100: 0.0}),
        ({'name': 'cosine', 'final_factor': 0.1}, {0: 2.0, 50: 1.1, 100: 0.2}),
        ({'name': 'polynomial'}, {0: 2.0, 25: 1.5, 75: 0.5}),
        ({'name': 'polynomial', 'power': 0.5}, {0: 2.0, 75: 1.0}),
        ({'name': 'step', 'at': (0.5, 0.75)}, {49: 2.0, 50: 0.2, 74: 0.2, 75: 0.02}),
        ({'name': 'step', 'at': (0.5, 0.5)}, {49: 2.0, 50: 0.02}),
        ({'name': 'step', 'at': (0.5, 0.75), 'warmup_epochs': 2.0}, {10: 1.0, 20: 2.0, 49: 2.0, 50: 0.2, 75: 0.02}),
        ({'name': 'exponential', 'final_factor': 0.01}, {0: 2.0, 50: 0.2, 100: 0.02}),
        ({'name': 'constant', 'warmup_epochs': 2.0}, {0: 0.0, 10: 1.0, 20: 2.0, 60: 2.0}),
        ({'name': 'cosine', 'warmup_epochs': 2.0}, {10: 1.0, 20: 2.0, 60: 1.0, 100: 0.0}),
        ({'name': 'staircase', 'every_epochs': 2.0, 'factor': 0.5}, {0: 2.0, 19: 2.0, 20: 1.0, 39: 1.0, 40: 0.5}),
        (
            {'name': 'staircase', 'every_epochs': 3.0, 'factor': 0.1, 'warmup_epochs': 1.0},
            {5: 1.0, 10: 2.0, 29: 2.0, 30: 0.2, 60: 0.02},  # of 10 epochs: at epochs 3 and 6, not 4 and 7
        ),
        ({'name': 'onecycle'}, {0: 0.08, 15: 1.04, 30: 2.0, 65: 1.000004, 100: 8e-6}),
        ({'name': 'onecycle', 'rise': 0.5, 'final_factor': 0.01}, {0: 0.08, 25: 1.04, 50: 2.0, 75: 1.01, 100: 0.02}),
        ({'name': 'inverse_time', 'decay': 0.01}, {k: 2 / (1 + 0.01 * k) for k in (0, 1, 50, 99)}),
        ({'name': 'inverse_time', 'decay': 0.1, 'warmup_epochs': 1.0}, {5: 1.0, 10: 2.0, 20: 1.0}),
        ({'name': 'plateau', 'patience': 3, 'warmup_epochs': 1.0}, {0: 0.0, 5: 1.0, 10: 2.0, 99: 2.0}),
    ],
)
def test_schedule(fields, expected):
    schedule = make_schedule({'warmup_epochs': 0.0, **fields}, 2.0, total_steps=100, steps_per_epoch=10)
    for step, rate in expected.items():
        assert float(schedule(step)) == pytest.approx(rate, rel=1e-5, abs=1e-7), step


@pytest.mark.parametrize(
    ('fields', 'said'),
    [
        ({'name': 'cosin'}, 'cosine'),
        ({'name': 'cosine', 'power': 2}, r'schedule\.power'),
        ({'name': 'cosine', 'warmup_epochs': 10.0}, 'warmup_epochs'),
        ({'name': 'staircase', 'every_epochs': 0.01, 'factor': 0.5}, 'every_epochs'),
        ({'name': 'staircase', 'every_epochs': 1.0, 'factor': 0.5, 'epoch': 3}, r'schedule\.epoch'),
        ({'name': 'plateau', 'rtol': 0.1}, r'schedule\.rtol'),
    ],
)
def test_wrong_schedule(fields, said):
    with pytest.raises(UserError, match=said):
        make_schedule({'warmup_epochs': 0.0, **fields}, 2.0, total_steps=100, steps_per_epoch=10)


def _updates(fields, params, grads, steps=1):
    optimizer = make_optimizer(fields, lambda step: 0.1)
    state = optimizer.init(params)
    for _ in range(steps):
        updates, state = optimizer.update(grads, state, params)
    return updates


def test_sgd_with_momentum_adds_decay_to_the_gradient():
    params, grads = {'kernel': jnp.full((1, 1), 2.0)}, {'kernel': jnp.full((1, 1), 1.0)}
    fields = {**SGD, 'momentum': 0.9, 'weight_decay': 0.5}
    # gradient 1 + 0.5 x 2 = 2; velocity 2, then 2 + 0.9 x 2 = 3.8
    assert _updates(fields, params, grads, steps=2)['kernel'].item() == pytest.approx(-0.38)


@pytest.mark.parametrize(('everywhere', 'bias_update'), [(False, 0.0), (True, -0.1)])
def test_decay_spares_biases_unless_asked(everywhere, bias_update):
    params = {'kernel': jnp.full((1, 1), 2.0), 'bias': jnp.full((1,), 2.0)}
    grads = {'kernel': jnp.zeros((1, 1)), 'bias': jnp.zeros((1,))}
    updates = _updates({**SGD, 'weight_decay': 0.5, 'decay_bias_and_norm': everywhere}, params, grads)
    assert updates['kernel'].item() == pytest.approx(-0.1)
    assert updates['bias'].item() == pytest.approx(bias_update)


def test_adamw_decays_apart_from_its_moments():
    params, grads = {'kernel': jnp.full((1, 1), 2.0)}, {'kernel': jnp.full((1, 1), 3.0)}
    update = _updates({**SGD, 'name': 'adamw', 'weight_decay': 0.5}, params, grads)['kernel'].item()
    assert update == pytest.approx(-0.1 * (1 + 0.5 * 2), rel=1e-5)  # Adam's first step is the gradient's sign


def test_clipping_scales_the_gradient_of_all_parameters_and_not_their_decay():
    params = {'a': jnp.full((1, 1), 2.0), 'b': jnp.zeros((1, 1))}
    grads = {'a': jnp.full((1, 1), 3.0), 'b': jnp.full((1, 1), 4.0)}  # norm 5, a fifth of which is left
    updates = _updates({**SGD, 'clip_norm': 1.0, 'weight_decay': 0.5}, params, grads)
    assert updates['a'].item() == pytest.approx(-0.1 * (0.6 + 0.5 * 2))
    assert updates['b'].item() == pytest.approx(-0.1 * 0.8)
    assert _updates({**SGD, 'clip_norm': 6.0}, params, grads)['a'].item() == pytest.approx(-0.3)


def test_rmsprop_is_that_of_tensorflow():
    """Epsilon inside the root, a first accumulator of 1, the rate inside the momentum; two steps by hand."""
    fields = {**SGD, 'name': 'rmsprop', 'decay': 0.9, 'eps': 1.0, 'initial_scale': 1.0, 'momentum': 0.5}
    params, grads = {'kernel': jnp.zeros((1, 1))}, {'kernel': jnp.full((1, 1), 2.0)}
    first = 0.9 * 1 + 0.1 * 4
    second = 0.9 * first + 0.1 * 4
    velocity = 0.5 * 0.1 * 2 / np.sqrt(first + 1) + 0.1 * 2 / np.sqrt(second + 1)
    assert _updates(fields, params, grads, steps=2)['kernel'].item() == pytest.approx(-velocity, rel=1e-5)


@pytest.mark.parametrize(
    ('fields', 'said'),
    [
        ({**SGD, 'clip_norm': -1.0}, 'clip_norm'),
        ({**SGD, 'name': 'sdg'}, 'sgd'),
        ({**SGD, 'momentun': 0.9}, 'momentum'),
        ({**SGD, 'name': 'chain'}, 'optimizer'),
        ({**SGD, 'name': 'lbfgs'}, 'line search'),
        ({**SGD, 'name': 'rprop'}, 'whole training set'),
        ({**SGD, 'name': 'noisy_sgd'}, 'random key'),
    ],
)
def test_wrong_optimizer(fields, said):
    with pytest.raises(UserError, match=said):
        make_optimizer(fields, lambda step: 0.1)


def test_a_multiplier_multiplies_the_rate_of_what_it_matches():
    """Momentum and weight decay with it; of two patterns that match, the last counts."""
    params = {'stem': {'kernel': jnp.ones((2, 2)), 'bias': jnp.ones(2)}, 'head': {'kernel': jnp.ones((2, 2))}}
    grads = {'stem': {'kernel': jnp.full((2, 2), 3.0), 'bias': jnp.ones(2)}, 'head': {'kernel': jnp.ones((2, 2))}}
    fields = {**SGD, 'momentum': 0.9, 'weight_decay': 0.5}
    updates = []
    for table in ((), (('stem', 0.1), ('*/bias', 0))):
        optimizer = make_optimizer({**fields, 'lr_multipliers': table}, lambda step: 0.1)
        state = optimizer.init(params)
        for _ in range(2):
            update, state = optimizer.update(grads, state, params)
        updates.append(update)
    plain, multiplied = updates
    np.testing.assert_allclose(multiplied['stem']['kernel'], 0.1 * plain['stem']['kernel'], rtol=1e-6)
    np.testing.assert_array_equal(multiplied['stem']['bias'], 0)
    np.testing.assert_array_equal(multiplied['head']['kernel'], plain['head']['kernel'])
    np.testing.assert_allclose(plain['stem']['kernel'], -0.1 * 1.9 * (3 + 0.5), rtol=1e-6)


@pytest.mark.parametrize('name', sorted(offered()))
def test_every_optimizer_that_is_offered_takes_steps_and_is_restored(name, tmp_path):
    """Ten steps at once are ten steps with a save and a restore in between."""
    optimizer = make_optimizer({**SGD, 'name': name}, lambda step: 0.01)
    params = {'kernel': jnp.linspace(-1, 1, 6).reshape(2, 3), 'bias': jnp.ones(3)}

    def steps(state, count):
        for _ in range(count):
            grads = jax.tree.map(lambda p: p + 0.1, state.params)
            updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
            state = state.replace(
                step=state.step + 1, params=optax.apply_updates(state.params, updates), opt_state=opt_state
            )
        return state

    first = State(jnp.zeros((), jnp.int32), params, {}, optimizer.init(params))
    with Checkpoints(tmp_path / 'c') as checkpoints:
        checkpoints.save(steps(first, 5), {})
        checkpoints.wait()
        restored, _ = checkpoints.restore(first)
    resumed, straight = steps(restored, 5), steps(first, 10)
    jax.tree.map(np.testing.assert_array_equal, resumed, straight)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(straight.params))
    assert (np.asarray(straight.params['kernel']) != np.asarray(params['kernel'])).any()
