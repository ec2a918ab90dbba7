"""Arguments that several commands share."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cnn_bench.trained import TrainedModel


def add_data_dir(parser: argparse.ArgumentParser) -> None:
    """--data-dir."""
    parser.add_argument(
        '--data-dir',
        metavar='DIR',
        help='directory of prepared data sets (default: $CNN_BENCH_DATA, else that of TFDS, ~/tensorflow_datasets)',
    )


def add_model(parser: argparse.ArgumentParser, batch_size: int) -> None:
    """The arguments that `load_model` reads, --batch-size and --json."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument('--workdir', metavar='DIR', help='a run directory; its newest checkpoint is used')
    what.add_argument('--weights', metavar='DIR', help='a directory written by `cnn-bench weights import`')
    parser.add_argument('--batch-size', type=at_least_one, default=batch_size, metavar='B', help='images per batch')
    add_data_dir(parser)
    parser.add_argument('--json', action='store_true', help='print JSON')


def load_model(args: argparse.Namespace) -> 'TrainedModel':
    """The trained network named by --workdir or --weights, with the class names of --class-names if there are any."""
    from cnn_bench import trained
    from cnn_bench.trained.class_names import read_class_names
    from cnn_bench.trained.model import check_classifies

    model = trained.load(args.workdir or args.weights, args.data_dir)
    check_classifies(model)
    names = getattr(args, 'class_names', None)
    return model if names is None else model.with_class_names(read_class_names(names))


def at_least_one(text: str) -> int:
    """An integer above 0, for argparse."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f'{text!r} is not a whole number above 0')
    return number
