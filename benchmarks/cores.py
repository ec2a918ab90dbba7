"""The speed of two simultaneous trials, each with its own CPU cores or both with all cores.

    python benchmarks/cores.py [NAME ...] [--width W] [--steps N] [--repeats N]

Each repeat trains two runs of a network at the same time, first one way and then the other, in the worker processes of
`cnn-bench sweep`. The time is `train_s` of the slower run: training steps without compilation. Printed is the ratio of
the times, all cores / own cores: median, lowest and highest over the repeats.
"""

import argparse
import json
import os
import statistics
import tempfile
from pathlib import Path

from cnn_bench.models import registry
from cnn_bench.runtime import cores
from cnn_bench.sweep.process import spawn

RECIPE = Path(__file__).parents[1] / 'configs' / 'compare.py'


def main() -> None:
    """Measure and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('names', nargs='*', default=['resnet20', 'vgg11_bn'], metavar='NAME')
    parser.add_argument('--width', type=float, default=0.25)
    parser.add_argument('--steps', type=int, default=150)
    parser.add_argument('--repeats', type=int, default=3)
    args = parser.parse_args()
    print(f'{len(cores.available())} cores; time with all cores / with own cores: median (lowest to highest)')
    for name in args.names:
        ratios = []
        for _ in range(args.repeats):
            every, own = (_train(name, args, environments) for environments in ([{}, {}], _own()))
            ratios.append(every / own)
        median = statistics.median(ratios)
        print(f'{name} x{args.width:g}: {median:.2f} ({min(ratios):.2f} to {max(ratios):.2f})', flush=True)


def _own() -> list[dict[str, str]]:
    return cores.shares(2, cores.available())


def _train(name: str, args: argparse.Namespace, environments: list[dict[str, str]]) -> float:
    """Seconds of training steps of the slower of two simultaneous runs."""
    fields = {'model.arch': name, 'model.width': args.width, 'total_steps': args.steps, 'batch_size': 50, 'devices': 1}
    if not registry.get(name).family.startswith(('resnet_cifar', 'lenet', 'fashion_cnn')):
        fields['model.stem'] = 'small'
    arguments = ['--config', str(RECIPE), *(f'--config.{field}={value}' for field, value in fields.items())]
    with tempfile.TemporaryDirectory() as out:
        places = [Path(out) / str(number) for number in range(len(environments))]
        for place in places:
            place.mkdir()
        running = [
            spawn(arguments, place, None, 0.0, {**os.environ, **environment})
            for place, environment in zip(places, environments, strict=True)
        ]
        for process in running:
            if process.wait():
                raise SystemExit(f'a run of {name} ended with status {process.returncode}')
        return max(json.loads((place / 'summary.json').read_text())['train_s'] for place in places)


if __name__ == '__main__':
    main()
