"""The chart of ensembles: error against summed multiply-adds, with single networks and ensembles as two kinds."""

import math
from collections.abc import Sequence

import pandas as pd

from cnn_bench import stats
from cnn_bench.analysis import ensembles
from cnn_bench.analysis.ensembles import Member
from cnn_bench.analysis.summary import SeedError
from cnn_bench.report.charts.scatter.spec import Point, Scatter
from cnn_bench.report.ensemble_words import how_chosen, name
from cnn_bench.runs.columns import COLUMNS

ONE, SEVERAL = 'one network', 'ensemble'
MOST_NAMED = 30  # single networks; where there are more, only those on the front have a label


def error_against_cost(found: Sequence[Member], best: pd.DataFrame, subtitle: str = '') -> Scatter | None:
    """The single members and the ensembles of `ensembles.best`; None where there are none or a cost is unknown."""
    if best.empty or not all(member.macs > 0 for member in found):
        return None
    rows = [*map(ensembles.evaluate, ([member] for member in found)), *best.to_dict('records')]
    collapsed = {member.run for member in found if member.collapsed}
    front = stats.pareto_front([row['macs'] for row in rows], [row['top1_err_pct'] for row in rows])
    return Scatter(
        name='ensembles',
        title='Error against cost: networks and their ensembles',
        subtitle=subtitle,
        x_label='multiply-adds of one image, forward, summed over the members (MACs)',
        y_label=COLUMNS['top1_err_pct'].axis_label,
        caption=f'{_CAPTION} {how_chosen(found)}' + ('' if len(found) <= MOST_NAMED else _NOT_ALL_NAMED),
        points=tuple(
            _point(row, bool(on), len(found) <= MOST_NAMED, {*row['runs']} <= collapsed)
            for row, on in zip(rows, front, strict=True)
        ),
        kinds='Kind',
    )


_CAPTION = (
    'Squares are single networks, circles ensembles: the probabilities of their members averaged. The area of a mark '
    'is proportional to the parameters, summed over the members of an ensemble. “The 3 best” are the three networks '
    'with the lowest error; “3, greedily” starts from the best and adds the network that lowers the error most. The '
    'dashed steps are the Pareto front: nothing here has both fewer multiply-adds and less error than a mark on it.'
)
_NOT_ALL_NAMED = ' Only single networks on the front are labelled.'


def _point(row: dict, on_front: bool, all_named: bool, collapsed: bool) -> Point:
    alone = row['size'] == 1
    return Point(
        label=row['members'][0] if alone else name(row),
        family=ONE if alone else SEVERAL,
        x=float(row['macs']),
        y=float(row['top1_err_pct']),
        half_width=math.nan,
        params=float(row['params']),
        on_front=on_front,
        named=all_named or on_front or not alone,
        seeds=(SeedError(math.nan, float(row['top1_err_pct']), collapsed=True),) if collapsed else (),
    )
