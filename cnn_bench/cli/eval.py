"""Evaluate the newest checkpoint of a run on its test split: loss, top-1 and top-5 error, every image once."""

import argparse
import json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `cnn-bench eval`."""
    parser.add_argument('--workdir', required=True, help='the run directory')
    parser.add_argument('--data-dir', help='where prepared data sets are; default: CNN_BENCH_DATA, then that of TFDS')
    parser.add_argument('--json', action='store_true', help='print JSON')


def run(args: argparse.Namespace) -> None:
    """Evaluate, and print the metrics."""
    from cnn_bench.training.loop import evaluate_run

    result = evaluate_run(args.workdir, args.data_dir)
    if args.json:
        print(json.dumps(result, indent=1))
        return
    print(
        f'{result["arch"]} at step {result["step"]}: top-1 error {result["top1_err_pct"]:.2f} %, '
        f'top-5 error {result["top5_err_pct"]:.2f} %, loss {result["loss"]:.4f}, {result["images"]:,} images'
    )
