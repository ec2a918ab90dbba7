"""The speed of this machine: seconds per training step of a recipe, or multiply-adds per second of a convolution.

Each is measured in its own process, so that a sweep touches no device. `python -m cnn_bench.sweep.calibrate --config
FILE --config.FIELD=VALUE ...` prints the speed of a recipe as JSON; without arguments, that of the convolution.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator

from cnn_bench.errors import UserError
from cnn_bench.runs import RunDirectory
from cnn_bench.runtime import cores
from cnn_bench.sweep.experiment import Trial

RECORD = 'calibration.json'  # variant -> {'seconds_per_step', 'device'}
WARM_UP_CALLS = 2  # the first one compiles
LEAST_CALLS, MOST_CALLS, ENOUGH_S = 5, 50, 2.0  # timed until ENOUGH_S have passed
STEPS_PER_CALL = 20  # where the training loop runs several steps per call: on accelerators


def of_trials(trials: Iterable[Trial], known: dict, data_dir: str | None, environment: dict) -> dict:
    """`known`, the content of calibration.json, and measurements of those variants of `trials` that it lacks.

    Raises UserError if a variant cannot take a step.
    """
    measured = dict(known)
    for trial in trials:
        if trial.name not in measured:
            print(f'timing a step of {trial.name}', file=sys.stderr, flush=True)
            measured[trial.name] = _measure_in_a_process(trial.arguments, data_dir, environment)
    return measured


def macs_per_second(environment: dict) -> float:
    """Speed of the forward and backward pass of a plain convolution on this machine."""
    return _measure_in_a_process([], None, environment)['macs_per_second']


def read(run: RunDirectory) -> dict:
    """The content of a sweep's calibration.json; empty without that file."""
    return run.read(RECORD) or {}


def _measure_in_a_process(arguments: list[str], data_dir: str | None, environment: dict) -> dict:
    command = [sys.executable, '-m', 'cnn_bench.sweep.calibrate', *(['--data-dir', data_dir] if data_dir else [])]
    ran = subprocess.run([*command, *arguments], capture_output=True, text=True, env={**os.environ, **environment})
    if ran.returncode:
        why = (ran.stderr.strip().splitlines() or ['no output'])[-1].removeprefix('cnn-bench: error: ')
        raise UserError(f'timing a training step failed: {why}')
    return json.loads(ran.stdout.splitlines()[-1])


def time_recipe(spec: str, overrides: list[str], data_dir: str | None) -> dict:
    """{'seconds_per_step', 'device'} of a recipe, without compilation."""
    import jax

    from cnn_bench import recipe
    from cnn_bench.training.setup import TrainingSetup

    setup = TrainingSetup(recipe.load(spec, recipe.parse_overrides(overrides)), data_dir)
    steps, state, shared = setup.compiled_train_steps(), setup.first_state(), setup.shared()
    batches, seed, size = setup.train_data, setup.config.seed, setup.config.batch_size
    several = setup.devices[0].platform != 'cpu' and batches.dataset
    count = min(STEPS_PER_CALL, setup.steps_per_epoch) if several else 1
    firsts = itertools.cycle(range(0, setup.steps_per_epoch - count + 1, count))

    def call() -> None:
        nonlocal state
        (state, metrics), _ = steps(state, shared, batches.train_batches(seed, size, next(firsts), count))
        jax.block_until_ready(metrics)

    device = f'{len(setup.devices)} x {setup.devices[0].device_kind}'
    return {'seconds_per_step': statistics.median(_timed(call)) / count, 'device': device}


def time_convolution(batch: int = 64, side: int = 16, channels: int = 64) -> dict:
    """{'macs_per_second', 'device'} of the forward and backward pass of a 3x3 convolution."""
    import jax
    import jax.numpy as jnp

    def loss(kernel, images):
        out = jax.lax.conv_general_dilated(images, kernel, (1, 1), 'SAME', dimension_numbers=('NHWC', 'HWIO', 'NHWC'))
        return jnp.square(out).mean()

    gradient = jax.jit(jax.grad(loss, argnums=(0, 1)))
    images, kernel = jnp.ones((batch, side, side, channels)), jnp.ones((3, 3, channels, channels))
    seconds = statistics.median(_timed(lambda: jax.block_until_ready(gradient(kernel, images))))
    macs = 3 * batch * side**2 * 9 * channels**2  # forward pass and two gradients, which cost the same each
    return {'macs_per_second': macs / seconds, 'device': jax.devices()[0].device_kind}


def _timed(call: Callable[[], None]) -> Iterator[float]:
    """Yield the seconds that each call takes."""
    for _ in range(WARM_UP_CALLS):
        call()
    began = time.perf_counter()
    for done in range(MOST_CALLS):
        start = time.perf_counter()
        call()
        yield time.perf_counter() - start
        if done + 1 >= LEAST_CALLS and time.perf_counter() - began > ENOUGH_S:
            return


def main() -> int:
    """Measure, print the result, and return the exit status."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--config')
    parser.add_argument('--data-dir')
    args, overrides = parser.parse_known_args()
    cores.keep_to_own()
    try:
        result = time_recipe(args.config, overrides, args.data_dir) if args.config else time_convolution()
    except UserError as error:
        print(f'cnn-bench: error: {error}', file=sys.stderr)
        return error.exit_status
    print(json.dumps(result))
    return 0


if __name__ == '__main__':
    sys.exit(main())
