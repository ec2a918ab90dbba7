"""The chart of learning curves: training, validation and test error of each network by epoch, over its seeds."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from cnn_bench.report.charts.lines import APART, LINE, add_names, looks, name_or_end, room_for, style_axes
from cnn_bench.report.charts.spec import ChartSpec
from cnn_bench.report.charts.style import BOTTOM, MUTED, add_titles, blank, current, shorten, ticks
from cnn_bench.runs import collapse, schema
from cnn_bench.runs.columns import COLUMNS
from cnn_bench.runs.training_error import mean_error, windows

# Kind of rows in metrics.jsonl -> its panel, from left to right.
PANELS = {schema.TRAIN: 'training', schema.VALIDATION: 'validation', schema.TEST: 'test'}
EVALUATED = (schema.VALIDATION, schema.TEST)
RUNNING = 'running'  # the state of a run that is still training, as reports know it
_ALMOST = 1e-3  # epochs are logged with four digits
_BETWEEN, _ABOVE = 0.3, 0.2  # inches; panels have titles of their own
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
    """The curves of a network, by kind: means over the seeds that learned, and `aside` those of each collapsed seed.

    `collapsed` of `seeds` seeds did; where all did, the means are over all. `family` is that of the network.
    """

    label: str
    curves: Mapping[str, Curve]
    aside: tuple[Mapping[str, Curve], ...] = ()
    collapsed: int = 0
    seeds: int = 1
    family: str = ''

    @property
    def evaluated(self) -> list[str]:
        """The kinds of its curves but for that of the training error."""
        return [kind for kind in EVALUATED if kind in self.curves]

    @property
    def name(self) -> str:
        """The label, and how many seeds collapsed."""
        note = collapse.in_words(self.collapsed, self.seeds)
        return f'{shorten(self.label)} ({note})' if note else shorten(self.label)


@dataclass(frozen=True, kw_only=True)
class Learning(ChartSpec):
    """The curves of several networks, in alphabetical order."""

    series: tuple[Series, ...]

    @property
    def panels(self) -> list[str]:
        """The kinds of rows of which there are curves, from left to right."""
        return [kind for kind in PANELS if any(kind in series.curves for series in self.series)]

    @property
    def alt_text(self) -> str:
        return f'{self.title}: error in per cent against epoch, a line per network'


def by_epoch(curves: pd.DataFrame, names: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Errors over seeds of the finished runs of a table by `runs.curves`: label, kind, epoch, mean, low, high, seeds.

    Validation and test errors are at the epochs of their evaluations. Training errors are means over each epoch,
    weighted by the steps of the logging windows, and are at its end. Seeds that collapsed are left out, unless all
    seeds of a label did. Only epochs that all others reached are kept, so that a mean does not jump where a run was
    shorter. names: run -> label, where it differs from the table's.
    """
    errors = _errors(curves, names)
    return _means(errors[~collapse.left_out_of_means(errors)], ['label'])


