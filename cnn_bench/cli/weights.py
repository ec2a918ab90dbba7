"""Convert a file of weights of Keras Applications, torchvision or timm. Nothing is downloaded.

  cnn-bench weights import resnet50 resnet50-11ad3fa6.pth --out weights/resnet50
  cnn-bench eval --weights weights/resnet50 --dataset imagenet

FILE is .safetensors; .pth, .pth.tar, .pt, .bin or .ckpt (only tensors are loaded); or Keras's .h5, .weights.h5 or
.keras. A checkpoint of a training script may hold more than weights, and prefixes such as module. before
their names. A file without a head becomes a base for `train --config.init_from`.
"""

import argparse
import contextlib
import sys

from cnn_bench.cli import arguments, output
from cnn_bench.cli.output import Column
from cnn_bench.errors import UserError

COLUMNS = Column('arch'), Column('libraries', text=', '.join)
SHOWN = 5  # arrays that were set aside


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The actions `import` and `list`, and their arguments."""
    actions = parser.add_subparsers(dest='action', required=True, metavar='ACTION')
    new = actions.add_parser('import', help='convert a file of weights')
    new.add_argument('arch', metavar='ARCH', help='the architecture, see `cnn-bench weights list`')
    new.add_argument('file', metavar='FILE', help='the file of weights')
    new.add_argument(
        '--out',
        required=True,
        metavar='DIR',
        help='the directory to write: a checkpoint, and a record of where it came from',
    )
    new.add_argument(
        '--library', dest='written_by', metavar='NAME', help='library that wrote the file (default: detected)'
    )
    new.add_argument('--classes', type=arguments.whole(1), metavar='K', help="number of classes (default: the file's)")
    new.add_argument(
        '--use', choices=('raw', 'ema'), help='which weights of a checkpoint that has raw ones and an average of them'
    )
    new.add_argument(
        '--class-names',
        metavar='FILE',
        help='file of class names, one a line (default: those of ImageNet for 1,000 classes, else numbers)',
    )
    _add_preprocessing(new)
    known = actions.add_parser('list', help='list the architectures and the libraries whose weights fit')
    output.add_form(known, COLUMNS)


def _add_preprocessing(parser: argparse.ArgumentParser) -> None:
    from cnn_bench.data.preprocessing import INTERPOLATIONS

    look = parser.add_argument_group(
        'preprocessing',
        'how images are prepared; by default as for the published set of weights that the file is, recognised by its '
        'sha256 or its name',
    )
    look.add_argument('--tag', help='name of the published set, such as IMAGENET1K_V2 or a1_in1k')
    look.add_argument(
        '--resize', type=arguments.whole(1), metavar='N', help='shorter side of the image before the crop'
    )
    look.add_argument(
        '--crop', type=arguments.whole(1), metavar='N', help="side of the crop, which is the network's input"
    )
    kinds = ', '.join(INTERPOLATIONS)
    look.add_argument('--interpolation', choices=INTERPOLATIONS, metavar='KIND', help=f'of the resize: {kinds}')
    for name in ('mean', 'std'):
        words = 'subtracted, of values from 0 to 1' if name == 'mean' else 'by which it is divided then'
        look.add_argument(f'--{name}', type=_numbers, metavar='R,G,B', help=words)


def _numbers(text: str) -> list[float]:
    return [arguments.number_from(0)(part) for part in text.split(',')]


def run(args: argparse.Namespace) -> None:
    """Perform `args.action`."""
    {'import': _import, 'list': _list}[args.action](args)


def _import(args: argparse.Namespace) -> None:
    from cnn_bench.pretrained.importer import import_weights
    from cnn_bench.pretrained.preprocessing import FIELDS, in_words
    from cnn_bench.trained.class_names import read_class_names

    names = None if args.class_names is None else read_class_names(args.class_names)
    given = {name: tuple(value) if isinstance(value := getattr(args, name), list) else value for name in FIELDS}
    model = import_weights(
        args.arch, args.file, args.out, args.written_by, args.classes, names, args.tag, given, args.use
    )
    source, classes = model.origin.source, len(model.class_names)
    what = f'{"averaged " if source["use"] == "ema" else ""}weights of {source["file"]} ({source["library"]})'
    output.print_line(f'{args.out}: {args.arch} with the {what}, {f"{classes:,} classes" if classes else "no head"}')
    if aside := source['set_aside']:
        output.print_line(f'set aside: {", ".join(aside[:SHOWN])}{" and more" if len(aside) > SHOWN else ""}')
    if alike := source['library_may_be']:
        output.print_line(
            f'cnn-bench: arrays of {" and ".join(alike)} have the same names, and the network another padding or '
            'epsilon; if these weights are from there, import them with --library',
            sys.stderr,
        )
    output.print_line(f'images: {in_words(model.preprocessing)} ({source["preprocessing"]})')
    if source['preprocessing_guessed']:
        output.print_line(
            'cnn-bench: these weights are no published set that is known; if they expect other images, import them '
            'with --tag or with --resize, --crop, --interpolation, --mean and --std',
            sys.stderr,
        )


def _list(args: argparse.Namespace) -> None:
    from cnn_bench.models import registry
    from cnn_bench.pretrained.layout import layouts_of

    rows = []
    for name in registry.names():
        with contextlib.suppress(UserError):
            rows.append({'arch': name, 'libraries': list(layouts_of(name))})
    if args.json:
        output.print_json(rows)
    else:
        output.print_table(COLUMNS, rows, args)
