"""Learning curves as plain data: training and test error of each network, epoch by epoch, over its seeds."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cnn_bench.report.hover import Hover
from cnn_bench.runs.training_error import windows

TRAIN, TEST = 'train', 'eval'  # kinds of rows in metrics.jsonl
_ALMOST = 1e-3  # epochs are logged with four digits


@dataclass(frozen=True)
class Curve:
    """Error in per cent at `epoch`: the mean over `seeds`, the least and the greatest of them, all (n,)."""

    epoch: tuple[float, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    seeds: int


@dataclass(frozen=True)
class Series:
    """A network: its test error, and its training error where it was logged."""

    label: str
    test: Curve
    train: Curve | None


@dataclass(frozen=True)
class Learning:
    """The curves of several networks, in alphabetical order."""

    name: str
    title: str
    subtitle: str
    caption: str
    series: tuple[Series, ...]

    @property
    def hovers(self) -> tuple[Hover, ...]:
        """What the page says of each line."""
        return tuple(
            Hover(f'{panel}-{i}', f'label-{i}' if panel == 'test' else '', series.label, _details(series), 'line')
            for i, series in enumerate(self.series)
            for panel in ('test', *(['train'] if series.train else []))
        )

    @property
    def described(self) -> str:
        """What a reader hears who can't see the chart."""
        return f'{self.title}: error in per cent against epoch, a line per network'


def by_epoch(curves: pd.DataFrame, names: Mapping[str, str] | None = None) -> pd.DataFrame:
    """The finished runs of a table by `runs.curves`, as label, kind, epoch, mean, low, high, seeds.

    Test errors stand at the epochs of their evaluations. Training errors are means over each epoch, by the steps of
    the logging windows, and stand at its end. Only epochs that all seeds of a label have are there: a mean does
    not jump because a run was shorter. names: run -> label, where it is another than the table's.
    """
    of_runs = []
    for run, rows in curves[curves.state == 'finished'].groupby('run', sort=False):
        label, seed = (names or {}).get(run, rows.label.iloc[0]), rows.seed.iloc[0]
        found = [(TRAIN, *point) for point in _per_epoch(rows)] + [(TEST, *point) for point in _evaluations(rows)]
        of_runs += [{'label': label, 'seed': seed, 'kind': k, 'epoch': e, 'error': error} for k, e, error in found]
    columns = ['label', 'kind', 'epoch', 'mean', 'low', 'high', 'seeds']
    if not of_runs:
        return pd.DataFrame(columns=columns)
    logged = pd.DataFrame(of_runs).groupby(['label', 'kind', 'epoch', 'seed'], as_index=False).error.mean()
    grouped = logged.groupby(['label', 'kind', 'epoch']).error
    made = grouped.agg(mean='mean', low='min', high='max', seeds='size').reset_index()
    return made[made.seeds == made.groupby(['label', 'kind']).seeds.transform('max')][columns].reset_index(drop=True)


def learning_curves(
    curves: pd.DataFrame, names: Mapping[str, str] | None = None, subtitle: str = ''
) -> Learning | None:
    """The chart of a table by `runs.curves`; None where no finished run was evaluated at two epochs or more."""
    means = by_epoch(curves, names)
    of_label = {(label, kind): _curve(rows) for (label, kind), rows in means.groupby(['label', 'kind'])}
    labels = sorted({label for label, kind in of_label if kind == TEST})
    series = tuple(Series(label, of_label[label, TEST], of_label.get((label, TRAIN))) for label in labels)
    if max((len(one.test.epoch) for one in series), default=0) < 2:
        return None
    banded = any(one.test.seeds > 1 for one in series)
    return Learning(
        name='learning_curves',
        title='Error against epoch',
        subtitle=subtitle,
        caption='Training error is measured as trained, with augmentation and dropout, as a mean over each epoch; '
        'it can lie above the test error.' + (' Lines are means over seeds; bands reach from the least to the '
        'greatest of them.' if banded else ''),
        series=series,
    )  # fmt: skip


def _evaluations(rows: pd.DataFrame) -> list[tuple[float, float]]:
    tested = rows[(rows.kind == TEST) & rows.top1_err_pct.notna()] if 'top1_err_pct' in rows else rows.head(0)
    return [(row.epoch, row.top1_err_pct) for row in tested.itertuples()]


def _per_epoch(rows: pd.DataFrame) -> list[tuple[float, float]]:
    """(end, mean training error) of each epoch; a window counts for the epoch in which it ends."""
    columns = [name for name in ('kind', 'epoch', 'top1_err_pct') if name in rows]
    logged = windows(rows[columns].astype(object).where(rows[columns].notna(), None).to_dict('records'))
    epochs: dict[int, list[tuple[float, float, float]]] = {}
    for window in logged:
        epochs.setdefault(int(np.ceil(window[1] - _ALMOST)), []).append(window)
    return [
        (parts[-1][1], float(np.average([error for *_, error in parts], weights=[to - at for at, to, _ in parts])))
        for parts in epochs.values()
    ]


def _curve(rows: pd.DataFrame) -> Curve:
    columns = (tuple(map(float, rows[name])) for name in ('epoch', 'mean', 'low', 'high'))
    return Curve(*columns, seeds=int(rows.seeds.max()))


def _details(series: Series) -> tuple[tuple[str, str], ...]:
    test, train = series.test, series.train
    best = int(np.argmin(test.mean))
    details = [
        ('test error', f'{test.mean[-1]:.2f} % after {test.epoch[-1]:g} epochs'),
        ('least', f'{test.mean[best]:.2f} % after {test.epoch[best]:g}'),
        ('training error', f'{train.mean[-1]:.2f} % in the last epoch' if train else ''),
        ('seeds', f'{test.seeds}: {test.low[-1]:.2f} to {test.high[-1]:.2f} %' if test.seeds > 1 else '1'),
    ]
    return tuple((name, value) for name, value in details if value)
