"""Learning-rate schedules and optimisers, all of optax, from the names and fields of a recipe."""

import inspect
from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax

from cnn_bench.errors import UserError, unknown
from cnn_bench.training.recipe import call


def constant(peak: float, steps: int) -> optax.Schedule:
    """The peak rate throughout."""
    return optax.constant_schedule(peak)


def cosine(peak: float, steps: int, *, final_factor: float = 0.0) -> optax.Schedule:
    """Half a cosine from the peak to `final_factor` of it (Loshchilov & Hutter 2017, without restarts)."""
    return optax.cosine_decay_schedule(peak, steps, alpha=final_factor)


def polynomial(peak: float, steps: int, *, power: float = 1.0, final_factor: float = 0.0) -> optax.Schedule:
    """peak x (1 - step / steps) ** power, down to `final_factor` of the peak; power 1 is linear."""
    return optax.polynomial_schedule(peak, peak * final_factor, power, steps)


def step(peak: float, steps: int, *, at: tuple = (0.5, 0.75), factor: float = 0.1) -> optax.Schedule:
    """The rate is multiplied by `factor` at each fraction of training in `at`."""
    return optax.piecewise_constant_schedule(peak, {round(fraction * steps): factor for fraction in at})


def exponential(peak: float, steps: int, *, final_factor: float = 0.01) -> optax.Schedule:
    """A constant ratio from step to step, that reaches `final_factor` of the peak at the end."""
    return optax.exponential_decay(peak, steps, final_factor)


SCHEDULES = {f.__name__: f for f in (constant, cosine, polynomial, step, exponential)}


def make_schedule(fields: dict, peak: float, total_steps: int, steps_per_epoch: int) -> optax.Schedule:
    """step -> learning rate, from a recipe's `schedule`: linear warm-up to `peak`, then the named schedule."""
    fields = dict(fields)
    name, warmup = fields.pop('name'), round(fields.pop('warmup_epochs') * steps_per_epoch)
    if name not in SCHEDULES:
        raise unknown('schedule', name, SCHEDULES)
    if not 0 <= warmup < total_steps:
        raise UserError(
            f'config.schedule.warmup_epochs is {warmup} of {total_steps} steps; it must leave some to train'
        )
    main = call(SCHEDULES[name], 'schedule', fields, peak, total_steps - warmup)
    if not warmup:
        return main
    return optax.join_schedules([optax.linear_schedule(0.0, peak, warmup), main], [warmup])


def make_optimizer(fields: dict, schedule: optax.Schedule) -> optax.GradientTransformation:
    """An optax optimiser from a recipe's `optimizer`, its rate from `schedule`.

    Weight decay is decoupled where the optimiser has it so (AdamW, LAMB, ...), otherwise it is the L2 term that is
    added to the gradient (SGD, RMSProp, Adam). It spares biases and the scales of norms unless `decay_bias_and_norm`.
    """
    fields = dict(fields)
    name, decay = fields.pop('name'), fields.pop('weight_decay')
    mask = None if fields.pop('decay_bias_and_norm') else _kernels
    fields.pop('learning_rate')  # in the schedule
    factory = getattr(optax, name, None)
    if name not in _optimizers():
        raise unknown('optimizer', name, _optimizers())
    if {'weight_decay', 'mask'} <= set(inspect.signature(factory).parameters):
        return call(factory, 'optimizer', fields, schedule, weight_decay=decay, mask=mask)
    main = call(factory, 'optimizer', fields, schedule)
    return optax.chain(optax.add_decayed_weights(decay, mask), main) if decay else main


def _kernels(params):
    return jax.tree.map(lambda leaf: jnp.ndim(leaf) > 1, params)


def _optimizers() -> dict[str, Callable]:
    """The functions of optax that make an optimiser from a learning rate."""
    return {
        name: f
        for name, f in inspect.getmembers(optax, inspect.isfunction)
        if next(iter(inspect.signature(f).parameters), '') == 'learning_rate'
    }
