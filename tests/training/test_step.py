"""One step against the same step written out with numpy, and one step on several devices against one."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn
from tiny_net import TinyNet

from cnn_bench.data import augment
from cnn_bench.runtime import parallel
from cnn_bench.tasks import Classification
from cnn_bench.training import monitor, step
from cnn_bench.training.state import create

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (16, 6, 6, 1), np.uint8)
LABELS = RNG.integers(0, 3, 16).astype(np.int32)
RATE = 0.5
KEY_DATA = jax.random.key_data(jax.random.key(0))


def _pick(dataset, indices):
    images, labels = dataset
    return images[indices], jnp.where(indices < 0, -1, labels[indices])


def _preprocess(images):
    return images.astype(jnp.float32) / 255


def _trained(model, devices, mode, steps=1, smoothing=0.0, augment=None, mix=None, eval_state=None, **fields):
    """The state after `steps` steps on all sixteen images, on so many devices, and the last step's metrics."""
    used = jax.local_devices()[:devices]
    options = step.StepOptions(
        model=model,
        optimizer=optax.sgd,
        preprocess=_preprocess,
        task=Classification(augment, mix, smoothing),
        aux_weight=0.3,
        **fields,
    )
    one = partial(step.train_step, options=options)
    run = parallel.over_devices(lambda *args: step.train_steps(*args, step=one, pick=_pick), used, mode, donate=True)
    start = create(
        model, optax.sgd(lambda count: RATE), 0, IMAGES.shape[1:], averaged='ema_decay' in fields, eval_state=eval_state
    )
    state = parallel.replicate(start, used)
    dataset = parallel.replicate((IMAGES, LABELS), used)
    batches = parallel.split(np.tile(np.arange(16, dtype=np.int32), (steps, 1)), used, axis=1)
    (state, metrics), _ = run(state, (KEY_DATA, np.full(steps, RATE, np.float32), dataset), batches)
    return jax.device_get(state), jax.device_get(metrics)


class Linear(nn.Module):
    """Softmax regression: its gradient is known in closed form."""

    @nn.compact
    def __call__(self, x, train):
        logits = nn.Dense(3, name='fc')(x.reshape(len(x), -1))
        if train:
            self.sow('aux_logits', 'head', 2 * logits)
        return logits


@pytest.mark.parametrize('smoothing', [0.0, 0.1])
def test_a_step_of_softmax_regression_by_hand(smoothing):
    """The gradient of the loss and, times 0.3 and 2, that of the auxiliary one, whose logits are doubled."""
    x = IMAGES.reshape(16, -1) / 255.0
    start = create(Linear(), optax.sgd(RATE), 0, IMAGES.shape[1:]).params['fc']
    targets = np.eye(3)[LABELS] * (1 - smoothing) + smoothing / 3

    def softmax(z):
        return np.exp(z) / np.exp(z).sum(1, keepdims=True)

    logits = x @ start['kernel'] + start['bias']
    slope = (softmax(logits) - targets) + 0.3 * 2 * (softmax(2 * logits) - targets)
    loss = -(targets * np.log(softmax(logits))).sum(1).mean()
    loss += 0.3 * -(targets * np.log(softmax(2 * logits))).sum(1).mean()
    state, metrics = _trained(Linear(), 1, 'jit', smoothing=smoothing)
    np.testing.assert_allclose(state.params['fc']['kernel'], start['kernel'] - RATE * x.T @ slope / 16, atol=1e-6)
    np.testing.assert_allclose(state.params['fc']['bias'], start['bias'] - RATE * slope.mean(0), atol=1e-6)
    assert metrics['loss'][0] == pytest.approx(loss, rel=1e-5)
    assert metrics['top1_err_pct'][0] == pytest.approx(100 * np.mean(logits.argmax(1) != LABELS))


def _assert_equal(one, other):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), one, other)


@pytest.mark.skipif(jax.local_device_count() < 4, reason='needs four devices')
@pytest.mark.parametrize('mode', ['jit', 'pmap'])
def test_four_devices_do_what_one_does(mode):
    """With batch statistics over all devices; three steps, so that running statistics and order matter."""
    one = _trained(TinyNet(parallel.AXIS), 1, 'jit', steps=3)
    _assert_equal(one, _trained(TinyNet(parallel.AXIS), 4, mode, steps=3))


