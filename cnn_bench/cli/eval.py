"""Evaluate on a test split: loss, top-1 and top-5 error, every image once.

cnn-bench eval --workdir runs/lenet5                           the newest checkpoint of a run, on its own data
cnn-bench eval --weights weights/resnet50 --dataset imagenet   imported weights, on a prepared data set
"""

import argparse
import json

from cnn_bench.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `cnn-bench eval`."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument('--workdir', help='a run directory')
    what.add_argument('--weights', metavar='DIR', help='what `cnn-bench weights import` wrote')
    parser.add_argument('--dataset', metavar='NAME', help='a prepared data set; needed with --weights')
    parser.add_argument('--split', help='its split; default: test')
    parser.add_argument('--batch-size', type=int, metavar='B', help='images at a time with --weights; default: 64')
    parser.add_argument('--data-dir', help='where prepared data sets are; default: CNN_BENCH_DATA, then that of TFDS')
    parser.add_argument('--json', action='store_true', help='print JSON')


def run(args: argparse.Namespace) -> None:
    """Evaluate, and print the metrics."""
    result = _of_weights(args) if args.weights else _of_run(args)
    if args.json:
        print(json.dumps(result, indent=1))
        return
    what = f'at step {result["step"]}' if 'step' in result else f'from {result["weights"]} on {result["dataset"]}'
    print(
        f'{result["arch"]} {what}: top-1 error {result["top1_err_pct"]:.2f} %, '
        f'top-5 error {result["top5_err_pct"]:.2f} %, loss {result["loss"]:.4f}, {result["images"]:,} images'
    )


def _of_run(args: argparse.Namespace) -> dict:
    from cnn_bench.training.evaluate import evaluate_run

    for option in ('dataset', 'split', 'batch_size'):
        if getattr(args, option) is not None:
            flag = option.replace('_', '-')
            raise UserError(f'eval: --{flag} goes with --weights; a run is evaluated as its recipe says')
    return evaluate_run(args.workdir, args.data_dir)


def _of_weights(args: argparse.Namespace) -> dict:
    from cnn_bench.training.evaluate import evaluate_weights

    if not args.dataset:
        raise UserError('eval: --weights needs --dataset; `cnn-bench data list` shows what is there')
    batch_size = 64 if args.batch_size is None else args.batch_size
    return evaluate_weights(args.weights, args.dataset, args.split or 'test', args.data_dir, batch_size)
