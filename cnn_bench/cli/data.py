"""List, prepare and check data sets. Nothing is downloaded.

  cnn-bench data list
  cnn-bench data prepare fashion_mnist --from ~/Downloads/fashion
  cnn-bench data prepare imagenet --from ~/ILSVRC2012
  cnn-bench data prepare cifar10 --from ~/Downloads/cifar-10-python.tar.gz
  cnn-bench data check fashion_mnist

Prepared sets are kept in the data directory: --data-dir, else the environment variable CNN_BENCH_DATA, else that of
TFDS (~/tensorflow_datasets). The sets that are packaged with cnn_bench need no preparation.
"""

import argparse
import sys

from cnn_bench import data
from cnn_bench.cli import arguments, output
from cnn_bench.cli.output import Column, by_x, count
from cnn_bench.cli.tracking import tracking
from cnn_bench.data import locate
from cnn_bench.errors import UserError
from cnn_bench.runtime.memory import MIB

COLUMNS = (
    Column('name'),
    Column('sizes', 'images', lambda sizes: ' + '.join(f'{size:,} {split}' for split, size in sizes.items())),
    count('num_classes', 'classes'),
    Column('image_shape', 'shape', by_x, rank=1),
    Column('channels', number=True, rank=4),
    Column('reduced', text=lambda reduced: f'shorter side at most {reduced["shorter_side"]}', rank=5),
    Column('total_bytes', 'size (MiB)', lambda size: f'{size / MIB:,.1f}', True, rank=2),
    Column('directory', rank=3),
    Column('problem'),
)
_PREPARE = """Make a data set from a file or a directory of one of these forms:

{forms}

Nothing is unpacked to disk, and no code that a file holds is run. Splits are called train, test, validation (MedMNIST's
val, val/ beside test/) and extra (SVHN); ImageNet's validation pictures, which have public labels, are its split test.
EMNIST's images, which are transposed in its files, are turned upright. Odd picture files (CMYK, greyscale in a set of
colours, a PNG named .JPEG, bad EXIF) are read, converted where needed, and counted."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The actions `list`, `prepare` and `check`, and their flags."""
    from cnn_bench.data import readers
    from cnn_bench.data.readers.known_classes import CLASS_NAMES
    from cnn_bench.data.reduce import QUALITY

    known = ', '.join(sorted(CLASS_NAMES))
    actions = parser.add_subparsers(dest='action', required=True, metavar='ACTION')
    common = argparse.ArgumentParser(add_help=False)
    arguments.add_data_dir(common)
    json = argparse.ArgumentParser(add_help=False)
    json.add_argument('--json', action='store_true', help='print JSON')

    listed = actions.add_parser('list', parents=[common], help='list prepared and packaged sets')
    output.add_form(listed, COLUMNS)
    check = actions.add_parser('check', parents=[common, json], help='read and verify every image of a set')
    check.add_argument('name', metavar='NAME', help='a data set, see `cnn-bench data list`')
    prepare = actions.add_parser(
        'prepare',
        parents=[common, json],
        help='make a set from archives or folders of ImageNet, CIFAR, SVHN, IDX or .npz files, or class folders',
        description=_PREPARE.format(forms='\n'.join(f'  - {form}' for form in readers.forms())),
    )
    prepare.add_argument(
        'name', metavar='NAME', help=f'name of the new set; for files without class names, those of {known} are known'
    )
    prepare.add_argument(
        '--from', dest='source', required=True, metavar='PATH', help='directory or file, of one of the forms above'
    )
    prepare.add_argument(
        '--skip-unreadable',
        action='store_true',
        help='of pictures in folders and archives: name those that cannot be read, and go on without them',
    )
    prepare.add_argument(
        '--shorter-side',
        type=arguments.whole(1),
        metavar='PIXELS',
        help='resize pictures whose shorter side is larger to this and store them as JPEG; others stay as they are',
    )
    prepare.add_argument(
        '--quality',
        type=arguments.whole(1, 95),
        metavar='Q',
        help=f'of those JPEG files, 1 to 95; {QUALITY} by default',
    )
    prepare.add_argument('--overwrite', action='store_true', help='replace an existing set of that name')


def run(args: argparse.Namespace) -> int:
    """Perform `args.action` and return the exit status."""
    return {'list': _list, 'check': _check, 'prepare': _prepare}[args.action](args)


def _list(args: argparse.Namespace) -> int:
    rows = []
    for name, directory in data.names(args.data_dir).items():
        try:
            rows.append(_describe(data.info(name, args.data_dir)))
        except UserError as error:
            rows.append({'name': name, 'directory': str(directory), 'problem': str(error)})
    if args.json:
        output.print_json(rows)
        return 0
    output.print_table(COLUMNS, rows, args)
    where = locate.data_directory(args.data_dir)
    output.print_note(f'data directory: {where}; `cnn-bench data prepare --help` tells how to add a set')
    return 0


def _check(args: argparse.Namespace) -> int:
    from cnn_bench.data.check import check

    with tracking() as track:
        checked = check(args.name, args.data_dir, track)
    _report(checked, 'whole', args.json)
    return 0


def _prepare(args: argparse.Namespace) -> int:
    from cnn_bench.data.prepare import prepare

    skip = _say_unreadable if args.skip_unreadable else None
    reduction = _reduction(args)
    with tracking() as track:
        prepared = prepare(
            args.name,
            args.source,
            args.data_dir,
            overwrite=args.overwrite,
            track=track,
            skip_unreadable=skip,
            reduction=reduction,
        )
    _report(prepared, 'prepared', args.json)
    return 0


def _reduction(args: argparse.Namespace):
    from cnn_bench.data.reduce import QUALITY, Reduction

    if args.shorter_side is not None:
        return Reduction(args.shorter_side, QUALITY if args.quality is None else args.quality)
    if args.quality is not None:
        raise UserError('--quality needs --shorter-side: files that are not made smaller are stored as they come')
    return None


def _say_unreadable(path: str) -> None:
    output.print_line(f'cnn-bench: left out, unreadable: {path}', sys.stderr)


def _report(info: data.Info, verdict: str, as_json: bool) -> None:
    row = _describe(info)
    if as_json:
        output.print_json(row)
    else:
        odd = ', '.join(f'{count:,} {what}' for what, count in info.oddities.items())
        output.print_line(f'{info.name} is {verdict}: {_line(row)}; from {info.source}{odd and f"; odd files: {odd}"}')


def _describe(info: data.Info) -> dict:
    return {
        'name': info.name,
        'directory': str(info.directory),
        'packaged': locate.is_packaged(info.directory),
        'sizes': info.sizes,
        'num_classes': info.num_classes,
        'class_names': info.class_names,
        'class_ids': info.class_ids,
        'channels': info.channels,
        'image_shape': info.image_shape,
        'mean': info.mean,
        'std': info.std,
        'total_bytes': info.total_bytes,
        'fingerprint': info.fingerprint,
        'source': info.source,
        'oddities': info.oddities,
        'reduced': info.reduced,
    }


def _line(row: dict) -> str:
    sizes = ' + '.join(f'{size:,} {split}' for split, size in row['sizes'].items())
    shape = by_x(row['image_shape'] or ('varying', row['channels']))
    where = 'packaged' if row['packaged'] else row['directory']
    reduced = row['reduced']
    smaller = f'shorter side at most {reduced["shorter_side"]} (JPEG {reduced["quality"]}), ' if reduced else ''
    return f'{sizes}, {row["num_classes"]} classes, {shape}, {smaller}{row["total_bytes"] / MIB:,.1f} MiB, {where}'
