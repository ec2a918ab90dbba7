"""Measure loss, top-1 and top-5 error on a split; every image counts once.

cnn-bench eval --workdir runs/lenet5                           a run on its test images: the weights that were tested,
                                                               or those of the newest checkpoint of an unfinished run
cnn-bench eval --workdir runs/lenet5 --split validation        on its validation images
cnn-bench eval --weights weights/resnet50 --dataset imagenet   imported weights, on a prepared data set
"""

import argparse

from cnn_bench.cli import arguments, output
from cnn_bench.errors import UserError, unknown

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
        '--batch-size', type=arguments.whole(1), metavar='B', help='images per batch, with --weights (default: 64)'
    )
    arguments.add_data_dir(parser)
    parser.add_argument('--json', action='store_true', help='print JSON')


def run(args: argparse.Namespace) -> None:
    """Evaluate, and print the metrics."""
    result = _of_weights(args) if args.weights else _of_run(args)
    if args.json:
        output.print_json(result)
        return
    what = (
        f'at step {result["step"]} on {result["split"]}'
        if 'step' in result
        else f'from {result["weights"]} on {result["dataset"]}'
    )
    output.print_line(
        f'{result["arch"]} {what}: top-1 error {result["top1_err_pct"]:.2f} %, '
        f'top-5 error {result["top5_err_pct"]:.2f} %, loss {result["loss"]:.4f}, {result["images"]:,} images'
    )


def _of_run(args: argparse.Namespace) -> dict:
    from cnn_bench.training.evaluate import evaluate_run

    for option in ('dataset', 'batch_size'):
        if getattr(args, option) is not None:
            flag = option.replace('_', '-')
            raise UserError(f'eval: --{flag} needs --weights; a run is evaluated as its recipe says')
    if args.split not in (None, *PARTS):
        raise unknown('--split of a run', args.split, PARTS)
    return evaluate_run(args.workdir, args.split or PARTS[0], args.data_dir)


def _of_weights(args: argparse.Namespace) -> dict:
    from cnn_bench.training.evaluate import evaluate_weights

    if not args.dataset:
        raise UserError('eval: --weights needs --dataset; see `cnn-bench data list`')
    batch_size = 64 if args.batch_size is None else args.batch_size
    return evaluate_weights(args.weights, args.dataset, args.split or 'test', args.data_dir, batch_size)
