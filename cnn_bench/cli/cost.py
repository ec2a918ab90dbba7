"""Count the parameters, multiply-adds and memory of architectures from their shapes. Nothing is run.

A network of branches that are fused for use, as RepVGG, has two rows: as it is trained, and fused.

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
from cnn_bench.cli.output import Column, by_x, count, in_mib
from cnn_bench.cli.tracking import tracking
from cnn_bench.errors import UserError

SUMMARY = ('params', 'param_bytes', 'macs', 'flops', 'elementwise_ops', 'reduction_ops', 'pooling_ops')
TRAINING = ('train_params', 'train_macs', 'train_residual_bytes')
LAYER = ('params', 'macs', 'elementwise_ops', 'reduction_ops', 'pooling_ops', 'activation_bytes')
FORM = Column('form')
COLUMNS = (
    Column('arch'),
    FORM,
    Column('input_shape', 'input', by_x, rank=6),
    count('num_classes', 'classes', rank=7),
    count('params', 'parameters', rank=1),
    count('macs', 'MACs'),
    Column('param_bytes', 'weights (MiB)', in_mib, True, rank=5),
    Column('activation_bytes', 'activations (MiB)', in_mib, True, rank=3),
)
OF_TRAINING = (
    count('train_macs', 'training MACs', rank=2),
    Column('train_residual_bytes', 'kept for backward (MiB)', in_mib, True, rank=4),
)
OF_LAYERS = (
    Column('path', 'layer', lambda path: path or '(top)'),
    Column('op', rank=4),
    Column('output_shape', 'output', by_x, rank=5),
    count('params', 'parameters', rank=1),
    count('macs', 'MACs'),
    count('elementwise_ops', 'elementwise', rank=8),
    count('reduction_ops', 'reduced', rank=9),
    count('pooling_ops', 'pooled', rank=7),
    Column('activation_bytes', 'activations (MiB)', in_mib, True, rank=3),
)
FIELD = Column(
    'receptive_field',
    'receptive field (pixels)',
    lambda field: 'image' if field == 'image' else by_x(field),
    number=True,
    rank=2,
)
WHOSE = Column('arch'), FORM, Column('counted')  # before OF_LAYERS where the layers of all networks are one table
FOR_REGISTRY = 'for ARCHS in cnn_bench/models/registry.py, once the file lies beside it:'
TRAINED, FUSED = 'trained', 'fused'  # forms of a network of branches
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
    form = output.add_form(parser, _each_once((*COLUMNS, *OF_TRAINING, *OF_LAYERS, FIELD, WHOSE[-1])))
    for name in ('csv', 'markdown'):
        form.add_argument(f'--{name}', action='store_true', help=f'print {name}')


def run(args: argparse.Namespace) -> int:
    """Count the requested architectures and print the result in the requested format."""
    from cnn_bench.models import registry
    from cnn_bench.runtime import processes

    if args.all == bool(args.names):
        raise UserError('cost: give the names of architectures, or --all')
    if args.receptive_field and not args.layers:
        raise UserError('cost: --receptive-field is a column of --layers')
    if args.columns:
        known = (*WHOSE, *OF_LAYERS, FIELD) if args.layers else (*COLUMNS, *OF_TRAINING)
        output.check_columns(args.columns, known)
    names = registry.names() if args.all else args.names
    entries = {name: registry.get(name) for name in names}  # raises for an unknown name before anything is counted
    records = processes.each(partial(_count, args=args), list(entries))
    with tracking() as track:
        counted = [record for forms in track(records, 'counting', len(entries)) for record in forms]
    if args.json:
        output.print_json(counted)
    elif args.csv:
        _print_csv(counted, args)
    elif args.markdown:
        _print_markdown(counted, args)
    else:
        _print_tables(counted, args)
    return 0


def _count(name: str, args: argparse.Namespace) -> list[dict]:
    """The JSON record of each form of an architecture: most have one."""
    from cnn_bench.models import registry
    from cnn_bench.models.branches import in_use

    fields = {f: getattr(args, o) for o, f in BUILD_FIELDS.items() if getattr(args, o) is not None}
    arch = registry.get(name)
    h, w, c = arch.input_shape
    shape = (args.size or h, args.size or w, args.channels or c)
    try:
        module = registry.build(name, **fields)
        registry.check_runs(name, module, shape)
        forms = {TRAINED: module, FUSED: in_use(module)} if getattr(module, 'fuses', False) else {None: module}
        return [_record(name, form, module, shape, args) for form, module in forms.items()]
    except UserError as error:
        raise UserError(f'{name}: {error}') from error


def _record(name: str, form: str | None, module: Any, shape: tuple[int, int, int], args: argparse.Namespace) -> dict:
    from cnn_bench.complexity import model_cost
    from cnn_bench.models import registry

    arch, train = registry.get(name), args.train and form != FUSED
    cost = model_cost(module, shape, args.batch, train)
    seen = _receptive_fields(module, shape, cost.layers) if args.receptive_field else {}
    record = {'arch': name, 'form': form, 'input_shape': list(cost.input_shape)}
    record['num_classes'] = arch.num_classes if args.classes is None else args.classes
    record |= {column: getattr(cost, column) for column in (*SUMMARY, 'activation_bytes')}
    if args.train:
        record |= {column: getattr(cost, column) for column in TRAINING}
    if arch.params is None and form != FUSED:
        record['registry_line'] = _registry_line(name, arch, args)
    if args.layers:
        record['layers'] = [_layer(layer) | seen.get(number, {}) for number, layer in enumerate(cost.layers)]
    if args.layers and train:
        record['train_layers'] = [_layer(layer) for layer in cost.train_layers]
    return record


def _registry_line(name: str, arch: Any, args: argparse.Namespace) -> str:
    """The line of the registry for a network outside of it: at width 1, its size and classes as asked for."""
    from cnn_bench.complexity import model_cost
    from cnn_bench.models import registry
    from cnn_bench.models.branches import in_use

    asked = {'size': args.size, 'channels': args.channels, 'num_classes': args.classes}
    changed = {fact: value for fact, value in asked.items() if value is not None}
    native = dataclasses.replace(arch, **changed)
    module = registry.build(name, num_classes=native.num_classes)
    cost = model_cost(module, native.input_shape)
    if getattr(module, 'fuses', False):
        fused = model_cost(in_use(module), native.input_shape)
        changed |= {'fused_params': fused.params, 'fused_macs': fused.macs}
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


def _print_csv(counted: list[dict], args: argparse.Namespace) -> None:
    rows = _layer_rows(counted, args)
    if not args.layers:
        rows = [{key: value for key, value in record.items() if key != 'registry_line'} for record in counted]
    output.print_csv([{key: by_x(v) if isinstance(v, list) else v for key, v in row.items()} for row in rows])


def _layer_rows(counted: list[dict], args: argparse.Namespace) -> list[dict]:
    """The layers of all networks as rows of one table."""
    return [
        {'arch': record['arch'], 'form': record['form'], **({'counted': title} if args.train else {}), **layer}
        for record in counted
        for title, layers in (_layer_lists(record) if args.layers else ())
        for layer in layers
    ]


def _print_markdown(counted: list[dict], args: argparse.Namespace) -> None:
    for title, columns, rows in _tables(counted, args):
        if not any(record['form'] for record in counted):
            columns = [column for column in columns if column is not FORM]
        print(f'### {title}\n' if title else '', end='\n' if title else '')
        output.print_markdown(columns, rows)
        print(end='\n' if title else '')
    if lines := _registry_lines(counted):
        print(f'\n{FOR_REGISTRY}\n', *(f'    {line}' for line in lines), sep='\n')


def _print_tables(counted: list[dict], args: argparse.Namespace) -> None:
    if args.layers and output.is_piped():
        columns = [*WHOSE[: 2 + args.train], *OF_LAYERS, *([FIELD] if args.receptive_field else [])]
        output.print_table(columns, _layer_rows(counted, args), args)
    else:
        for title, columns, rows in _tables(counted, args)[args.layers and bool(args.columns) :]:
            output.print_table(columns, rows, args, title)
    if lines := _registry_lines(counted):
        for line in (FOR_REGISTRY, *lines):
            output.print_note(line)


def _registry_lines(counted: list[dict]) -> list[str]:
    return [record['registry_line'] for record in counted if 'registry_line' in record]


def _tables(counted: list[dict], args: argparse.Namespace) -> list[tuple[str, list[Column], list[dict]]]:
    """Title, columns and rows of each table for a terminal and Markdown; the first is of the networks as a whole."""
    tables = [('', [*COLUMNS, *(OF_TRAINING if args.train else ())], counted)]
    for record in counted if args.layers else ():
        for title, layers in _layer_lists(record):
            seen = [FIELD] if args.receptive_field and title == 'forward' else []
            tables.append((f'{_label(record)}, {title}', [*OF_LAYERS, *seen], layers))
    return tables


def _label(record: dict) -> str:
    return f'{record["arch"]}, {record["form"]}' if record['form'] else record['arch']


def _each_once(columns: Iterable[Column]) -> list[Column]:
    return list({column.name: column for column in columns}.values())


def _layer_lists(record: dict) -> Iterable[tuple[str, list[dict]]]:
    yield 'forward', record['layers']
    if 'train_layers' in record:
        yield 'training step', record['train_layers']
