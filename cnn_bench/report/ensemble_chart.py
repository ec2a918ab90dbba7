"""The chart of ensembles: error against the sum of multiply-adds, single networks and ensembles told apart."""

import math
from collections.abc import Sequence

import pandas as pd

from cnn_bench import stats
from cnn_bench.report import ablation, ensembles
from cnn_bench.report.ensembles import Member
from cnn_bench.report.figures import Chart, Point, human

ONE, SEVERAL = 'one network', 'ensemble'
MOST_NAMED = 30  # single networks; of more, those on the front have their names beside them


def error_against_cost(found: Sequence[Member], best: pd.DataFrame, subtitle: str = '') -> Chart | None:
    """The members alone and the ensembles of `ensembles.best`; None where there are none, or a cost is not known."""
    if best.empty or not all(member.macs > 0 for member in found):
        return None
    rows = [*map(ensembles.evaluate, ([member] for member in found)), *best.to_dict('records')]
    front = stats.pareto_front([row['macs'] for row in rows], [row['top1_err_pct'] for row in rows])
    return Chart(
        name='ensembles',
        title='What networks err alone and together, and what it costs',
        subtitle=subtitle,
        x_label='multiply-adds of one image, forward, summed over the members (MACs)',
        y_label='top-1 error (%)',
        caption=_CAPTION + ('' if len(found) <= MOST_NAMED else _NOT_ALL_NAMED),
        points=tuple(_point(row, bool(on), len(found) <= MOST_NAMED) for row, on in zip(rows, front, strict=True)),
        kinds='Kind',
    )


_CAPTION = (
    'Squares are single networks, circles ensembles: the probabilities of their members averaged. The area of a mark '
    'is proportional to the parameters, of an ensemble those of all its members. “The 3 best” are the three networks '
    'of least error; “3, greedily” starts from the best and adds whichever leaves the least error. Members were chosen '
    'on the very images that the error is counted on, so chosen ensembles look better than they are; only that of all '
    'networks was not chosen. The dashed steps are the Pareto front: nothing here has both fewer multiply-adds and '
    'less error than a mark on it.'
)
_NOT_ALL_NAMED = ' Of the single networks those on the front alone are named; point at the others for their names.'


def name(row: dict) -> str:
    """What a row of `ensembles.best` is called in few words: 'all 8', 'the 3 best', or '3, greedily'."""
    ways = row['chosen'].split(', ')
    if ensembles.ALL in ways:
        return f'all {row["size"]}'
    return f'the {row["size"]} best' if ensembles.IN_ORDER in ways else f'{row["size"]}, greedily'


def gain(row: dict) -> str:
    """The gain of a row of `ensembles.best` with its interval, in points: '+1.50 (+0.90 to +2.10)'."""
    interval = (
        f' ({ablation.signed(row["low"])} to {ablation.signed(row["high"])})' if math.isfinite(row['low']) else ''
    )
    return f'{ablation.signed(row["gain"])}{interval}'


def _point(row: dict, on_front: bool, all_named: bool) -> Point:
    alone = row['size'] == 1
    details = [
        ('top-1 error', f'{row["top1_err_pct"]:.2f} %'),
        ('top-5 error', f'{row["top5_err_pct"]:.2f} %'),
        ('multiply-adds', human(row['macs'])),
        ('parameters', human(row['params'])),
    ]
    if not alone:
        details += [
            ('members', '; '.join(row['members'])),
            ('chosen', row['chosen']),
            ('less error than its best member', f'{gain(row)} points'),
            ('members disagree on', f'{row["disagreement_pct"]:.1f} % of the images'),
        ]
    return Point(
        label=row['members'][0] if alone else name(row),
        family=ONE if alone else SEVERAL,
        x=float(row['macs']),
        y=float(row['top1_err_pct']),
        half_width=math.nan,
        params=float(row['params']),
        on_front=on_front,
        details=tuple(details),
        named=all_named or on_front or not alone,
    )
