"""The arguments by which `predict`, `features` and `retrieve` are given a model."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cnn_bench.trained import TrainedModel


def add_model(parser: argparse.ArgumentParser, batch_size: int) -> None:
    """The arguments that `load` reads, and --batch-size."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument('--workdir', metavar='DIR', help='a run directory; its newest checkpoint is used')
    what.add_argument('--weights', metavar='DIR', help='what `cnn-bench weights import` wrote')
    parser.add_argument('--batch-size', type=at_least_one, default=batch_size, metavar='B', help='images at a time')
    parser.add_argument('--data-dir', help='where prepared data sets are; default: CNN_BENCH_DATA, then that of TFDS')
    parser.add_argument('--json', action='store_true', help='print JSON')


def load(args: argparse.Namespace) -> 'TrainedModel':
    """The trained network that the arguments choose, with the names of --classes where a command has it."""
    from cnn_bench import trained
    from cnn_bench.trained.load import read_class_names
    from cnn_bench.trained.model import check_classifies

    model = trained.load(args.workdir or args.weights, args.data_dir)
    check_classifies(model)
    classes = getattr(args, 'classes', None)
    return model.with_class_names(read_class_names(classes)) if classes is not None else model


def at_least_one(text: str) -> int:
    """A whole number above 0, for argparse."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f'{text!r} is no whole number above 0')
    return number
