"""Write the output of a layer for every image of a data set to a file, for other tools.

  cnn-bench features --workdir runs/lenet5 --list-layers
  cnn-bench features --workdir runs/lenet5 --dataset fashion_mnist --layer c5 --out c5.npz
  cnn-bench features --weights weights/resnet50 --dataset flowers --layer stage4 --pool mean --out f.parquet

Layers have the names that `cnn-bench cost --layers` prints; 'features' is the input of the head. The .npz file holds
features (n, ...), labels (n,) and indices (n,), the .parquet file the columns index, label and features. Images are
preprocessed as in `cnn-bench eval`.
"""

import argparse

from cnn_bench.cli import arguments, output
from cnn_bench.cli.output import Column, by_x
from cnn_bench.cli.tracking import tracking
from cnn_bench.errors import UserError

COLUMNS = Column('layer'), Column('shape', text=by_x)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `cnn-bench features`."""
    arguments.add_model(parser, batch_size=64)
    output.add_form(parser, COLUMNS)
    parser.add_argument('--dataset', metavar='NAME', help='a data set')
    parser.add_argument('--split', default='test', help='split of the data set')
    parser.add_argument('--layer', metavar='NAME', help='the layer')
    parser.add_argument(
        '--pool',
        choices=('none', 'mean'),
        default='none',
        help='mean: average each channel over its pixels',
    )
    parser.add_argument('--out', metavar='FILE', help='the file to write, .npz or .parquet')
    parser.add_argument('--list-layers', action='store_true', help='print the layers and their output shapes')


def run(args: argparse.Namespace) -> None:
    """List the layers, or write features."""
    if not args.list_layers:
        missing = [flag for flag in ('dataset', 'layer', 'out') if getattr(args, flag) is None]
        if missing:
            raise UserError(f'features: give {" and ".join(f"--{flag}" for flag in missing)}, or --list-layers')
    (_list if args.list_layers else _write)(args)


def _list(args: argparse.Namespace) -> None:
    from cnn_bench.inference import list_layers

    layers = list_layers(arguments.load_model(args))
    rows = [{'layer': path, 'shape': list(shape)} for path, shape in layers.items()]
    if args.json:
        output.print_json(rows)
    else:
        output.print_table(COLUMNS, rows, args)


def _write(args: argparse.Namespace) -> None:
    from cnn_bench.inference import feature_files, features

    out = feature_files.check(args.out)
    model = arguments.load_model(args)
    of = (args.dataset, args.split, args.layer, args.pool, args.batch_size, args.data_dir)
    with tracking() as track:
        made = features.extract(model, *of, track)
        feature_files.write(made, out)
    if args.json:
        output.print_json({**made.about, 'out': str(out), 'shape': [made.count, *made.shape]})
    else:
        shape = by_x((made.count, *made.shape))
        output.print_line(f'{out}: {shape} of {args.layer} of {model.arch} on {args.dataset}, {args.split}')
