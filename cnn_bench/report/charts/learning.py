"""The chart of learning curves: training, validation and test error of each network by epoch, over its seeds."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from cnn_bench.analysis import by_epoch
from cnn_bench.report.charts.lines import Curve, Line, Lines
from cnn_bench.runs import collapse, schema
from cnn_bench.runs.columns import COLUMNS

# Kind of rows in metrics.jsonl -> its panel, from left to right.
PANELS = {schema.TRAIN: 'training', schema.VALIDATION: 'validation', schema.TEST: 'test'}
_MOST_BANDS = 8  # more would cover one another
_FIRST_SHARE = 0.1  # of the training; errors in it may lie outside the picture


def learning_curves(
    curves: pd.DataFrame,
    names: Mapping[str, str] | None = None,
    subtitle: str = '',
    families: Mapping[str, str] | None = None,
) -> Lines | None:
    """The chart of a table by `runs.curves`; None where no finished run was evaluated at two epochs or more.

    Lines are means over the seeds that learned, or over all where none did; collapsed seeds beside others are aside.
    families: label -> family of the network, whose lineage the colour tells.
    """
    errors = by_epoch.errors(curves, names)
    out = collapse.left_out_of_means(errors)
    means, asides = by_epoch.over_seeds(errors[~out], ['label']), by_epoch.over_seeds(errors[out], ['label', 'seed'])
    lines, learned = [], []
    for label, rows in means.groupby('label'):
        found = _curves(rows)
        if not any(kind in found for kind in by_epoch.EVALUATED):
            continue
        aside = tuple(_curves(of_seed) for _, of_seed in asides[asides.label == label].groupby('seed'))
        failed = errors[errors.label == label].groupby('seed').collapsed.all()
        note = collapse.in_words(int(failed.sum()), len(failed))
        lines.append(Line(label, found, (families or {}).get(label, ''), aside, note))
        learned += [] if failed.all() else lines[-1:]
    evaluated = [line.curves[kind] for line in lines for kind in by_epoch.EVALUATED if kind in line.curves]
    if max((len(curve.x) for curve in evaluated), default=0) < 2:
        return None
    bands = len(lines) <= _MOST_BANDS
    banded = bands and any(curve.low for line in lines for curve in line.curves.values())
    return Lines(
        name='learning_curves',
        title='Error against epoch',
        subtitle=subtitle,
        caption=' '.join([_CAPTION, *([_BANDS] * banded), *([_ASIDE] * any(line.aside for line in lines))]),
        x_label='epoch',
        y_label=COLUMNS['top1_err_pct'].axis_label,
        lines=tuple(lines),
        panels={kind: name for kind, name in PANELS.items() if any(kind in line.curves for line in lines)},
        y_limits=(0.0, _top(learned or lines)),
        bands=bands,
    )


_CAPTION = (
    'Training error is measured during training, with augmentation and dropout, as a mean over each epoch; it can lie '
    'above the others.'
)
_BANDS = 'Lines are means over seeds; bands reach from the lowest to the highest of them.'
_ASIDE = (
    'Seeds that collapsed, with a training error that stayed at chance, are thin lines of their own, which may lie '
    'beyond the axis; means leave them out.'
)


def _curves(means: pd.DataFrame) -> dict[str, Curve]:
    """Kind -> Curve; a single test, which follows the last step, is none."""
    found = {kind: _curve(rows) for kind, rows in means.groupby('kind')}
    return {kind: curve for kind, curve in found.items() if kind != schema.TEST or len(curve.x) > 1}


def _curve(rows: pd.DataFrame) -> Curve:
    columns = ('epoch', 'mean', *(('low', 'high') if rows.seeds.max() > 1 else ()))
    return Curve(*(tuple(map(float, rows[name])) for name in columns))


def _top(lines: list[Line]) -> float:
    """The upper limit: above all errors after the first tenth of the epochs."""
    shown = []
    for curve in (curve for line in lines for curve in line.curves.values()):
        later = np.array(curve.x) > _FIRST_SHARE * curve.x[-1]
        shown.append(np.array(curve.high or curve.y)[later].max())
    return min(100.0, 1.06 * max(shown)) or 1.0
