"""Arguments that several commands share."""

import argparse
from collections.abc import Callable
from math import nan
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cnn_bench.trained import TrainedModel

LARGEST = 10**9  # of numbers without a smaller bound


def add_data_dir(parser: argparse.ArgumentParser) -> None:
    """--data-dir."""
    parser.add_argument(
        '--data-dir',
        metavar='DIR',
        help='directory of prepared data sets (default: $CNN_BENCH_DATA, else that of TFDS, ~/tensorflow_datasets)',
    )


def add_dtype(parser: argparse.ArgumentParser) -> None:
    """--dtype."""
    parser.add_argument(
        '--dtype',
        choices=('float32', 'bfloat16'),
        help='number format of the computation (default: that of the network, float32 for imported weights)',
    )


def add_model(parser: argparse.ArgumentParser, batch_size: int | None = None) -> None:
    """The arguments that `load_model` reads, and --batch-size if there is one."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument('--workdir', metavar='DIR', help='a run directory; its newest checkpoint is used')
    what.add_argument('--weights', metavar='DIR', help='a directory written by `cnn-bench weights import`')
    if batch_size is not None:
        parser.add_argument('--batch-size', type=whole(1), default=batch_size, metavar='B', help='images per batch')
    add_dtype(parser)
    add_data_dir(parser)


def load_model(args: argparse.Namespace) -> 'TrainedModel':
    """The trained network named by --workdir or --weights, with the class names of --class-names if there are any."""
    from cnn_bench import trained
    from cnn_bench.trained.class_names import read_class_names

    model = trained.load(args.workdir or args.weights, args.data_dir).computing_in(args.dtype)
    names = getattr(args, 'class_names', None)
    return model if names is None else model.with_class_names(read_class_names(names))


def whole(least: int, most: int = LARGEST) -> Callable[[str], int]:
    """A type for argparse: whole numbers from `least` to `most`."""
    return _ranged(int, lambda value: least <= value <= most, f'a whole number, at least {least}{_to(most)}')


def whole_numbers(least: int) -> Callable[[str], list[int]]:
    """A type for argparse: whole numbers from `least` on, separated by commas; sorted, each once."""
    convert = whole(least)
    return lambda text: sorted(set(map(convert, text.split(','))))


def number_above(bound: float) -> Callable[[str], float]:
    """A type for argparse: numbers above `bound`."""
    return _ranged(float, lambda value: bound < value <= LARGEST, f'a number above {bound:g}{_to(LARGEST)}')


def number_from(least: float) -> Callable[[str], float]:
    """A type for argparse: numbers from `least` on."""
    return _ranged(float, lambda value: least <= value <= LARGEST, f'a number, at least {least:g}{_to(LARGEST)}')


def address(text: str) -> str:
    """HOST:PORT, for argparse."""
    host, _, port = text.rpartition(':')
    if not host or not port.isdecimal() or not 0 < int(port[:6]) < 2**16:
        raise argparse.ArgumentTypeError(f'{text!r} is not HOST:PORT, with a port from 1 to {2**16 - 1}')
    return text


def _to(most: int) -> str:
    return f' and at most {most:,}'


def _ranged(kind: type, holds: Callable[[Any], bool], allowed: str) -> Callable[[str], Any]:
    def convert(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            value = nan
        if not holds(value):
            raise argparse.ArgumentTypeError(f'{text[:40]!r} is not {allowed}')
        return value

    return convert
