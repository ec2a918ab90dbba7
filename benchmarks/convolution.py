"""What share of the rate of a large matrix product do convolutions reach on this CPU, and who computes them fastest?

    python benchmarks/convolution.py [--torch-python PYTHON] [--repeats N] [--seconds S]

Contestants: XLA as it comes; XLA without YNNPACK, that is by Eigen; this code base; and, where PYTHON has it, PyTorch
(channels last, by oneDNN). Each runs in a process of its own, one after the other, several times over. A cell has the
median over the repeats of: convolution / gradient of its input / gradient of its kernel, in per cent of the highest
rate of a matrix product of 2048 x 2048 that any of them reached.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from convolution_worker import SHAPES

WORKER = Path(__file__).with_name('convolution_worker.py')
EIGEN = '--xla_cpu_experimental_ynn_fusion_type='


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--torch-python', metavar='PYTHON', help='a Python that has torch')
    parser.add_argument('--repeats', type=int, default=3)
    parser.add_argument('--seconds', type=float, default=0.2, help='of each call in each repeat')
    args = parser.parse_args()
    contestants = {
        'XLA': [sys.executable, 'xla', ''],
        'XLA by Eigen': [sys.executable, 'xla', EIGEN],
        'cnn_bench': [sys.executable, 'cnn_bench', ''],
    }
    if args.torch_python:
        contestants['PyTorch'] = [args.torch_python, 'torch', '']
    found = {name: [] for name in contestants}
    for _ in range(args.repeats):
        for name, (python, what, flags) in contestants.items():
            found[name].append(_measure(python, what, flags, args.seconds))
    peak = max(one['matrix'] for runs in found.values() for one in runs)
    print(f'{platform.processor() or platform.machine()}, {os.cpu_count()} cores, jaxlib {version("jaxlib")}', end=', ')
    print(
        f'{args.repeats} repeats of {args.seconds} s; 100 % = {peak / 1e9:.0f} GFLOP/s, load {os.getloadavg()[0]:.1f}\n'
    )
    print('| images, size, channels, features, taps, stride, groups |', ' | '.join(found), '|')
    print('| --- |' + ' ---: |' * len(found))
    for row, shape in enumerate(SHAPES):
        cells = [_cell([one['rates'][row] for one in runs], peak) for runs in found.values()]
        print('|', ', '.join(map(str, shape)), '|', ' | '.join(cells), '|')


def _measure(python: str, what: str, flags: str, seconds: float) -> dict:
    environment = {**os.environ, 'JAX_PLATFORMS': 'cpu', 'XLA_FLAGS': flags}
    command = [python, str(WORKER), what, str(seconds)]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def _cell(rates: list[list[float]], peak: float) -> str:
    return ' / '.join(f'{100 * statistics.median(column) / peak:.0f}' for column in zip(*rates, strict=True))


if __name__ == '__main__':
    main()
