"""The arguments by which `predict`, `features` and `retrieve` are given a network."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cnn_bench.inference import Network


def add_network(parser: argparse.ArgumentParser, batch_size: int) -> None:
    """The arguments that `load` reads, and --batch-size."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument('--workdir', metavar='DIR', help='a run directory; its newest checkpoint is used')
    what.add_argument('--weights', metavar='DIR', help='what `cnn-bench weights import` wrote')
    parser.add_argument('--batch-size', type=at_least_one, default=batch_size, metavar='B', help='images at a time')
    parser.add_argument('--data-dir', help='where prepared data sets are; default: CNN_BENCH_DATA, then that of TFDS')
    parser.add_argument('--json', action='store_true', help='print JSON')


def load(args: argparse.Namespace) -> 'Network':
    """The network that the arguments ask for."""
    from cnn_bench import inference

    return inference.load(args.workdir, args.weights, args.data_dir, getattr(args, 'classes', None))


def at_least_one(text: str) -> int:
    """A whole number above 0, for argparse."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f'{text!r} is no whole number above 0')
    return number
