"""Recompute the figures in the source lecture and in the papers behind it, and report which of them hold.

Figures are compared as their source prints them: 'holds' is exact, 'holds rounded' agrees to the last printed digit,
'differs' comes with a reason. Claims that need training name the experiment that tests them. The exit status is 1 if a
claim differs without a reason.

  cnn-bench claims
  cnn-bench claims --markdown
  cnn-bench claims --json
"""

import argparse
import itertools
from typing import Any

from cnn_bench.cli import output
from cnn_bench.cli.output import Heading
from cnn_bench.cli.tracking import tracking
from cnn_bench.errors import RunFailed

COLUMNS = (
    *(Heading(header, folds=True) for header in ('claim', 'what is said', 'source')),
    *(Heading(header, number=True, folds=True) for header in ('expected', 'computed')),
    *(Heading(header, folds=True) for header in ('unit', 'verdict', 'from what, and why not')),
)
SHORT = (0, 1, 3, 4, 5, 6)  # the columns that fit on a screen
REASONS = (Heading('where it differs'), Heading('why', folds=True))
SHOWN = 5  # numbers; longer tables are summarised


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `cnn-bench claims`."""
    form = parser.add_mutually_exclusive_group()
    form.add_argument('--json', dest='form', action='store_const', const='json', help='print a list of objects')
    form.add_argument('--markdown', dest='form', action='store_const', const='markdown', help='print a table')


def run(args: argparse.Namespace) -> int:
    """Check all claims and print the result."""
    from cnn_bench.lecture.claims import TOPICS, check_all, unexplained

    with tracking() as track:
        topics = list(track(check_all(), 'recomputing', len(TOPICS)))
    checked = list(itertools.chain.from_iterable(topics))
    _PRINT[args.form](checked)
    if wrong := unexplained(checked):
        raise RunFailed(f'claims: {"; ".join(wrong)}')
    return 0


def _print_json(checked: list[Any]) -> None:
    output.print_json([one.record() for one in checked])


def _print_markdown(checked: list[Any]) -> None:
    from cnn_bench.lecture.claims import summary

    output.print_markdown(COLUMNS, map(cells, checked))
    print(f'\n{summary(checked)}')


def _print_text(checked: list[Any]) -> None:
    from cnn_bench.lecture.claims import summary

    rows = [cells(one) for one in checked]
    output.print_table([COLUMNS[place] for place in SHORT], [[row[place] for place in SHORT] for row in rows])
    output.print_table(REASONS, [(one.claim.id, one.claim.why) for one in checked if one.claim.why])
    print(summary(checked))


def cells(checked: Any) -> list[str]:
    """The cells of a checked claim, in the order of `COLUMNS`."""
    claim = checked.claim
    return [
        claim.id,
        claim.text,
        claim.source,
        _as_text(claim.expected),
        _computed(checked),
        claim.unit,
        checked.verdict,
        _remark(claim),
    ]


def _remark(claim: Any) -> str:
    if claim.recompute is None:
        return f'tested by: {claim.tested_by}' if claim.tested_by else 'no test here'
    return f'{claim.how}: {claim.why}' if claim.why else claim.how


def _computed(checked: Any) -> str:
    from cnn_bench.lecture.claims.claim import DIFFERS, compare_each, numbers

    claim, computed = checked.claim, checked.computed
    if claim.recompute is None:
        return '–'
    many = len(list(numbers(computed)))
    if many <= SHOWN or many != len(list(numbers(claim.expected))):
        return _as_text(computed)
    agreeing = sum(verdict != DIFFERS for verdict in compare_each(claim.expected, computed, claim.truncated))
    return f'{agreeing} of {many} agree'


def _as_text(value: Any) -> str:
    from cnn_bench.lecture.claims.claim import numbers

    items = [_number(item) for item in numbers(value)]
    return ', '.join(items) if len(items) <= SHOWN else f'{len(items)} numbers'


def _number(value: Any) -> str:
    if isinstance(value, str):
        return value
    return f'{value:,}' if isinstance(value, int) else f'{value:.4g}'


_PRINT = {None: _print_text, 'json': _print_json, 'markdown': _print_markdown}
