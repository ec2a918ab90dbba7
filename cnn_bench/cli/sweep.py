"""Run the trials of an experiment, each in a process of its own. One that fails does not stop the others; the same
command again runs what is not finished."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `cnn-bench sweep`."""
    parser.add_argument('experiment', help='a file of experiments/')
    parser.add_argument('--preset', default='demo', help='the scale: demo takes minutes on two CPU cores')
    parser.add_argument('--seeds', type=int, default=1, metavar='N', help='run each variant with seeds 0 ... N-1')
    parser.add_argument('--jobs', type=int, default=1, metavar='N', help='trials that run at once')
    parser.add_argument('--out', type=Path, help='the directory of the sweep (default: runs/EXPERIMENT-PRESET)')
    parser.add_argument('--data-dir', help='where prepared data sets are; default: CNN_BENCH_DATA, then that of TFDS')


def run(args: argparse.Namespace) -> None:
    """Run the sweep, and print where it is and its answer."""
    from cnn_bench.errors import UserError

    for name in ('seeds', 'jobs'):
        if getattr(args, name) < 1:
            raise UserError(f'--{name} is {getattr(args, name)}; it must be at least 1')
    from cnn_bench.sweep import Experiment, Sweep

    experiment = Experiment.load(args.experiment)
    out = args.out or Path('runs') / f'{experiment.path.stem}-{args.preset}'
    sweep = Sweep(experiment, args.preset, args.seeds, out, args.data_dir)
    print(f'{experiment.question}\n{len(sweep.trials)} trials in {out}', flush=True)
    sweep.run(args.jobs)
    print(f'done; `cnn-bench report {out}` draws the charts')
