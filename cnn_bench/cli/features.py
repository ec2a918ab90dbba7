"""Write what a layer makes of every image of a data set to a file, for other tools.

  cnn-bench features --workdir runs/lenet5 --list-layers
  cnn-bench features --workdir runs/lenet5 --dataset fashion_mnist --layer c5 --out c5.npz
  cnn-bench features --weights weights/resnet50 --dataset flowers --layer stage4 --pool mean --out f.parquet

Layers are called as in `cnn-bench cost --layers`; 'features' is the last map before the head. In .npz: features
(n, ...), labels (n,), indices (n,); in .parquet: index, label, features. Images are prepared as in `cnn-bench eval`.
"""

import argparse
import json

from cnn_bench.cli import model_arguments
from cnn_bench.cli.tracking import tracking
from cnn_bench.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `cnn-bench features`."""
    model_arguments.add_model(parser, batch_size=64)
    parser.add_argument('--dataset', metavar='NAME', help='a prepared data set')
    parser.add_argument('--split', default='test', help='its split')
    parser.add_argument('--layer', metavar='PATH', help='the layer')
    parser.add_argument('--pool', choices=('none', 'mean'), default='none', help='average maps over their pixels')
    parser.add_argument('--out', metavar='FILE', help='the file, .npz or .parquet')
    parser.add_argument('--list-layers', action='store_true', help='print the layers and the shapes of their outputs')


def run(args: argparse.Namespace) -> None:
    """List the layers, or write features."""
    if not args.list_layers:
        missing = [flag for flag in ('dataset', 'layer', 'out') if getattr(args, flag) is None]
        if missing:
            raise UserError(f'features: give {" and ".join(f"--{flag}" for flag in missing)}, or --list-layers')
    (_list if args.list_layers else _write)(args)


def _list(args: argparse.Namespace) -> None:
    from cnn_bench.inference import list_layers

    layers = list_layers(model_arguments.load(args))
    if args.json:
        print(json.dumps([{'layer': path, 'shape': list(shape)} for path, shape in layers.items()], indent=1))
        return
    width = max(map(len, layers))
    for path, shape in layers.items():
        print(f'{path:<{width}}  {"x".join(map(str, shape))}')


def _write(args: argparse.Namespace) -> None:
    from cnn_bench.inference import feature_files, features

    out = feature_files.check(args.out)
    model = model_arguments.load(args)
    of = (args.dataset, args.split, args.layer, args.pool, args.batch_size, args.data_dir)
    with tracking() as track:
        made = features.extract(model, *of, track)
        feature_files.write(made, out)
    if args.json:
        print(json.dumps({**made.about, 'out': str(out), 'shape': [made.count, *made.shape]}, indent=1))
    else:
        shape = 'x'.join(map(str, (made.count, *made.shape)))
        print(f'{out}: {shape} of {args.layer} of {model.arch} on {args.dataset}, {args.split}')
