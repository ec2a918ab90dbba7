"""One training step and one evaluation step, as pure functions of one device's share of the batch.

`parallel.over_devices` maps them over devices. Inside, `AXIS` names the axis that gradients and sums are taken over.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from cnn_bench.runtime.parallel import AXIS
from cnn_bench.training.freezing import ALL_TRAINED, Freezing
from cnn_bench.training.state import State

Preprocess = Callable[[jax.Array], jax.Array]  # uint8 images (n, h, w, c) -> what the network takes
Augment = Callable[[jax.Array, jax.Array], jax.Array]  # a key per image, images (n, h, w, c) -> images
Mix = Callable[[jax.Array, jax.Array, jax.Array], tuple]  # a key, images, labels -> images, others' labels, own share


def train_step(
    state: State,
    images: jax.Array,
    labels: jax.Array,
    key: jax.Array,
    *,
    model: nn.Module,
    optimizer: optax.GradientTransformation,
    preprocess: Preprocess,
    augment: Augment,
    label_smoothing: float,
    aux_weight: float,
    mix: Mix | None = None,
    accumulate_steps: int = 1,
    ema_decay: float = 0.0,
    freezing: Freezing = ALL_TRAINED,
) -> tuple[State, dict[str, jax.Array]]:
    """One step on this device's images (n, h, w, c) uint8 and labels (n,).

    Returns the new state and the step's mean loss and top-1 error over all devices; the error counts an image's own
    label, also where images are mixed. Random numbers depend on the run's key, the step and the image's place in the
    batch (augmentation), the step alone (mixing) or the device (dropout), on nothing else. What `freezing` names stays
    as it is, and no gradient of it is computed.
    """
    key = jax.random.fold_in(key, state.step)
    dropout_key, augment_key, mix_key = (jax.random.fold_in(key, purpose) for purpose in (0, 1, 2))
    device = jax.lax.axis_index(AXIS)
    places = device * len(labels) + jnp.arange(len(labels))
    images = augment(jax.vmap(jax.random.fold_in, (None, 0))(augment_key, places), preprocess(images))
    images, others, share = mix(mix_key, images, labels) if mix else (images, labels, 1.0)

    trained, frozen = freezing.split(state.params)

    def loss_fn(trained, model_state, part, key):
        images, labels, others = part
        with freezing.in_evaluation():
            logits, updated = model.apply(
                {'params': freezing.join(trained, frozen), **model_state},
                images,
                train=True,
                mutable=[*model_state, 'aux_logits'],
                rngs={'dropout': key},
            )
        aux = jax.tree.leaves(updated.pop('aux_logits', {}))
        ours, *of_aux = (_cross_entropy(a, labels, others, share, label_smoothing).mean() for a in (logits, *aux))
        return ours + aux_weight * sum(of_aux), (jnp.mean(jnp.argmax(logits, -1) != labels), updated)

    gradient = partial(jax.value_and_grad(loss_fn, has_aux=True), trained)
    parts = (images, labels, others), jax.random.fold_in(dropout_key, device)
    loss, error, grads, model_state = _accumulate(gradient, state.model_state, *parts, accumulate_steps)
    loss, error, grads, model_state = jax.lax.pmean((loss, error, grads, model_state), AXIS)
    model_state = freezing.keep(state.model_state, model_state)  # which a mean over devices would round
    updates, opt_state = optimizer.update(grads, state.opt_state, trained)
    params = freezing.join(optax.apply_updates(trained, scaled_by_plateau(updates, state.watch)), frozen)
    average = ema({'params': params, **model_state}, state.average, state.step, ema_decay)
    if average is not None:  # of what never moved it is that, to the bit
        average = freezing.keep_average(state.average, average, {'params': params, **model_state})
    state = State(state.step + 1, params, model_state, opt_state, average, state.watch)
    return state, {'loss': loss, 'top1_err_pct': 100 * error}


def _accumulate(gradient: Callable, model_state: Any, batch: tuple, key: jax.Array, count: int) -> tuple:
    """Mean loss, error and gradient over `count` parts of this device's batch, one after another, and the state after.

    Each part takes every `count`-th image, so that it holds the same images of the whole batch on any number of
    devices. Batch statistics are each part's own; running ones are updated by each in turn.
    """
    if count == 1:
        (loss, (error, model_state)), grads = gradient(model_state, batch, key)
        return loss, error, grads, model_state
    parts = jax.tree.map(lambda a: jnp.swapaxes(a.reshape(-1, count, *a.shape[1:]), 0, 1), batch)

    def one(carry, part):
        model_state, total = carry
        number, batch = part
        (loss, (error, model_state)), grads = gradient(model_state, batch, jax.random.fold_in(key, number))
        return (model_state, jax.tree.map(jnp.add, total, (loss, error, grads))), None

    first = jax.tree.map(lambda a: a[0], parts)
    shapes = jax.eval_shape(gradient, model_state, first, key)
    zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), (shapes[0][0], shapes[0][1][0], shapes[1]))
    # Unrolled on CPUs, where XLA's convolutions are many times slower inside a loop.
    unroll = count if jax.default_backend() == 'cpu' else 1
    (model_state, total), _ = jax.lax.scan(one, (model_state, zeros), (jnp.arange(count), parts), unroll=unroll)
    return *jax.tree.map(lambda a: a / count, total), model_state


def ema(variables: Any, average: Any, step: jax.Array, decay: float) -> Any:
    """The exponential moving average of `variables` after step number `step`, from 0; None stays None.

    average x d + variables x (1 - d), with d = min(decay, (1 + step) / (10 + step)): TensorFlow's
    ExponentialMovingAverage with `num_updates`, so that a short run does not average its first weights in. This is
    what its users call Polyak averaging; Polyak and Juditsky's (1992) own is the plain mean of all iterates.
    """
    if average is None:
        return None
    decay = jnp.minimum(decay, (1 + step) / (10 + step))
    return jax.tree.map(lambda a, v: a * decay + v * (1 - decay), average, variables)


def scaled_by_plateau(updates: Any, watch: Any) -> Any:
    """`updates` times the factor to which a plateau has reduced the learning rate, where the schedule has one."""
    if watch is None or watch.plateau is None:
        return updates
    return jax.tree.map(lambda update: watch.plateau.scale * update, updates)


def train_steps(state: State, shared: tuple, batches: Any, *, step: Callable, pick: Callable) -> tuple[tuple, tuple]:
    """As many steps in one call as `batches` has entries on its first axis.

    `shared` is the run's key data and the data set, which `pick(dataset, batch)` takes a batch's images and labels
    from. The key is no constant here: runs that differ in their seeds alone share a compiled program. Returns the state
    and each metric as an array (steps,), the same on every device, and nothing of this device's own.
    """
    key_data, dataset = shared
    key = jax.random.wrap_key_data(key_data)

    def one(state, batch):
        return step(state, *pick(dataset, batch), key)

    if len(jax.tree.leaves(batches)[0]) == 1:  # no loop: XLA's CPU back end is many times slower inside one
        state, metrics = one(state, jax.tree.map(lambda b: b[0], batches))
        return (state, jax.tree.map(lambda m: m[None], metrics)), ()
    return jax.lax.scan(one, state, batches), ()


def eval_step(
    variables: Any, dataset: Any, batch: Any, *, model: nn.Module, preprocess: Preprocess, pick: Callable
) -> tuple[dict[str, jax.Array], jax.Array]:
    """Sums over all devices, and this device's log-probabilities (n, classes) float32.

    An image whose label is negative is padding and counts nowhere. `bad` counts images with a logit that is not
    finite: no rank means anything there.
    """
    images, labels = pick(dataset, batch)
    logits = model.apply(variables, preprocess(images), train=False)
    log_probs = jax.nn.log_softmax(logits.astype(jnp.float32))
    counts = labels >= 0
    nll = -jnp.take_along_axis(log_probs, jnp.maximum(labels, 0)[:, None], axis=1)[:, 0]
    _, top = jax.lax.top_k(log_probs, min(5, logits.shape[-1]))
    hits = top == labels[:, None]
    per_image = {
        'loss': nll,
        'top1': hits[:, 0],
        'top5': hits.any(axis=1),
        'count': jnp.ones_like(counts),
        'bad': ~jnp.isfinite(logits).all(axis=1),
    }
    sums = {name: jnp.where(counts, value, 0).astype(jnp.float32).sum() for name, value in per_image.items()}
    return jax.lax.psum(sums, AXIS), log_probs


def _cross_entropy(
    logits: jax.Array, labels: jax.Array, others: jax.Array, share: float | jax.Array, smoothing: float
) -> jax.Array:
    """Of targets that are the label's for a part `share` and the other label's for the rest, smoothed."""
    own, other = (jax.nn.one_hot(ids, logits.shape[-1]) for ids in (labels, others))
    targets = optax.smooth_labels(share * own + (1 - share) * other, smoothing)
    return optax.softmax_cross_entropy(logits, targets)
