"""Learning-rate schedules by the names that recipes use: linear warm-up, then one of optax's schedules."""

from collections import Counter

import optax

from cnn_bench.errors import UserError, unknown
from cnn_bench.recipe import call


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
    """The rate is multiplied by `factor` at each fraction of training in `at`; warm-up is part of training."""
    boundaries = Counter(round(fraction * steps) for fraction in at)
    return optax.piecewise_constant_schedule(peak, {step: factor**times for step, times in boundaries.items()})


def exponential(peak: float, steps: int, *, final_factor: float = 0.01) -> optax.Schedule:
    """Exponential decay that reaches `final_factor` of the peak at the end."""
    return optax.exponential_decay(peak, steps, final_factor)


def onecycle(
    peak: float, steps: int, *, rise: float = 0.3, start_factor: float = 0.04, final_factor: float = 4e-6
) -> optax.Schedule:
    """Half a cosine up from `start_factor` of the peak during the fraction `rise` of training, then half a cosine down
    to `final_factor` of it (Smith & Topin 2017). It needs no other warm-up."""
    return optax.cosine_onecycle_schedule(steps, peak, rise, 1 / start_factor, start_factor / final_factor)


def plateau(
    peak: float,
    steps: int,
    *,
    factor: float = 0.1,
    patience: int = 10,
    threshold: float = 1e-4,
    cooldown: int = 0,
    min_factor: float = 0.0,
) -> optax.Schedule:
    """The peak rate, reduced by evaluations; `make_plateau` explains the fields."""
    return optax.constant_schedule(peak)


def staircase(peak: float, steps: int, *, every_epochs: float, factor: float, epoch: int) -> optax.Schedule:
    """The rate is multiplied by `factor` every `every_epochs` epochs of `epoch` steps, those of warm-up included."""
    every = round(every_epochs * epoch)
    if every < 1:
        raise UserError(f'config.schedule.every_epochs is {every_epochs}; it must be at least one step of {epoch}')
    return optax.exponential_decay(peak, every, factor, staircase=True)


def inverse_time(peak: float, steps: int, *, decay: float) -> optax.Schedule:
    """peak / (1 + decay x step), the `decay` of optimisers in Keras 2."""
    return lambda step: peak / (1 + decay * step)


BY_EPOCHS = ('step', 'staircase')  # schedules that count from the first step: warm-up does not delay their drops
SCHEDULES = {
    f.__name__: f for f in (constant, cosine, onecycle, polynomial, step, exponential, staircase, inverse_time, plateau)
}


def make_schedule(fields: dict, peak: float, total_steps: int, steps_per_epoch: int) -> optax.Schedule:
    """step -> learning rate, from a recipe's `schedule`: linear warm-up to `peak`, then the named schedule.

    The schedule covers the steps after warm-up, except that those of BY_EPOCHS count all steps.
    """
    fields = dict(fields)
    name, warmup = fields.pop('name'), round(fields.pop('warmup_epochs') * steps_per_epoch)
    if name not in SCHEDULES:
        raise unknown('schedule', name, SCHEDULES)
    if not 0 <= warmup < total_steps:
        raise UserError(
            f'config.schedule.warmup_epochs is {warmup} of {total_steps} steps; it must leave some to train'
        )
    unit = {'epoch': steps_per_epoch} if name == 'staircase' else {}
    skipped = warmup if name in BY_EPOCHS else 0
    main = call(SCHEDULES[name], 'schedule', fields, peak, total_steps - warmup + skipped, **unit)
    if not warmup:
        return main
    warm = optax.linear_schedule(0.0, peak, warmup)
    return optax.join_schedules([warm, lambda step: main(step + skipped)], [warmup])


def make_plateau(fields: dict) -> optax.GradientTransformationExtraArgs | None:
    """optax.contrib.reduce_on_plateau from a recipe's `schedule`, with the meaning of PyTorch's ReduceLROnPlateau.

    After `patience` evaluations without improvement the next one multiplies the rate by `factor`, down to `min_factor`
    of the first rate. An improvement is lower than (1 - `threshold`) times the best. The `cooldown` evaluations after a
    reduction are not counted. Returns None for other schedules.
    """
    fields = dict(fields)
    if fields.pop('name') != 'plateau':
        return None
    fields.pop('warmup_epochs')
    return call(_plateau, 'schedule', fields)


def _plateau(
    factor: float = 0.1, patience: int = 10, threshold: float = 1e-4, cooldown: int = 0, min_factor: float = 0.0
) -> optax.GradientTransformationExtraArgs:
    if not 0 < factor < 1:
        raise UserError(f'config.schedule.factor is {factor}; it must be between 0 and 1')
    if not 0 < threshold <= 1:
        raise UserError(f'config.schedule.threshold is {threshold}; it must be above 0 and at most 1')
    for name, value in (('patience', patience), ('cooldown', cooldown), ('min_factor', min_factor)):
        if value < 0:
            raise UserError(f'config.schedule.{name} is {value}; it must be at least 0')
    # optax reduces at evaluation number `patience`, PyTorch at the one after.
    return optax.contrib.reduce_on_plateau(factor, patience + 1, threshold, 0.0, cooldown, min_scale=min_factor)
