"""Measure loss, top-1 and top-5 error on a split; every image counts once.

  cnn-bench eval --workdir runs/lenet5                           a run on its test images
  cnn-bench eval --workdir runs/lenet5 --split validation        on its validation images
  cnn-bench eval --weights weights/resnet50 --dataset imagenet   imported weights, on a prepared data set
  cnn-bench eval --weights weights/alexnet --dataset imagenet --crops 10      as AlexNet was
  cnn-bench eval --weights weights/googlenet --dataset imagenet --crops 144   as GoogLeNet was
  cnn-bench eval --weights weights/vgg16 --dataset imagenet --dense           as VGG and ResNet were

A run is evaluated with the weights that were tested; an unfinished one with those of its newest checkpoint. Ten crops
are four corners, the centre and their mirrors, probabilities averaged; 144 are crops at four scales; --dense takes
whole pictures at several scales.

By default an image is one crop at its centre, by the preprocessing of the network. The result says which protocol it
is of. Dense evaluation compiles the network for every size of picture that there is; `--cut-to 32` makes these few.
"""

import argparse
from typing import TYPE_CHECKING

from cnn_bench.cli import arguments, output
from cnn_bench.cli.tracking import tracking
from cnn_bench.data.progress import Track
from cnn_bench.errors import UserError, unknown

if TYPE_CHECKING:
    from cnn_bench.training.protocol import Asked

PARTS = ('test', 'validation')  # of a run's data that can be evaluated


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `cnn-bench eval`."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument('--workdir', metavar='DIR', help='a run directory')
    what.add_argument('--weights', metavar='DIR', help='a directory written by `cnn-bench weights import`')
    parser.add_argument('--dataset', metavar='NAME', help='a data set; needed with --weights')
    parser.add_argument(
        '--split', help="of a run, test or validation; with --weights a split of the data set's (default: test)"
    )
    parser.add_argument(
        '--batch-size',
        type=arguments.whole(1),
        metavar='B',
        help='images per batch, with --weights (default: 64, or fewer of several views)',
    )
    arguments.add_dtype(parser)
    _add_protocol(parser)
    arguments.add_data_dir(parser)
    parser.add_argument('--json', action='store_true', help='print JSON')


def _add_protocol(parser: argparse.ArgumentParser) -> None:
    views = parser.add_mutually_exclusive_group()
    views.add_argument(
        '--crops',
        type=arguments.whole(1),
        choices=(1, 10, 144),
        default=1,
        help='crops of each image, mirrors included (default: 1)',
    )
    views.add_argument('--dense', action='store_true', help='whole pictures, at several scales')
    parser.add_argument(
        '--scales',
        type=_sides,
        default=(),
        metavar='S,S,...',
        help="shorter sides of the resized pictures in pixels (default: the paper's, in proportion to the input)",
    )
    parser.add_argument(
        '--flip', action=argparse.BooleanOptionalAction, help='mirrors too (default: as in the paper of the protocol)'
    )
    parser.add_argument(
        '--average', choices=('probabilities', 'logits'), help='what is averaged over views (default: as in the paper)'
    )
    parser.add_argument(
        '--cut-to',
        type=arguments.whole(1),
        default=1,
        metavar='M',
        help='with --dense: cut the longer side of pictures to a multiple of M pixels',
    )


def _sides(text: str) -> list[int]:
    return list(map(arguments.whole(1, 10_000), text.split(',')))


def run(args: argparse.Namespace) -> None:
    """Evaluate, and print the metrics."""
    from cnn_bench.runs.columns import ERRORS

    with tracking() as track:
        result = _of_weights(args, track) if args.weights else _of_run(args, track)
    if args.json:
        output.print_json(result)
        return
    what = (
        f'at step {result["step"]} on {result["split"]}'
        if 'step' in result
        else f'from {result["weights"]} on {result["dataset"]}'
    )
    errors = ', '.join(f'{words} {result[name]:.2f} %' for name, words in ERRORS.items() if name in result)
    output.print_line(
        f'{result["arch"]} {what}: {errors}, loss {result["loss"]:.4f}, {result["images"]:,} images, '
        f'{result["protocol"]}'
    )


def _of_run(args: argparse.Namespace, track: Track) -> dict:
    from cnn_bench.training.evaluate import evaluate_run

    for option in ('dataset', 'batch_size', 'dtype'):
        if getattr(args, option) is not None:
            flag = option.replace('_', '-')
            raise UserError(f'eval: --{flag} needs --weights; a run is evaluated as its recipe says')
    if args.split not in (None, *PARTS):
        raise unknown('--split of a run', args.split, PARTS)
    return evaluate_run(args.workdir, args.split or PARTS[0], args.data_dir, _asked(args), track)


def _of_weights(args: argparse.Namespace, track: Track) -> dict:
    from cnn_bench.training.evaluate import evaluate_weights

    if not args.dataset:
        raise UserError('eval: --weights needs --dataset; see `cnn-bench data list`')
    split, asked = args.split or 'test', _asked(args)
    return evaluate_weights(args.weights, args.dataset, split, args.data_dir, args.batch_size, asked, track, args.dtype)


def _asked(args: argparse.Namespace) -> 'Asked':
    from cnn_bench.training.protocol import Asked

    return Asked(args.crops, args.dense, tuple(args.scales), args.flip, args.average, args.cut_to)
