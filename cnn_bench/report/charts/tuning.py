"""The chart of tuning: the lowest validation error to expect of n trials, a line per network."""

import numpy as np

from cnn_bench.analysis import tuning
from cnn_bench.report.charts.lines import Curve, Line, Lines
from cnn_bench.runs.columns import COLUMNS
from cnn_bench.runs.tuning import Tuning

_FIRST = 2  # number of trials from which on all errors are shown: a single one at random may be as bad as chance
_TIMES = 3.0  # the median of the last errors; a network that is worse throughout lies beyond the axis


def expected_best(record: Tuning, subtitle: str = '') -> Lines | None:
    """The chart of a record of tuning; None where no variant has two trials, one of them finished."""
    found = {name: errors for name, errors in sorted(tuning.expected_best(record).items()) if len(errors) > 1}
    if not found:
        return None
    curves = {name: Curve(tuple(range(1, len(of) + 1)), tuple(map(float, of))) for name, of in found.items()}
    return Lines(
        name='expected_best',
        title='Expected best of n tuning trials',
        subtitle=subtitle,
        caption='The lowest validation error to expect of n of the trials that were made, drawn at random (Dodge et '
        'al. 2019, arXiv 1909.03004). A line that still falls at its end asks for more trials. Trials that did not '
        'finish count as the worst that did.',
        x_label='tuning trials',
        y_label=f'expected lowest {COLUMNS["val_top1_err_pct"].axis_label}',
        lines=tuple(Line(name, {'': curve}) for name, curve in curves.items()),
        panels={'': ''},
        x_from=1.0,
        y_limits=_limits([curve.y for curve in curves.values()]),
    )


def _limits(found: list[tuple[float, ...]]) -> tuple[float, float]:
    """Around the errors of all but networks that are far worse than most, from the second trial on."""
    most = _TIMES * float(np.median([errors[-1] for errors in found]))
    shown = [error for errors in found if errors[-1] <= most for error in errors[_FIRST - 1 :]]
    low, high = min(shown), max(shown)
    room = 0.06 * (high - low) or 0.5
    return max(0.0, low - room), min(100.0, high + room)
