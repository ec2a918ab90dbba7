"""Recompute the figures in the source lecture and in the papers behind it, and report which of them hold.

Figures are compared as their source prints them: 'holds' is exact, 'holds rounded' agrees to the last printed digit,
'differs' comes with a reason. Claims that need training name the experiment that tests them. The exit status is 1 if a
claim differs without a reason.

  cnn-bench claims
  cnn-bench claims --markdown
  cnn-bench claims --json
"""

import argparse
import json
import sys
from collections.abc import Iterator
from typing import Any

from cnn_bench.errors import RunFailed

COLUMNS = ('claim', 'what is said', 'source', 'expected', 'computed', 'unit', 'verdict', 'from what, and why not')
SHORT = ('claim', 'what is said', 'expected', 'computed', 'unit', 'verdict')  # what fits on a screen
NUMBERS = ('expected', 'computed')
SHOWN = 5  # numbers; longer tables are summarised


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `cnn-bench claims`."""
    form = parser.add_mutually_exclusive_group()
    form.add_argument('--json', dest='form', action='store_const', const='json', help='print a list of objects')
    form.add_argument('--markdown', dest='form', action='store_const', const='markdown', help='print a table')


def run(args: argparse.Namespace) -> int:
    """Check all claims and print the result."""
    from cnn_bench.lecture.claims import all_claims, unexplained

    checked = list(_check_all(all_claims()))
    _PRINT[args.form](checked)
    if wrong := unexplained(checked):
        raise RunFailed(f'claims: {"; ".join(wrong)}')
    return 0


def _check_all(claims: list[Any]) -> Iterator[Any]:
    """Each checked claim; a terminal shows which one is being recomputed."""
    from cnn_bench.lecture.claims import check

    if not sys.stderr.isatty():
        yield from map(check, claims)
        return
    from rich.console import Console

    with Console(stderr=True).status('') as status:
        for number, claim in enumerate(claims, 1):
            status.update(f'recomputing {claim.id} ({number} of {len(claims)})')
            yield check(claim)


def _print_json(checked: list[Any]) -> None:
    print(json.dumps([one.record() for one in checked], indent=2))


def _print_markdown(checked: list[Any]) -> None:
    from cnn_bench.lecture.claims import summary

    rows = [COLUMNS, ['---:' if column in NUMBERS else '---' for column in COLUMNS], *map(cells, checked)]
    for row in rows:
        print(f'| {" | ".join(cell.replace("|", chr(92) + "|") for cell in row)} |')
    print(f'\n{summary(checked)}')


def _print_text(checked: list[Any]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from cnn_bench.lecture.claims import summary

    console = Console(highlight=False) if sys.stdout.isatty() else Console(width=1000, highlight=False)
    table = Table(box=SIMPLE_HEAD)
    for column in SHORT:
        table.add_column(column, justify='right' if column in NUMBERS else 'left', overflow='fold')
    for one in checked:
        row = dict(zip(COLUMNS, cells(one), strict=True))
        table.add_row(*(row[column] for column in SHORT))
    console.print(table)
    reasons = Table('where it differs', 'why', box=SIMPLE_HEAD)
    for one in checked:
        if one.claim.why:
            reasons.add_row(one.claim.id, one.claim.why)
    console.print(reasons)
    console.print(summary(checked))


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
