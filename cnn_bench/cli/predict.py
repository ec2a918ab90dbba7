"""Classify pictures: print the most probable classes of each, with their probabilities.

  cnn-bench predict --workdir runs/lenet5 shoe.png bag.jpg
  cnn-bench predict --weights weights/resnet50 --json photos/

A folder stands for all picture files below it, sorted by name. Pictures are rotated as EXIF says, cropped at the centre
and resized as the test images of the network were; transparent parts become white, and only the first frame of an
animation is used. A picture that cannot be used is named on stderr with the reason, and the others are classified; this
includes pictures of more than 33.5 million pixels (JPEG: 179 million, progressive JPEG: 67 million).

A picture that is almost one colour, or much brighter or darker than the images that the network was trained on, is
predicted with a warning: more than 1.5 of their standard deviations from their mean, or less than a tenth of their
spread, by the normalisation of the network.

A network that segments gives a class to every pixel instead: printed are the classes that a picture has with their
shares of it, and `--draw DIR` writes each picture with its classes laid over it.

  cnn-bench predict --workdir runs/camvid street.png --draw masks

Exit status: 0, or 1 if some pictures were refused, 2 if all were.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cnn_bench.cli import arguments, output
from cnn_bench.cli.output import Column, count
from cnn_bench.cli.tracking import tracking
from cnn_bench.errors import UserError
from cnn_bench.files import write_atomically

if TYPE_CHECKING:
    from cnn_bench.data.pictures import Refusal
    from cnn_bench.inference.predict import Prediction
    from cnn_bench.trained import TrainedModel


def _per_cent(share: float) -> str:
    return f'{100 * share:.2f}'


ANY_FILE_NAMES = True  # of pictures, which are only read
COLUMNS = (
    Column('image', 'picture', once=True),
    count('label', rank=1),
    Column('class'),
    Column('probability', 'probability (%)', _per_cent, True),
)

SHARES = (*COLUMNS[:-1], Column('share', 'share of the pixels (%)', _per_cent, True))  # of segmentation


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `cnn-bench predict`."""
    parser.add_argument('images', nargs='+', metavar='IMAGE', help='a picture, or a folder of pictures')
    arguments.add_model(parser, batch_size=32)
    output.add_form(parser, COLUMNS)
    parser.add_argument(
        '--draw', type=Path, metavar='DIR', help='write pictures with the classes of their pixels (of segmentation)'
    )
    parser.add_argument('--top', type=arguments.whole(1), default=5, metavar='N', help='number of classes to print')
    parser.add_argument(
        '--class-names',
        '--classes',
        metavar='FILE',
        help='file of class names, one a line (default: those of the data set, or that the weights were imported with)',
    )


def run(args: argparse.Namespace) -> int:
    """Predict, print, and return the exit status."""
    from cnn_bench import inference
    from cnn_bench.models import registry
    from cnn_bench.trained.model import check_classifies

    model = arguments.load_model(args)
    tally = {'predicted': 0, 'refused': 0}
    segments = registry.get(model.arch).task == 'segmentation'
    if segments:
        made = _segmented(model, args)
    elif args.draw:
        raise UserError(f'predict: --draw is for networks that segment; {model.arch} classifies')
    else:
        check_classifies(model)
        made = inference.predict(model, args.images, args.top, args.batch_size)
    found = _report_refusals(made, tally)
    (_print_json if args.json else _print_table)(found, model, args, SHARES if segments else COLUMNS)
    if not tally['predicted']:
        return 2
    return 1 if tally['refused'] else 0


def _segmented(model: 'TrainedModel', args: argparse.Namespace) -> 'Iterator[Prediction | Refusal]':
    """The classes of each picture with their shares of its pixels as a Prediction; it is drawn where that is wanted."""
    from cnn_bench.data.pictures import Refusal
    from cnn_bench.inference import drawing, segment
    from cnn_bench.inference.predict import Prediction

    for number, one in enumerate(segment.segment(model, args.images, args.batch_size), 1):
        if isinstance(one, Refusal):
            yield one
            continue
        if args.draw:
            place = args.draw / f'{number:04d}_{Path(one.path).stem}.png'
            place.parent.mkdir(parents=True, exist_ok=True)
            figure = drawing.overlay(one.image, one.classes, model.class_names)
            write_atomically(place, lambda file, figure=figure: figure.savefig(file, dpi=150))
        labels, shares = zip(*one.shares()[: args.top], strict=True)
        yield Prediction(one.path, labels, shares)


def _report_refusals(found: Iterable, tally: dict[str, int]) -> 'Iterator[Prediction]':
    """Yield the predictions, print refusals and warnings to stderr, and count predictions and refusals in `tally`."""
    from cnn_bench.data.pictures import Refusal

    for one in found:
        if isinstance(one, Refusal):
            tally['refused'] += 1
            output.print_line(f'cnn-bench: {one.path}: {one.reason}', sys.stderr)
        else:
            tally['predicted'] += 1
            if one.unlike:
                output.print_line(f'cnn-bench: warning: {one.path} is {one.unlike}', sys.stderr)
            yield one


def _print_json(
    found: 'Iterable[Prediction]', model: 'TrainedModel', args: argparse.Namespace, columns: tuple[Column, ...]
) -> None:
    """Print a list of objects, each as soon as it is known."""
    before = '['
    for one in found:
        record = {'image': one.path, 'top': _best(one, model, columns), 'unlike': one.unlike}
        print(before + json.dumps(record), end='', flush=True)
        before = ',\n '
    print('[]' if before == '[' else ']')


def _print_table(
    found: 'Iterable[Prediction]', model: 'TrainedModel', args: argparse.Namespace, columns: tuple[Column, ...]
) -> None:
    with tracking() as track:
        rows = [
            {'image': one.path, **best} for one in track(found, 'pictures', None) for best in _best(one, model, columns)
        ]
    if rows:
        output.print_table(columns, rows, args)


def _best(one: 'Prediction', model: 'TrainedModel', columns: tuple[Column, ...]) -> list[dict]:
    return [
        {'label': label, 'class': model.class_names[label], columns[-1].name: number}
        for label, number in zip(one.labels, one.probabilities, strict=True)
    ]