@pytest.mark.skipif(jax.local_device_count() < 4, reason='needs four devices')
def test_jit_and_pmap_agree_with_statistics_per_device_and_dropout():
    model = TinyNet(None, dropout=0.5)
    jit, pmap = _trained(model, 4, 'jit', steps=2), _trained(model, 4, 'pmap', steps=2)
    _assert_equal(jit, pmap)
    together = _trained(TinyNet(parallel.AXIS, dropout=0.5), 4, 'jit', steps=2)
    assert abs(together[1]['loss'][1] - jit[1]['loss'][1]) > 1e-4  # the option does something


@pytest.mark.skipif(jax.local_device_count() < 4, reason='needs four devices')
def test_augmentation_does_not_depend_on_the_number_of_devices():
    def noise(keys, images):
        return images + jax.vmap(lambda key: jax.random.normal(key, images.shape[1:]))(keys)

    _assert_equal(
        _trained(TinyNet(parallel.AXIS), 1, 'jit', augment=noise),
        _trained(TinyNet(parallel.AXIS), 4, 'jit', augment=noise),
    )


def test_one_call_of_many_steps_is_many_calls():
    many, _ = _trained(TinyNet(parallel.AXIS), 1, 'jit', steps=3)
    assert many.step == 3
    state, metrics = _trained(TinyNet(parallel.AXIS), 1, 'jit', steps=1)
    assert metrics['loss'].shape == (1,)
    assert state.step == 1


class Dense(nn.Module):
    """A hidden layer and no batch statistics."""

    @nn.compact
    def __call__(self, x, train):
        return nn.Dense(3, name='fc')(nn.tanh(nn.Dense(5, name='hidden')(x.reshape(len(x), -1))))


@pytest.mark.parametrize('count', [2, 8])
def test_accumulation_is_the_large_batch_without_batch_norm(count):
    large = _trained(Dense(), 1, 'jit', steps=3)
    _assert_equal(_trained(Dense(), 1, 'jit', steps=3, accumulate_steps=count), large)


@pytest.mark.skipif(jax.local_device_count() < 4, reason='needs four devices')
def test_accumulation_with_batch_norm_does_not_depend_on_the_number_of_devices():
    one, four = (_trained(TinyNet(parallel.AXIS), n, 'jit', steps=2, accumulate_steps=4) for n in (1, 4))
    _assert_equal(one, four)
    large = _trained(TinyNet(parallel.AXIS), 1, 'jit', steps=2)
    assert abs(large[1]['loss'][1] - one[1]['loss'][1]) > 1e-6  # statistics are of the parts
    means = [trained[0].model_state['batch_stats']['bn']['mean'] for trained in (one, large)]
    assert np.abs(means[0]).sum() > 2 * np.abs(means[1]).sum()  # which update the running ones four times a step


def test_the_average_by_hand():
    """After steps 0, 1 and 2 the decay is 1/10, 2/11 and min(0.2, 3/12), of parameters and of batch statistics."""
    states = [_trained(TinyNet(parallel.AXIS), 1, 'jit', steps=n, ema_decay=0.2)[0] for n in (1, 2, 3)]
    average = create(TinyNet(parallel.AXIS), optax.sgd(RATE), 0, IMAGES.shape[1:]).variables
    for state, decay in zip(states, (1 / 10, 2 / 11, 0.2), strict=True):
        average = jax.tree.map(lambda a, v, d=decay: d * a + (1 - d) * v, average, state.variables)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), average, state.average)
    assert set(average) == {'params', 'batch_stats'}


def test_mixed_targets_by_hand():
    """Softmax regression on images that are mixed with their neighbours, 0.7 to 0.3."""
    start = create(Linear(), optax.sgd(RATE), 0, IMAGES.shape[1:]).params['fc']
    order = np.arange(16) ^ 1
    x = IMAGES.reshape(16, -1) / 255.0
    x = 0.7 * x + 0.3 * x[order]
    targets = 0.7 * np.eye(3)[LABELS] + 0.3 * np.eye(3)[LABELS[order]]
    targets = 0.9 * targets + 0.1 / 3
    logits = x @ start['kernel'] + start['bias']
    log_probs = [z - np.log(np.exp(z).sum(1, keepdims=True)) for z in (logits, 2 * logits)]
    loss = float(-(targets * (log_probs[0] + 0.3 * log_probs[1])).sum(1).mean())

    def mix(key, images, labels):
        share = jnp.float32(0.7)
        return augment.mix_up(images, share), augment.neighbours(labels), share

    _, metrics = _trained(Linear(), 1, 'jit', smoothing=0.1, mix=mix)
    assert metrics['loss'][0] == pytest.approx(loss, rel=1e-5)


