"""The most probable classes of pictures, with their probabilities.

  cnn-bench predict --workdir runs/lenet5 shoe.png bag.jpg
  cnn-bench predict --weights weights/resnet50 --classes imagenet_classes.txt --json photos/

A folder stands for the picture files below it, in the order of their names. Pictures are turned as EXIF says, cropped
at their centre and resized as the network's own images were; transparent parts are laid on white; of animations the
first frame counts. Pictures that cannot be used are named on stderr, with the reason, and the rest goes on: among
others those of more than 33.5 million pixels (JPEG: 179 million, progressive 67 million).

Exit status: 0, or 1 where some pictures were refused, 2 where all were.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from cnn_bench.cli import model_arguments
from cnn_bench.cli.tracking import tracking

if TYPE_CHECKING:
    from cnn_bench.inference.predict import Prediction
    from cnn_bench.trained import TrainedModel


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `cnn-bench predict`."""
    parser.add_argument('images', nargs='+', metavar='IMAGE', help='a picture file, or a folder of them')
    model_arguments.add_model(parser, batch_size=32)
    parser.add_argument('--top', type=model_arguments.at_least_one, default=5, metavar='N', help='classes to show')
    parser.add_argument('--classes', metavar='FILE', help="the classes' names, one a line; default: the data set's")


def run(args: argparse.Namespace) -> int:
    """Predict, print, and return the exit status."""
    from cnn_bench import inference

    model = model_arguments.load(args)
    tally = {'predicted': 0, 'refused': 0}
    found = _saying_which_not(inference.predict(model, args.images, args.top, args.batch_size), tally)
    (_print_json if args.json else _print_table)(found, model)
    if not tally['predicted']:
        return 2
    return 1 if tally['refused'] else 0


def _saying_which_not(found: Iterable, tally: dict[str, int]) -> 'Iterator[Prediction]':
    """The predictions; meanwhile a line on stderr for each refusal, and a count of both in `tally`."""
    from cnn_bench.data.pictures import Refusal

    for one in found:
        if isinstance(one, Refusal):
            tally['refused'] += 1
            print(f'cnn-bench: {printable(one.path)}: {printable(one.reason)}', file=sys.stderr)
        else:
            tally['predicted'] += 1
            yield one


def _print_json(found: 'Iterable[Prediction]', model: 'TrainedModel') -> None:
    """A list of objects, each printed when it is known."""
    before = '['
    for one in found:
        top = [
            {'label': label, 'class': model.class_names[label], 'probability': probability}
            for label, probability in zip(one.labels, one.probabilities, strict=True)
        ]
        print(before + json.dumps({'image': one.path, 'top': top}), end='', flush=True)
        before = ',\n '
    print('[]' if before == '[' else ']')


def _print_table(found: 'Iterable[Prediction]', model: 'TrainedModel') -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column('picture', overflow='fold')
    table.add_column('class', overflow='fold')
    table.add_column('probability', justify='right', no_wrap=True)
    with tracking() as track:
        for one in track(found, 'pictures', None):
            for rank, (label, probability) in enumerate(zip(one.labels, one.probabilities, strict=True)):
                name = '' if rank else printable(one.path)
                cells = (name, printable(model.class_names[label]), f'{100 * probability:.2f} %')
                table.add_row(*map(Text, cells), end_section=rank == len(one.labels) - 1)
    if table.row_count:
        console = Console(highlight=False) if sys.stdout.isatty() else Console(width=1000, highlight=False)
        console.print(table)


def printable(text: str) -> str:
    """`text` on one line: what a terminal would act on, and bytes that are no text, as escapes."""
    return ''.join(c if c.isprintable() else c.encode('unicode_escape').decode() for c in text)