def learning_curves(
    curves: pd.DataFrame,
    names: Mapping[str, str] | None = None,
    subtitle: str = '',
    families: Mapping[str, str] | None = None,
) -> Learning | None:
    """The chart of a table by `runs.curves`; None where no finished run was evaluated at two epochs or more.

    families: label -> family of the network, whose lineage the colour tells.
    """
    errors = _errors(curves, names)
    out = collapse.left_out_of_means(errors)
    means, asides = _means(errors[~out], ['label']), _means(errors[out], ['label', 'seed'])
    series = []
    for label, rows in means.groupby('label'):
        found = _curves(rows)
        aside = tuple(_curves(of_seed) for _, of_seed in asides[asides.label == label].groupby('seed'))
        collapsed = errors[errors.label == label].groupby('seed').collapsed.all()
        family = (families or {}).get(label, '')
        one = Series(label, found, aside, int(collapsed.sum()), len(collapsed), family)
        series += [one] if one.evaluated else []
    if max((len(one.curves[kind].epoch) for one in series for kind in one.evaluated), default=0) < 2:
        return None
    banded = any(curve.seeds > 1 for one in series for curve in one.curves.values())
    return Learning(
        name='learning_curves',
        title='Error against epoch',
        subtitle=subtitle,
        caption=' '.join(
            [_CAPTION, *([_BANDS] if banded else []), *([_ASIDE] if any(s.aside for s in series) else [])]
        ),
        series=tuple(series),
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


def _errors(curves: pd.DataFrame, names: Mapping[str, str] | None) -> pd.DataFrame:
    """A row per finished run, kind and epoch: label, seed, state, collapsed, kind, epoch, error.

    A run that is still training has a label of its own, so that the means of others reach as far as they are.
    """
    found = []
    for run, rows in curves[curves.state.isin(['finished', RUNNING])].groupby('run', sort=False):
        of_run = {'label': (names or {}).get(run, rows.label.iloc[0]), 'seed': rows.seed.iloc[0], 'state': 'finished'}
        if rows.state.iloc[0] == RUNNING:
            of_run |= {'label': f'{of_run["label"]}, seed {of_run["seed"]} ({RUNNING})', 'state': RUNNING}
        of_run['collapsed'] = 'collapsed' in rows and bool(rows.collapsed.eq(True).fillna(False).all())
        points = [(schema.TRAIN, *point) for point in _per_epoch(rows)]
        points += [(kind, *point) for kind in EVALUATED for point in _evaluations(rows, kind)]
        found += [{**of_run, 'kind': kind, 'epoch': epoch, 'error': error} for kind, epoch, error in points]
    return pd.DataFrame(found, columns=['label', 'seed', 'state', 'collapsed', 'kind', 'epoch', 'error'])


def _means(errors: pd.DataFrame, of: list[str]) -> pd.DataFrame:
    """The errors by `of`, kind and epoch over seeds; only epochs that as many seeds have as any."""
    by = [*of, 'kind', 'epoch']
    logged = errors.groupby([*dict.fromkeys([*by, 'seed'])], as_index=False).error.mean()
    made = logged.groupby(by).error.agg(mean='mean', low='min', high='max', seeds='size').reset_index()
    return made[made.seeds == made.groupby([*of, 'kind']).seeds.transform('max')].reset_index(drop=True)


def _curves(means: pd.DataFrame) -> dict[str, Curve]:
    """Kind -> Curve; a single test, which follows the last step, is none."""
    found = {kind: _curve(rows) for kind, rows in means.groupby('kind')}
    return {kind: curve for kind, curve in found.items() if kind != schema.TEST or len(curve.epoch) > 1}


def _evaluations(rows: pd.DataFrame, kind: str) -> list[tuple[float, float]]:
    made = rows[(rows.kind == kind) & rows.top1_err_pct.notna()] if 'top1_err_pct' in rows else rows.head(0)
    return [(row.epoch, row.top1_err_pct) for row in made.itertuples()]


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


def draw(chart: Learning) -> Figure:
    """The figure, with gid `<kind>-<i>` on the lines and `label-<i>` on the name of `chart.series[i]`.

    Lines differ in colour, dashes and marks. The names are in a column beside the last panel, in the order of the last
    errors, and as near to them as fits; the figure grows so that no two touch.
    """
    top = _top(chart)
    labels = [name_or_end(one.name, _end(one)[1], top) for one in chart.series]
    style, found, count = current(), looks([one.family for one in chart.series]), len(chart.panels)
    figure, stacked = blank((style.width, style.least)), style.width < 5
    right, under = room_for(figure, labels, found)
    across, above, bottom = 1 if stacked else count, style.top + _ABOVE, BOTTOM + under
    inside = max(0.87 * style.least - above - BOTTOM, 0 if style.narrow else APART * (len(labels) + 1))
    step = inside + _ABOVE + BOTTOM  # from a panel to that below it
    height = above + inside + bottom + (count - across) * step
    figure.set_figheight(height)
    wide = (style.width - style.left - right - _BETWEEN * (across - 1)) / across
    for place, kind in enumerate(chart.panels):
        left = style.left + place % across * (wide + _BETWEEN)
        low = bottom + (count - across - place // across) * step if stacked else bottom
        box = (left / style.width, low / height, wide / style.width, inside / height)
        axes = figure.add_axes(box)
        _lines(axes, kind, chart.series, top, found)
        axes.set_title(PANELS[kind], fontsize=style.text, loc='left', pad=4, color=MUTED)
        if place % across == 0:
            axes.set_ylabel(COLUMNS['top1_err_pct'].axis_label, labelpad=7)
        else:
            axes.tick_params(labelleft=False)
    add_names(axes, labels, [_end(series) for series in chart.series], found)
    add_titles(figure, chart.title, chart.subtitle, style.left)
    return figure


def _end(series: Series) -> tuple[float, float]:
    """The last epoch and error of the curve that stands in the last panel, or of its nearest."""
    curve = series.curves[series.evaluated[-1]]
    return curve.epoch[-1], curve.mean[-1]


def _lines(axes: Axes, kind: str, series: tuple[Series, ...], top: float, found: list[dict]) -> None:
    last = 0.0
    for i, one in enumerate(series):
        for curve in filter(None, [of_seed.get(kind) for of_seed in one.aside]):
            axes.plot(curve.epoch, curve.mean, color=found[i]['color'], linewidth=0.7)
        curve = one.curves.get(kind)
        if curve is None:
            continue
        every = max(1, round(len(curve.epoch) / _MARKS))
        axes.plot(curve.epoch, curve.mean, gid=f'{kind}-{i}', markevery=(i % every, every), **LINE, **found[i])
        if curve.seeds > 1 and len(series) <= _MOST_BANDS:
            axes.fill_between(curve.epoch, curve.low, curve.high, color=found[i]['color'], alpha=0.16, linewidth=0)
        last = max(last, curve.epoch[-1])
    axes.set(xlim=(0, last * 1.02), ylim=(0, top), xlabel='epoch')
    axes.xaxis.set_major_locator(FixedLocator(ticks(0, last, most=6, integer=last >= 3)))
    axes.yaxis.set_major_locator(FixedLocator(ticks(0, top, most=8)))
    style_axes(axes)


def _top(chart: Learning) -> float:
    """The upper limit: above all errors after the first tenth of the epochs, of the series that learned if any did."""
    learned = [one for one in chart.series if one.collapsed < one.seeds] or chart.series
    shown = []
    for curve in (curve for one in learned for curve in one.curves.values()):
        later = np.array(curve.epoch) > _FIRST_SHARE * curve.epoch[-1]
        shown.append(np.array(curve.high)[later].max())
    return min(100.0, 1.06 * max(shown)) or 1.0
