"""Count the parameters, multiply-adds and memory of architectures from their shapes. Nothing is run.

MACs are the multiply-adds of convolutions and dense layers, including padding; flops, in the JSON and CSV output, are
twice as many. Activations are the outputs of convolution, dense and pooling layers.

  cnn-bench cost resnet50 vgg16
  cnn-bench cost resnet20 --layers
  cnn-bench cost vgg16 --layers --receptive-field
  cnn-bench cost resnet18 --size 32 --stem small --classes 10 --train
  cnn-bench cost --all --csv
  cnn-bench cost path/to/mynet.py:MyNet --size 32 --classes 10

The last counts a network of yours, a class that derives from cnn_bench.models.blocks.Classifier (package.module:MyNet
names one in an installed package), and prints its line for cnn_bench/models/registry.py, for those who want its counts
tested. What its file may say of it, such as SIZE and YEAR: cnn_bench/models/own.py.
"""

import argparse
import dataclasses
from collections.abc import Iterable
from functools import partial
from typing import Any

from cnn_bench.cli import arguments, output
from cnn_bench.cli.output import Heading
from cnn_bench.cli.tracking import status
from cnn_bench.errors import UserError

SUMMARY = ('params', 'param_bytes', 'macs', 'flops', 'elementwise_ops', 'reduction_ops', 'pooling_ops')
TRAINING = ('train_params', 'train_macs', 'train_residual_bytes')
LAYER = ('params', 'macs', 'elementwise_ops', 'reduction_ops', 'pooling_ops', 'activation_bytes')
BUILD_FIELDS = {'classes': 'num_classes', 'width': 'width', 'stem': 'stem'}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `cnn-bench cost`."""
    parser.add_argument(
        'names', nargs='*', metavar='NAME', help='an architecture (see `cnn-bench list`), or FILE.py:NAME'
    )
    parser.add_argument('--all', action='store_true', help='every registered architecture')
    shape = parser.add_argument_group('shape', 'default: what the architecture was designed for')
    shape.add_argument('--size', type=arguments.whole(1), metavar='N', help='height and width of the image')
    shape.add_argument('--channels', type=arguments.whole(1), metavar='C', help='channels of the image')
    shape.add_argument('--classes', type=arguments.whole(1), metavar='K', help='number of classes')
    shape.add_argument(
        '--width', type=arguments.number_above(0), metavar='W', help='multiplier of the number of channels'
    )
    shape.add_argument('--stem', metavar='S', help='"small" for small images, if the architecture has one')
    parser.add_argument('--batch', type=arguments.whole(1), default=1, metavar='B', help='images per batch')
    parser.add_argument('--layers', action='store_true', help='a row per layer')
    parser.add_argument('--receptive-field', action='store_true', help='the receptive field of each layer, in pixels')
    parser.add_argument('--train', action='store_true', help='count a training step as well')
    form = parser.add_mutually_exclusive_group()
    for name in ('json', 'csv', 'markdown'):
        form.add_argument(f'--{name}', dest='form', action='store_const', const=name, help=f'print {name}')


def run(args: argparse.Namespace) -> int:
    """Count the requested architectures and print the result in the requested format."""
    from cnn_bench.models import registry
    from cnn_bench.runtime import processes

    if args.all == bool(args.names):
        raise UserError('cost: give the names of architectures, or --all')
    if args.receptive_field and not args.layers:
        raise UserError('cost: --receptive-field is a column of --layers')
    names = registry.names() if args.all else args.names
    entries = {name: registry.get(name) for name in names}  # raises for an unknown name before anything is counted
    records = processes.each(partial(_count, args=args), list(entries))
    shown = status(list(entries), lambda name: f'counting {name}')
    counted = [record for _, record in zip(shown, records, strict=True)]
    _PRINT[args.form](counted, args)
    return 0


def _count(name: str, args: argparse.Namespace) -> dict:
    """The JSON record of an architecture."""
    from cnn_bench.complexity import model_cost
    from cnn_bench.models import registry

    fields = {f: getattr(args, o) for o, f in BUILD_FIELDS.items() if getattr(args, o) is not None}
    arch = registry.get(name)
    h, w, c = arch.input_shape
    shape = (args.size or h, args.size or w, args.channels or c)
    try:
        module = registry.build(name, **fields)
        registry.check_runs(name, module, shape)
        cost = model_cost(module, shape, args.batch, args.train)
        seen = _receptive_fields(module, shape, cost.layers) if args.receptive_field else {}
    except UserError as error:
        raise UserError(f'{name}: {error}') from error
    record = {'arch': name, 'input_shape': list(cost.input_shape)}
    record['num_classes'] = arch.num_classes if args.classes is None else args.classes
    record |= {column: getattr(cost, column) for column in (*SUMMARY, 'activation_bytes')}
    if args.train:
        record |= {column: getattr(cost, column) for column in TRAINING}
    if arch.params is None:
        record['registry_line'] = _registry_line(name, arch, args)
    if args.layers:
        record['layers'] = [_layer(layer) | seen.get(number, {}) for number, layer in enumerate(cost.layers)]
    if args.layers and args.train:
        record['train_layers'] = [_layer(layer) for layer in cost.train_layers]
    return record


def _registry_line(name: str, arch: Any, args: argparse.Namespace) -> str:
    """The line of the registry for a network outside of it: at width 1, its size and classes as asked for."""
    from cnn_bench.complexity import model_cost
    from cnn_bench.models import registry

    asked = {'size': args.size, 'channels': args.channels, 'num_classes': args.classes}
    changed = {fact: value for fact, value in asked.items() if value is not None}
    native = dataclasses.replace(arch, **changed)
    cost = model_cost(registry.build(name, num_classes=native.num_classes), native.input_shape)
    return registry.line(name, cost.params, cost.macs, **changed)


def _receptive_fields(module: Any, shape: tuple[int, int, int], layers: Iterable[Any]) -> dict[int, dict]:
    """By index of the row: [height, width] of the receptive field, 'image' for all of it, or None if not a layer."""
    from cnn_bench.complexity import model_receptive_fields

    fields = {number: {'receptive_field': None} for number, _ in enumerate(layers)}
    counted = [number for number, layer in enumerate(layers) if layer.op in ('conv', 'dense', 'pool')]
    for number, field in zip(counted, model_receptive_fields(module, shape).layers, strict=True):
        fields[number]['receptive_field'] = 'image' if None in field.size else list(field.size)
    return fields


def _layer(layer: Any) -> dict:
    head = {'path': layer.path, 'op': layer.op, 'output_shape': list(layer.output_shape)}
    return head | {column: getattr(layer, column) for column in LAYER}


def _print_json(counted: list[dict], args: argparse.Namespace) -> None:
    output.print_json(counted)


def _print_csv(counted: list[dict], args: argparse.Namespace) -> None:
    if args.layers:
        rows = [
            {'arch': record['arch'], **({'counted': title} if args.train else {}), **layer}
            for record in counted
            for title, layers in _layer_lists(record)
            for layer in layers
        ]
    else:
        rows = [{key: value for key, value in record.items() if key != 'registry_line'} for record in counted]
    output.print_csv([{key: by_x(v) if isinstance(v, list) else v for key, v in row.items()} for row in rows])


def _print_markdown(counted: list[dict], args: argparse.Namespace) -> None:
    for title, header, rows in _tables(counted, args):
        print(f'### {title}\n' if title else '', end='\n' if title else '')
        output.print_markdown(_columns(header), rows)
        print(end='\n' if title else '')
    _print_registry_lines(counted, '    ')


def _print_text(counted: list[dict], args: argparse.Namespace) -> None:
    for title, header, rows in _tables(counted, args):
        output.print_table(_columns(header), rows, title)
    _print_registry_lines(counted)


def _print_registry_lines(counted: list[dict], indent: str = '') -> None:
    lines = [record['registry_line'] for record in counted if 'registry_line' in record]
    if lines:
        print(f'{chr(10) if indent else ""}for ARCHS in cnn_bench/models/registry.py, once the file lies beside it:')
        print(*([''] if indent else []), *(f'{indent}{line}' for line in lines), sep='\n')


def _columns(header: list[str]) -> list[Heading]:
    return [Heading(name, number=name not in ('arch', 'layer', 'op'), folds=True) for name in header]


def _tables(counted: list[dict], args: argparse.Namespace) -> Iterable[tuple[str, list[str], list[list[str]]]]:
    """Title, header and cells of each table for text and Markdown."""
    header = ['arch', 'input', 'classes', 'params', 'MACs', 'weights', 'activations']
    if args.train:
        header += ['training MACs', 'kept for backward']
    yield '', header, [_summary_cells(record, args) for record in counted]
    for record in counted if args.layers else ():
        for title, layers in _layer_lists(record):
            head = [
                'layer',
                'op',
                'output',
                'params',
                'MACs',
                'elementwise',
                'reduced',
                'pooled',
                'activations',
            ]
            seen = ['receptive field'] if args.receptive_field and title == 'forward' else []
            yield f'{record["arch"]}, {title}', head + seen, [_layer_cells(layer) for layer in layers]


def _summary_cells(record: dict, args: argparse.Namespace) -> list[str]:
    cells = [record['arch'], by_x(record['input_shape']), str(record['num_classes'] or '–')]
    cells += [in_thousands(record['params']), in_thousands(record['macs'])]
    cells += [in_bytes(record['param_bytes']), in_bytes(record['activation_bytes'])]
    if args.train:
        cells += [in_thousands(record['train_macs']), in_bytes(record['train_residual_bytes'])]
    return cells


def _layer_cells(layer: dict) -> list[str]:
    path = layer['path'] or '(top)'
    *counts, size = (layer[column] for column in LAYER)
    cells = [path, layer['op'], by_x(layer['output_shape']) or '–', *map(in_thousands, counts), in_bytes(size)]
    if 'receptive_field' in layer:
        field = layer['receptive_field'] or '–'
        cells.append(field if isinstance(field, str) else by_x(field))
    return cells


def _layer_lists(record: dict) -> Iterable[tuple[str, list[dict]]]:
    yield 'forward', record['layers']
    if 'train_layers' in record:
        yield 'training step', record['train_layers']


def by_x(shape: Iterable[int]) -> str:
    """[1, 224, 224, 3] as '1x224x224x3'."""
    return 'x'.join(map(str, shape))


def in_thousands(number: int) -> str:
    """A count with three digits: 4_089_184_256 as '4.09 G'. 0 is a dash."""
    return _scaled(number, 1000, ('', ' k', ' M', ' G', ' T', ' P'))


def in_bytes(number: int) -> str:
    """A number of bytes with three digits: 12_000_000 as '11.4 MiB'. 0 is a dash."""
    return _scaled(number, 1024, (' B', ' KiB', ' MiB', ' GiB', ' TiB', ' PiB'))


def _scaled(number: int, base: int, units: tuple[str, ...]) -> str:
    if not number:
        return '–'
    value, unit = float(number), 0
    while value >= base and unit < len(units) - 1:
        value, unit = value / base, unit + 1
    digits = 0 if unit == 0 or value >= 100 else 1 if value >= 10 else 2
    return f'{value:.{digits}f}{units[unit]}'


_PRINT = {None: _print_text, 'json': _print_json, 'csv': _print_csv, 'markdown': _print_markdown}