@pytest.mark.skipif(jax.local_device_count() < 4, reason='needs four devices')
def test_mixing_does_not_depend_on_the_number_of_devices():
    mix = augment.make_mix(mixup_alpha=1.0, cutmix_alpha=1.0)
    one, four = (_trained(Dense(), n, 'jit', steps=4, mix=mix) for n in (1, 4))
    _assert_equal(one, four)
    assert abs(one[1]['loss'][3] - _trained(Dense(), 1, 'jit', steps=4)[1]['loss'][3]) > 1e-4


def test_a_plateau_scales_the_update():
    plateau = optax.contrib.reduce_on_plateau(0.5)
    halved = monitor.first_eval_state(plateau)
    halved = halved.replace(plateau=halved.plateau._replace(scale=jnp.float32(0.5)))
    start = create(Dense(), optax.sgd(RATE), 0, IMAGES.shape[1:]).params
    full, half = (
        _trained(Dense(), 1, 'jit', eval_state=eval_state)[0].params
        for eval_state in (monitor.first_eval_state(plateau), halved)
    )
    jax.tree.map(lambda s, f, h: np.testing.assert_allclose(h - s, (f - s) / 2, atol=1e-6), start, full, half)


class Fixed(nn.Module):
    """Logits that are the image's first pixels."""

    @nn.compact
    def __call__(self, x, train):
        return x.reshape(len(x), -1)[:, :7]


def _compiled_eval_step(model, devices):
    one = partial(step.eval_step, model=model, preprocess=_preprocess, task=Classification())
    return parallel.over_devices(one, devices, 'jit')


@pytest.mark.parametrize('devices', [1, 2])
def test_evaluation_counts_each_image_once(devices):
    if jax.local_device_count() < devices:
        pytest.skip('needs two devices')
    logits = RNG.permuted(np.tile(np.arange(49, dtype=np.uint8) * 5, (10, 1)), axis=1)
    labels = RNG.integers(0, 7, 10).astype(np.int32)
    used = jax.local_devices()[:devices]
    run = _compiled_eval_step(Fixed(), used)
    padded = {'image': np.resize(logits, (12, 7, 7, 1)), 'label': np.append(labels, np.int32([-1, -1]))}
    sums, log_probs = run({}, (), jax.tree.map(lambda array: parallel.split(array, used), padded))
    first = logits[:, :7] / 255.0
    expected = first - np.log(np.exp(first).sum(1, keepdims=True))
    ranks = (first > first[np.arange(10), labels][:, None]).sum(1)
    np.testing.assert_allclose(np.reshape(log_probs, (12, 7))[:10], expected, rtol=1e-5)
    assert sums['count'] == 10
    assert sums['bad'] == 0
    assert sums['top1'] == (ranks < 1).sum()
    assert sums['top5'] == (ranks < 5).sum()
    assert float(sums['loss']) == pytest.approx(-expected[np.arange(10), labels].sum(), rel=1e-5)


def test_logits_that_are_not_finite_are_counted():
    class Broken(Fixed):
        def __call__(self, x, train):
            return super().__call__(x, train) / 0

    used = jax.local_devices()[:1]
    run = _compiled_eval_step(Broken(), used)
    sums, _ = run({}, (), {'image': IMAGES[None, [0, 1, 2]], 'label': np.int32([[*LABELS[:2], -1]])})
    assert sums['bad'] == 2


@pytest.mark.skipif(jax.local_device_count() < 4, reason='needs four devices')
@pytest.mark.parametrize('mode', ['jit', 'pmap'])
def test_calls_on_simulated_devices_do_not_queue_up(mode):
    """A queue of collectives can hold every thread of the pool that the devices share, and then none ever ends."""
    used = jax.local_devices()[:4]
    run = parallel.over_devices(lambda total, _, x: (jax.lax.psum(x.sum(), parallel.AXIS) + total, ()), used, mode)
    total = parallel.replicate(jnp.zeros(()), used)
    x = np.ones((4, 100_000), np.float32)
    for _ in range(50):
        total, _ = run(total, (), x)
        assert total.is_ready()
    assert total == 50 * 400_000
