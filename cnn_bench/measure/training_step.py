"""One step of training as it is timed everywhere: forward pass with dropout and batch statistics, softmax
cross-entropy, backward pass, SGD with momentum 0.9 and weight decay 1e-4. Parameters are float32 throughout."""

from typing import Any

import jax
import optax

LEARNING_RATE, MOMENTUM, WEIGHT_DECAY = 1e-3, 0.9, 1e-4

State = tuple[Any, dict, Any]  # (parameters, other variables such as batch statistics, the optimiser's state)


def optimizer() -> optax.GradientTransformation:
    """SGD with momentum and weight decay."""
    return optax.chain(optax.add_decayed_weights(WEIGHT_DECAY), optax.sgd(LEARNING_RATE, MOMENTUM))


def initial_state(variables: dict) -> State:
    """The state before the first step, from a network's variables."""
    variables = dict(variables)
    params = variables.pop('params')
    return params, variables, optimizer().init(params)


def step(
    state: State, images: jax.Array, labels: jax.Array, key: jax.Array, *, model: Any, rule: Any
) -> tuple[State, jax.Array]:
    """(the state after a step on images (n, h, w, c) and labels (n,), the mean loss before it in nats).

    `rule` is the optimiser; `key` draws dropout's masks.
    """
    params, model_state, opt_state = state

    def loss_fn(params):
        logits, updated = model.apply(
            {'params': params, **model_state},
            images,
            train=True,
            mutable=[*model_state, 'aux_logits'],
            rngs={'dropout': key},
        )
        updated.pop('aux_logits', None)
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean(), updated

    (loss, model_state), grads = jax.value_and_grad(loss_fn, has_aux=True)(params)
    updates, opt_state = rule.update(grads, opt_state, params)
    return (optax.apply_updates(params, updates), model_state, opt_state), loss
