"""The speed of this machine: seconds per training step of a recipe, or multiply-adds per second of a convolution.

Each is measured in its own process, so that a sweep touches no device. `python -m cnn_bench.sweep.calibrate --config
FILE --config.FIELD=VALUE ...` prints the speed of a recipe as JSON.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterable

from cnn_bench.errors import UserError
from cnn_bench.measure.standalone.calls import turn, warm_up
from cnn_bench.runs import RunDirectory
from cnn_bench.runtime import cores
from cnn_bench.sweep.experiment import Trial

RECORD = 'calibration.json'  # variant -> {'seconds_per_step', 'device'}
STEPS_S = 2.0  # for so long steps are timed
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
    return _in_a_process('cnn_bench.measure.convolution_rate', [], environment)['macs_per_second']


def read(run: RunDirectory) -> dict:
    """The content of a sweep's calibration.json; empty without that file."""
    return run.read(RECORD) or {}


def _measure_in_a_process(arguments: list[str], data_dir: str | None, environment: dict) -> dict:
    where = ['--data-dir', data_dir] if data_dir else []
    return _in_a_process('cnn_bench.sweep.calibrate', [*where, *arguments], environment)


def _in_a_process(module: str, arguments: list[str], environment: dict) -> dict:
    command = [sys.executable, '-m', module, *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})
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
    _, usual_s = warm_up(call)
    return {'seconds_per_step': statistics.median(turn(call, STEPS_S, usual_s)['seconds']) / count, 'device': device}


def main() -> int:
    """Measure, print the result, and return the exit status."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--config', required=True)
    parser.add_argument('--data-dir')
    args, overrides = parser.parse_known_args()
    cores.keep_to_own()
    try:
        result = time_recipe(args.config, overrides, args.data_dir)
    except UserError as error:
        print(f'cnn-bench: error: {error}', file=sys.stderr)
        return error.exit_status
    print(json.dumps(result))
    return 0


if __name__ == '__main__':
    sys.exit(main())
