"""The chart of learning curves: training and test error of each network by epoch, over its seeds."""

from collections.abc import Mapping
from dataclasses import dataclass

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter

from cnn_bench.report.charts.spec import ChartSpec, Details, Hover, known
from cnn_bench.report.charts.style import (
    BOTTOM,
    COLOURS,
    LABEL_SIZE,
    LEADER,
    MARGIN,
    MUTED,
    SHAPES,
    STYLE,
    TOP,
    WIDTH,
    add_titles,
    blank,
    shorten,
    text_width,
    ticks,
)
from cnn_bench.report.format import percent, tick
from cnn_bench.runs.columns import COLUMNS
from cnn_bench.runs.training_error import mean_error, windows

TRAIN, TEST = 'train', 'eval'  # kinds of rows in metrics.jsonl
_ALMOST = 1e-3  # epochs are logged with four digits
DASHES = ('-', (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)))
_LEFT, _BETWEEN, _LINE, _KEY, _REACH = 0.72, 0.3, 0.175, 0.34, 0.3  # inches
_TOP = TOP + 0.2  # the panels have titles of their own
_MOST_BANDS = 8  # more would cover one another
_MARKS = 9  # per line
_FIRST_SHARE = 0.1  # of the training; errors in it may lie outside the picture


@dataclass(frozen=True)
class Curve:
    """Error in per cent at `epoch`: mean, minimum and maximum over `seeds`, all (n,)."""

    epoch: tuple[float, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    seeds: int


@dataclass(frozen=True)
class Series:
    """The curves of a network: test error and, where it was logged, training error."""

    label: str
    test: Curve
    train: Curve | None


@dataclass(frozen=True, kw_only=True)
class Learning(ChartSpec):
    """The curves of several networks, in alphabetical order."""

    series: tuple[Series, ...]

    @property
    def hovers(self) -> tuple[Hover, ...]:
        return tuple(
            Hover(f'{panel}-{i}', f'label-{i}' if panel == 'test' else '', series.label, _details(series), 'line')
            for i, series in enumerate(self.series)
            for panel in ('test', *(['train'] if series.train else []))
        )

    @property
    def alt_text(self) -> str:
        return f'{self.title}: error in per cent against epoch, a line per network'


def by_epoch(curves: pd.DataFrame, names: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Errors over seeds of the finished runs of a table by `runs.curves`: label, kind, epoch, mean, low, high, seeds.

    Test errors are at the epochs of their evaluations. Training errors are means over each epoch, weighted by the
    steps of the logging windows, and are at its end. Only epochs that all seeds of a label reached are kept, so that a
    mean does not jump where a run was shorter. names: run -> label, where it differs from the table's.
    """
    errors = []
    for run, rows in curves[curves.state == 'finished'].groupby('run', sort=False):
        label, seed = (names or {}).get(run, rows.label.iloc[0]), rows.seed.iloc[0]
        found = [(TRAIN, *point) for point in _per_epoch(rows)] + [(TEST, *point) for point in _evaluations(rows)]
        errors += [{'label': label, 'seed': seed, 'kind': k, 'epoch': e, 'error': error} for k, e, error in found]
    columns = ['label', 'kind', 'epoch', 'mean', 'low', 'high', 'seeds']
    if not errors:
        return pd.DataFrame(columns=columns)
    logged = pd.DataFrame(errors).groupby(['label', 'kind', 'epoch', 'seed'], as_index=False).error.mean()
    grouped = logged.groupby(['label', 'kind', 'epoch']).error
    made = grouped.agg(mean='mean', low='min', high='max', seeds='size').reset_index()
    return made[made.seeds == made.groupby(['label', 'kind']).seeds.transform('max')][columns].reset_index(drop=True)


def learning_curves(
    curves: pd.DataFrame, names: Mapping[str, str] | None = None, subtitle: str = ''
) -> Learning | None:
    """The chart of a table by `runs.curves`; None where no finished run was evaluated at two epochs or more."""
    means = by_epoch(curves, names)
    by_label = {(label, kind): _curve(rows) for (label, kind), rows in means.groupby(['label', 'kind'])}
    labels = sorted({label for label, kind in by_label if kind == TEST})
    series = tuple(Series(label, by_label[label, TEST], by_label.get((label, TRAIN))) for label in labels)
    if max((len(one.test.epoch) for one in series), default=0) < 2:
        return None
    banded = any(one.test.seeds > 1 for one in series)
    return Learning(
        name='learning_curves',
        title='Error against epoch',
        subtitle=subtitle,
        caption='Training error is measured during training, with augmentation and dropout, as a mean over each epoch; '
        'it can lie above the test error.' + (' Lines are means over seeds; bands reach from the lowest to the '
        'highest of them.' if banded else ''),
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
    return [(parts[-1][1], mean_error(parts)) for parts in epochs.values()]


def _curve(rows: pd.DataFrame) -> Curve:
    columns = (tuple(map(float, rows[name])) for name in ('epoch', 'mean', 'low', 'high'))
    return Curve(*columns, seeds=int(rows.seeds.max()))


def _details(series: Series) -> Details:
    test, train = series.test, series.train
    best = int(np.argmin(test.mean))
    return known(
        ('test error', f'{percent(test.mean[-1])} after {test.epoch[-1]:g} epochs'),
        ('lowest', f'{percent(test.mean[best])} after {test.epoch[best]:g}'),
        ('training error', f'{percent(train.mean[-1])} in the last epoch' if train else ''),
        ('seeds', f'{test.seeds}: {test.low[-1]:.2f} to {test.high[-1]:.2f} %' if test.seeds > 1 else '1'),
    )


@matplotlib.rc_context(STYLE)
def draw(chart: Learning) -> Figure:
    """The figure, with gid `train-<i>`, `test-<i>` and `label-<i>` on the lines and the name of `chart.series[i]`.

    Lines differ in colour, dashes and marks. The names are in a column beside the test panel, in the order of the last
    errors, and as near to them as fits; the figure grows so that no two touch.
    """
    labels = [shorten(series.label) for series in chart.series]
    right = _REACH + _KEY + text_width(labels) + 0.08 + MARGIN
    height = max(5.2, _TOP + _LINE * (len(labels) + 1) + BOTTOM)
    figure = blank((WIDTH, height))
    panels = [name for name in ('train', 'test') if any(getattr(series, name) for series in chart.series)]
    wide = (WIDTH - _LEFT - right - _BETWEEN * (len(panels) - 1)) / len(panels)
    top = _top([getattr(series, name) for series in chart.series for name in panels])
    for place, name in enumerate(panels):
        left = _LEFT + place * (wide + _BETWEEN)
        box = (left / WIDTH, BOTTOM / height, wide / WIDTH, (height - _TOP - BOTTOM) / height)
        axes = figure.add_axes(box)
        _lines(axes, name, [getattr(series, name) for series in chart.series], top)
        axes.set_title({'train': 'training', 'test': 'test'}[name], fontsize=9, loc='left', pad=4, color=MUTED)
        if place == 0:
            axes.set_ylabel(COLUMNS['top1_err_pct'].axis_label, labelpad=7)
        else:
            axes.tick_params(labelleft=False)
    _names(axes, labels, [series.test.mean[-1] for series in chart.series], [s.test.epoch[-1] for s in chart.series])
    add_titles(figure, chart.title, chart.subtitle, _LEFT)
    return figure


def look(place: int) -> dict:
    """Colour, dashes and marker of line number `place`: 308 distinct ones, 44 of them distinct in grey too."""
    shape, dash = SHAPES[place % len(SHAPES)], DASHES[place % len(DASHES)]
    return {'color': COLOURS[place % len(COLOURS)], 'linestyle': dash, 'marker': shape}


def _lines(axes: Axes, name: str, curves: list[Curve | None], top: float) -> None:
    for i, curve in enumerate(curves):
        if curve is None:
            continue
        every = max(1, round(len(curve.epoch) / _MARKS))
        style = {'linewidth': 1.5, 'markersize': 4.5, 'markeredgewidth': 0, 'markevery': (i % every, every)}
        axes.plot(curve.epoch, curve.mean, gid=f'{name}-{i}', **style, **look(i))
        if curve.seeds > 1 and len(curves) <= _MOST_BANDS:
            axes.fill_between(curve.epoch, curve.low, curve.high, color=look(i)['color'], alpha=0.16, linewidth=0)
    last = max(curve.epoch[-1] for curve in curves if curve)
    axes.set(xlim=(0, last * 1.02), ylim=(0, top), xlabel='epoch')
    axes.xaxis.set_major_locator(FixedLocator(ticks(0, last, most=6, integer=last >= 3)))
    axes.yaxis.set_major_locator(FixedLocator(ticks(0, top, most=8)))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
    axes.tick_params(length=3)
    axes.grid(True)
    axes.set_axisbelow(True)
    axes.spines[['top', 'right']].set_visible(False)


def _top(curves: list[Curve | None]) -> float:
    """The upper limit: above all errors after the first tenth of the epochs."""
    shown = []
    for curve in filter(None, curves):
        later = np.array(curve.epoch) > _FIRST_SHARE * curve.epoch[-1]
        shown.append(np.array(curve.high)[later].max())
    return min(100.0, 1.06 * max(shown)) or 1.0


def _names(axes: Axes, labels: list[str], errors: list[float], epochs: list[float]) -> None:
    """Draw a column of names right of the axes, each with a sample of its line and a thin line to its end."""
    box = axes.get_window_extent().transformed(axes.figure.dpi_scale_trans.inverted())
    wanted = np.clip(np.array(errors) / axes.get_ylim()[1], 0, 1) * box.height
    heights = spread(wanted, _LINE, box.height)
    for i, (label, error, epoch) in enumerate(zip(labels, errors, epochs, strict=True)):
        y = heights[i] / box.height
        start = 1 + _REACH / box.width
        end = start + _KEY / box.width
        at = epoch / axes.get_xlim()[1], min(error / axes.get_ylim()[1], 1)
        style = {'transform': axes.transAxes, 'clip_on': False}
        axes.plot([at[0], 1.01, start], [at[1], at[1], y], color=LEADER, linewidth=0.6, zorder=1.8, **style)
        key = {'linewidth': 1.5, 'markersize': 4.5, 'markeredgewidth': 0, 'markevery': [1]}
        axes.plot([start, (start + end) / 2, end], [y, y, y], **key, **look(i), **style)
        x = end + 0.08 / box.width
        axes.text(x, y, label, va='center_baseline', fontsize=LABEL_SIZE, gid=f'label-{i}', transform=axes.transAxes)


def spread(wanted: np.ndarray, apart: float, room: float) -> np.ndarray:
    """Positions near the `wanted` ones, in the same order, at least `apart` from each other and within 0 to `room`.

    Positions that would be too close form a block around the mean of those wanted (pool adjacent violators).
    """
    order = np.argsort(wanted, kind='stable')
    blocks: list[list[float]] = []  # sum of the starts that its members want, and their number
    for place in wanted[order]:
        blocks.append([place, 1])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] + apart * blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            total, count = blocks.pop()
            blocks[-1][0] += total - apart * blocks[-1][1] * count
            blocks[-1][1] += count
    starts = np.array([total / count for total, count in blocks])
    placed = np.concatenate(
        [start + apart * np.arange(count) for start, (_, count) in zip(starts, blocks, strict=True)]
    )
    placed = np.minimum(placed, room - apart * np.arange(len(placed) - 1, -1, -1))
    placed = np.maximum(placed, apart * np.arange(len(placed)))
    out = np.empty(len(placed))
    out[order] = placed
    return out
