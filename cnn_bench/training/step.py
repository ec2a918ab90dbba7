"""One training step and one evaluation step, as pure functions of one device's share of the batch.

`parallel.over_devices` maps them over devices; gradients and sums are taken over the axis `AXIS`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from cnn_bench.runtime.parallel import AXIS
from cnn_bench.tasks import Evaluated, Task
from cnn_bench.training.freezing import ALL_TRAINED, Freezing
from cnn_bench.training.state import State

Preprocess = Callable[[jax.Array], jax.Array]  # uint8 images (n, h, w, c) -> what the network takes


@dataclass(frozen=True)
class StepOptions:
    """What is the same in every training step of a stage."""

    model: nn.Module
    optimizer: Callable[[optax.Schedule], optax.GradientTransformation]
    preprocess: Preprocess
    task: Task
    aux_weight: float = 0.3  # of each auxiliary head's loss
    accumulate_steps: int = 1
    ema_decay: float = 0.0
    freezing: Freezing = ALL_TRAINED


def train_step(
    state: State, images: jax.Array, targets: Any, key: jax.Array, rates: jax.Array, options: StepOptions
) -> tuple[State, dict[str, jax.Array]]:
    """One step on this device's images (n, h, w, c) uint8 and their targets, at the rate that `rates` holds for it.

    Returns the new state and the means over all devices of the step's `loss`, auxiliary heads included, and of the
    task's errors in per cent. Random numbers depend only on the run's key, the step, and the image's place in the
    batch (augmentation) or the device (dropout); mixing depends on key and step alone. No gradient is computed for
    frozen parameters, which stay as they are.
    """
    model, task, freezing = options.model, options.task, options.freezing
    key = jax.random.fold_in(key, state.step)
    dropout_key, augment_key, mix_key = (jax.random.fold_in(key, purpose) for purpose in (0, 1, 2))
    device = jax.lax.axis_index(AXIS)
    places = device * len(images) + jnp.arange(len(images))
    image_keys = jax.vmap(jax.random.fold_in, (None, 0))(augment_key, places)
    images, targets = task.augment(image_keys, mix_key, options.preprocess(images), targets)

    trained, frozen = freezing.split(state.params)

    def loss_fn(trained, model_state, part, key):
        images, targets = part
        with freezing.in_evaluation():
            outputs, updated = model.apply(
                {'params': freezing.join(trained, frozen), **model_state},
                images,
                train=True,
                mutable=[*model_state, 'aux_logits'],
                rngs={'dropout': key},
            )
        aux = jax.tree.leaves(updated.pop('aux_logits', {}))
        loss, *aux_losses = (task.loss(each, targets) for each in (outputs, *aux))
        return loss + options.aux_weight * sum(aux_losses), (task.train_errors(outputs, targets), updated)

    gradient = partial(jax.value_and_grad(loss_fn, has_aux=True), trained)
    parts = (images, targets), jax.random.fold_in(dropout_key, device)
    loss, errors, grads, model_state = _accumulate(gradient, state.model_state, *parts, options.accumulate_steps)
    loss, errors, grads, model_state = jax.lax.pmean((loss, errors, grads, model_state), AXIS)
    model_state = freezing.keep(state.model_state, model_state)  # which a mean over devices would round
    updates, opt_state = options.optimizer(lambda count: rates[count]).update(grads, state.opt_state, trained)
    params = freezing.join(optax.apply_updates(trained, scaled_by_plateau(updates, state.eval_state)), frozen)
    average = ema({'params': params, **model_state}, state.average, state.step, options.ema_decay)
    if average is not None:  # the average of a frozen variable is the variable, to the bit
        average = freezing.keep_average(state.average, average, {'params': params, **model_state})
    state = State(state.step + 1, params, model_state, opt_state, average, state.eval_state)
    return state, {'loss': loss, **{f'{name}_err_pct': 100 * share for name, share in errors.items()}}


def _accumulate(gradient: Callable, model_state: Any, batch: tuple, key: jax.Array, count: int) -> tuple:
    """Mean loss, errors and gradient over `count` parts of this device's batch, and the model state after the last.

    Each part takes every `count`-th image, so that it holds the same images of the whole batch on any number of
    devices. Each part is normalised by its own batch statistics; running statistics are updated by each in turn.
    """
    if count == 1:
        (loss, (errors, model_state)), grads = gradient(model_state, batch, key)
        return loss, errors, grads, model_state
    parts = jax.tree.map(lambda a: jnp.swapaxes(a.reshape(-1, count, *a.shape[1:]), 0, 1), batch)

    def one(carry, part):
        model_state, total = carry
        number, batch = part
        (loss, (errors, model_state)), grads = gradient(model_state, batch, jax.random.fold_in(key, number))
        return (model_state, jax.tree.map(jnp.add, total, (loss, errors, grads))), None

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
    ExponentialMovingAverage with `num_updates`, so that the first weights of a short run fade quickly. It is often
    called Polyak averaging; Polyak and Juditsky (1992) take the plain mean of all iterates.
    """
    if average is None:
        return None
    decay = jnp.minimum(decay, (1 + step) / (10 + step))
    return jax.tree.map(lambda a, v: a * decay + v * (1 - decay), average, variables)


def scaled_by_plateau(updates: Any, eval_state: Any) -> Any:
    """`updates` times the factor by which the plateau schedule has reduced the learning rate, where it is used."""
    if eval_state is None or eval_state.plateau is None:
        return updates
    return jax.tree.map(lambda update: eval_state.plateau.scale * update, updates)


def train_steps(state: State, shared: tuple, batches: Any, *, step: Callable, pick: Callable) -> tuple[tuple, tuple]:
    """Several steps in one call: as many as `batches` has entries on its first axis.

    `shared` holds the run's key data, the learning rates of the stage's steps (n,), and the data set, from which
    `pick(dataset, batch)` takes images and targets. Key and rates are arguments, not constants, so that runs with other
    seeds, rates and schedules share a compiled program. Returns the state
    and each metric as an array (steps,), which are the same on every device, and an empty tuple for what differs.
    """
    key_data, rates, dataset = shared
    key = jax.random.wrap_key_data(key_data)

    def one(state, batch):
        return step(state, *pick(dataset, batch), key, rates)

    if len(jax.tree.leaves(batches)[0]) == 1:  # no loop: XLA's CPU back end is many times slower inside one
        state, metrics = one(state, jax.tree.map(lambda b: b[0], batches))
        return (state, jax.tree.map(lambda m: m[None], metrics)), ()
    return jax.lax.scan(one, state, batches), ()


def eval_step(
    variables: Any, shared: tuple, batch: dict[str, Any], *, model: nn.Module, preprocess: Preprocess, task: Task
) -> tuple[dict[str, jax.Array], jax.Array]:
    """The task's sums over the images of all devices, without padding, and what it keeps of each of this device's.

    `shared` is empty. `bad` among the sums counts images with an output that is not finite.
    """
    outputs = model.apply(variables, preprocess(batch['image']), train=False)
    return summed_up(task.evaluated(outputs, batch['label']))


def summed_up(evaluated: Evaluated) -> tuple[dict[str, jax.Array], jax.Array]:
    """The sums of `evaluated` over all devices, and what is kept of each image of this one."""
    return jax.lax.psum(evaluated.sums, AXIS), evaluated.each
