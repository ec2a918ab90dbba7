"""The top-1 accuracy of measured networks: published, or of our own runs. What is not known is left out and named."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from cnn_bench import runs
from cnn_bench.analysis import published
from cnn_bench.analysis.summary import summarise
from cnn_bench.errors import UserError

PUBLISHED = 'published'


@dataclass(frozen=True)
class Accuracy:
    """Label of a network -> top-1 accuracy in per cent, and how it was found; `missing`: label -> why it has none.

    `words` say where the accuracies come from; `notes` are sentences about single networks.
    """

    top1: Mapping[str, float]
    origin: Mapping[str, str]
    missing: Mapping[str, str]
    words: str
    notes: tuple[str, ...] = field(default=())


def of(networks: pd.DataFrame, source: str) -> Accuracy:
    """The accuracy of `networks` (columns label, arch, width, size), `published` or of the runs below a directory.

    Raises UserError where `source` is neither.
    """
    if source == PUBLISHED:
        return _published(networks)
    if not Path(source).is_dir():
        raise UserError(f'--accuracy {source!r} is neither {PUBLISHED!r} nor a directory of runs')
    return _of_runs(networks, Path(source))


def _published(networks: pd.DataFrame) -> Accuracy:
    known = published.table().drop_duplicates('arch').set_index('arch')
    found, origin, missing, elsewhere = {}, {}, {}, []
    for row in networks.to_dict('records'):
        label, arch = row['label'], row['arch']
        if arch not in known.index:
            missing[label] = 'no published accuracy'
        elif row['width'] != 1:
            missing[label] = f'no published accuracy at width {row["width"]:g}'
        else:
            figure = known.loc[arch]
            found[label] = 100 - figure.top1_err_pct
            origin[label] = f'{figure.protocol}; {figure.training}; {figure.source}'
            side = int(figure.input_shape.partition('x')[0])
            elsewhere += [f'{label} (at {row["size"]:.0f}, published at {side})'] if side != row['size'] else []
    single = all(published.is_single_crop(known.loc[arch].protocol) for arch in networks.arch if arch in known.index)
    crops = 'one crop' if single else 'protocols as named'
    words = f'published top-1 accuracy on ImageNet, one model, {crops}, the oldest published training of each network'
    sizes = f'Measured at another size than the accuracy is for: {", ".join(elsewhere)}.' if elsewhere else ''
    return Accuracy(found, origin, missing, words, (sizes,) if sizes else ())


def _of_runs(networks: pd.DataFrame, directory: Path) -> Accuracy:
    summary = summarise(runs.load(directory))
    if summary.empty:
        raise UserError(f'--accuracy {directory}: none of its runs is finished')
    found, origin, missing = {}, {}, {}
    for row in networks.to_dict('records'):
        rows = summary[summary.arch.eq(row['arch']) & summary.width.fillna(1.0).eq(row['width'])]
        same = rows[rows.input_shape.fillna('').str.startswith(f'{row["size"]:.0f}x')]
        if rows.empty:
            missing[row['label']] = f'no finished run of it at width {row["width"]:g}'
        elif same.empty:
            sides = ', '.join(sorted({shape.partition('x')[0] for shape in rows.input_shape.dropna()}))
            missing[row['label']] = f'measured at size {row["size"]:.0f}, runs at {sides}'
        elif len(same) > 1:
            missing[row['label']] = f'{len(same)} configurations of runs: {", ".join(same.label)}'
        else:
            (only,) = same.to_dict('records')
            found[row['label']] = 100 - only['top1_err_pct']
            seeds = int(only['seeds']) if only['seeds'] > 0 else 1
            origin[row['label']] = f'{seeds} seed{"s" if seeds > 1 else ""} on {only["dataset"]}'
    datasets = ', '.join(sorted(set(summary.dataset.dropna())))
    return Accuracy(found, origin, missing, f'top-1 accuracy of our own runs on {datasets}, mean over seeds')
