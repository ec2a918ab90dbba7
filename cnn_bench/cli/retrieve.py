"""Find the nearest images by the cosine similarity of their features, and measure recall: the fraction of queries with
an image of their own class among the k nearest. A query is never its own neighbour.

  cnn-bench retrieve --workdir runs/lenet5 --dataset fashion_mnist --sheet nearest.png
  cnn-bench retrieve --weights weights/resnet50 --dataset flowers --queries test --gallery test --k 1,10

Features are the output of --layer, each channel averaged over its pixels. The search is exact; --index faiss does it
with FAISS (pip install -e '.[faiss]'). The sheet shows the first query of each class, at most ten, and the five nearest
images.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnn_bench.cli import arguments, output
from cnn_bench.cli.output import Column, count
from cnn_bench.cli.tracking import tracking
from cnn_bench.errors import UserError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from cnn_bench.inference.retrieval import Retrieval
    from cnn_bench.trained import TrainedModel

COLUMNS = count('k'), Column('recall', 'recall (%)', lambda share: f'{100 * share:.2f}', True)
SHEET_ROWS, SHEET_NEIGHBOURS = 10, 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `cnn-bench retrieve`."""
    arguments.add_model(parser, batch_size=64)
    output.add_form(parser, COLUMNS)
    parser.add_argument('--dataset', required=True, metavar='NAME', help='a data set')
    parser.add_argument('--queries', default='test', metavar='SPLIT', help='split of the query images')
    parser.add_argument('--gallery', default='train', metavar='SPLIT', help='split of the images that are searched')
    parser.add_argument(
        '--layer',
        default='features',
        metavar='NAME',
        help='the layer, see `cnn-bench features --list-layers`',
    )
    parser.add_argument(
        '--k',
        type=arguments.whole_numbers(1),
        default='1,5,10',
        metavar='K,...',
        help='numbers of neighbours to measure recall for',
    )
    parser.add_argument('--index', choices=('exact', 'faiss'), default='exact', help='how to search')
    parser.add_argument('--sheet', metavar='FILE', help='draw queries and their neighbours to this PNG file')


def run(args: argparse.Namespace) -> None:
    """Search, print the recalls, and draw the sheet if one is wanted."""
    from cnn_bench.inference.retrieval import retrieve

    sheet = _sheet_path(args.sheet)
    model = arguments.load_model(args)
    of = (args.dataset, args.k, args.queries, args.gallery, args.layer, args.index, args.data_dir)
    with tracking() as track:
        found = retrieve(model, *of, batch_size=args.batch_size, track=track)
    if sheet:
        _draw(model, found, args).savefig(sheet, dpi=150)
    if args.json:
        output.print_json(_record(model, found, args))
        return
    of = (
        f'{len(found.query_labels):,} queries of {args.queries}, {len(found.gallery_labels):,} images of {args.gallery}'
    )
    output.print_note(f'{model.arch}, {args.layer}, on {args.dataset}: {of}')
    output.print_table(COLUMNS, [{'k': k, 'recall': share} for k, share in found.recalls.items()], args)
    if sheet:
        output.print_note(sheet)


def _sheet_path(text: str | None) -> Path | None:
    if text is None:
        return None
    path = Path(text)
    if path.suffix.lower() != '.png' or not path.absolute().parent.is_dir() or path.is_dir():
        raise UserError(f'retrieve: --sheet {text} must be a .png file in an existing directory')
    return path


def _record(model: 'TrainedModel', found: 'Retrieval', args: argparse.Namespace) -> dict[str, Any]:
    return {
        'arch': model.arch,
        'source': str(model.origin),
        'dataset': args.dataset,
        'layer': args.layer,
        'index': args.index,
        'queries': {'split': args.queries, 'images': len(found.query_labels)},
        'gallery': {'split': args.gallery, 'images': len(found.gallery_labels)},
        'recall': {str(k): share for k, share in found.recalls.items()},
    }


def _draw(model: 'TrainedModel', found: 'Retrieval', args: argparse.Namespace) -> 'Figure':
    import numpy as np

    from cnn_bench import data
    from cnn_bench.inference import drawing

    queries, gallery = (data.open_split(args.dataset, split, args.data_dir) for split in (args.queries, args.gallery))
    names = queries.info.class_names
    _, first = np.unique(found.query_labels, return_index=True)
    rows = []
    for query in first[:SHEET_ROWS]:
        label = found.query_labels[query]
        row = [drawing.Shown(queries[int(query)]['image'], names[label])]
        near = zip(found.neighbours[query], found.similarities[query], strict=True)
        for place, cosine in list(near)[:SHEET_NEIGHBOURS]:
            own = found.gallery_labels[place]
            image = gallery[int(place)]['image']
            row.append(drawing.Shown(image, f'{names[own]} {cosine:.3f}', bool(own == label)))
        rows.append(row)
    title = f'{model.arch}, {args.layer}: queries of {args.dataset} {args.queries} and their nearest in {args.gallery}'
    return drawing.sheet(rows, title)
