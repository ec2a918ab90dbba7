"""One training step and one evaluation step, as pure functions of one device's share of the batch.

`parallel.over_devices` maps them over devices. Inside, `AXIS` names the axis that gradients and sums are taken over.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from cnn_bench.training.state import State

AXIS = 'data'

Preprocess = Callable[[jax.Array], jax.Array]  # uint8 images (n, h, w, c) -> what the network takes
Augment = Callable[[jax.Array, jax.Array], jax.Array]  # a key per image, images (n, h, w, c) -> images


def train_step(
    state: State,
    images: jax.Array,
    labels: jax.Array,
    *,
    model: nn.Module,
    optimizer: optax.GradientTransformation,
    preprocess: Preprocess,
    augment: Augment,
    seed: int,
    label_smoothing: float,
    aux_weight: float,
) -> tuple[State, dict[str, jax.Array]]:
    """One step on this device's images (n, h, w, c) uint8 and labels (n,).

    Returns the new state and the step's mean loss and top-1 error over all devices. Random numbers depend on the seed,
    the step and the image's place in the batch (augmentation) or the device (dropout), on nothing else.
    """
    key = jax.random.fold_in(jax.random.key(seed), state.step)
    dropout_key, augment_key = (jax.random.fold_in(key, purpose) for purpose in (0, 1))
    device = jax.lax.axis_index(AXIS)
    places = device * len(labels) + jnp.arange(len(labels))
    images = augment(jax.vmap(jax.random.fold_in, (None, 0))(augment_key, places), preprocess(images))

    def loss_fn(params):
        logits, updated = model.apply(
            {'params': params, **state.model_state},
            images,
            train=True,
            mutable=[*state.model_state, 'aux_logits'],
            rngs={'dropout': jax.random.fold_in(dropout_key, device)},
        )
        aux = jax.tree.leaves(updated.pop('aux_logits', {}))
        loss = _cross_entropy(logits, labels, label_smoothing).mean()
        loss += aux_weight * sum(_cross_entropy(a, labels, label_smoothing).mean() for a in aux)
        return loss, (logits, updated)

    (loss, (logits, model_state)), grads = jax.value_and_grad(loss_fn, has_aux=True)(state.params)
    error = jnp.mean(jnp.argmax(logits, -1) != labels)
    loss, error, grads, model_state = jax.lax.pmean((loss, error, grads, model_state), AXIS)
    updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
    params = optax.apply_updates(state.params, updates)
    state = State(state.step + 1, params, model_state, opt_state)
    return state, {'loss': loss, 'top1_err_pct': 100 * error}


def train_steps(state: State, dataset: Any, batches: Any, *, step: Callable, pick: Callable) -> tuple[tuple, tuple]:
    """As many steps in one call as `batches` has entries on its first axis.

    `pick(dataset, batch)` gives a batch's images and labels. Returns the state and each metric as an array (steps,),
    the same on every device, and nothing of this device's own.
    """

    def one(state, batch):
        return step(state, *pick(dataset, batch))

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


def _cross_entropy(logits: jax.Array, labels: jax.Array, smoothing: float) -> jax.Array:
    targets = optax.smooth_labels(jax.nn.one_hot(labels, logits.shape[-1]), smoothing)
    return optax.softmax_cross_entropy(logits, targets)
