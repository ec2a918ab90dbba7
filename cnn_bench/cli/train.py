"""Train one network by a recipe into a run directory. The same command again goes on from the last checkpoint.

Any field of the recipe is set with --config.FIELD=VALUE, e.g.

  cnn-bench train --config configs/lenet5.py --workdir runs/lenet5 --config.optimizer.learning_rate=0.05
"""

import argparse

TAKES_OVERRIDES = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `cnn-bench train`."""
    parser.add_argument('--config', required=True, metavar='FILE[:ARG]', help='the recipe, a file with get_config(arg)')
    parser.add_argument('--workdir', required=True, help='the run directory')
    parser.add_argument('--data-dir', help='where prepared data sets are; default: CNN_BENCH_DATA, then that of TFDS')


def run(args: argparse.Namespace, overrides: list[str]) -> None:
    """Train, and print the result in a line."""
    from cnn_bench.training import recipe

    config = recipe.load(args.config, recipe.parse_overrides(overrides))
    from cnn_bench.training.loop import train

    summary = train(config, args.workdir, args.data_dir)
    rate = f', {summary["images_per_s"]:,.0f} images/s' if summary['images_per_s'] else ''
    print(
        f'{config.model.arch}: top-1 error {summary["top1_err_pct"]:.2f} %, '
        f'top-5 error {summary["top5_err_pct"]:.2f} %, test loss {summary["test_loss"]:.4f}{rate}; {args.workdir}'
    )
