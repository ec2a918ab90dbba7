"""Recompute every figure of the source lecture and of the papers behind it, and say which of them hold.

Figures are judged as their source prints them: 'holds' is exact, 'holds rounded' is right to the last printed digit,
'differs' comes with the reason. What only training can settle names the experiment that tests it. Exit status 1 if a
claim differs that gives no reason.

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
SHOWN = 5  # numbers of a longer table are not printed one by one


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `cnn-bench claims`."""
    form = parser.add_mutually_exclusive_group()
    form.add_argument('--json', dest='form', action='store_const', const='json', help='print a list of objects')
    form.add_argument('--markdown', dest='form', action='store_const', const='markdown', help='print a table')


def run(args: argparse.Namespace) -> int:
    """Check all claims and print what came of it."""
    from cnn_bench.claims import all_claims, unexplained

    findings = list(_checked(all_claims()))
    _PRINT[args.form](findings)
    if wrong := unexplained(findings):
        raise RunFailed(f'claims: {"; ".join(wrong)}')
    return 0


def _checked(claims: list[Any]) -> Iterator[Any]:
    """The findings; meanwhile a terminal shows which claim is being recomputed."""
    from cnn_bench.claims import check

    if not sys.stderr.isatty():
        yield from map(check, claims)
        return
    from rich.console import Console

    with Console(stderr=True).status('') as status:
        for number, claim in enumerate(claims, 1):
            status.update(f'recomputing {claim.id} ({number} of {len(claims)})')
            yield check(claim)


def _print_json(findings: list[Any]) -> None:
    print(json.dumps([finding.record() for finding in findings], indent=2))


def _print_markdown(findings: list[Any]) -> None:
    from cnn_bench.claims import summary

    rows = [COLUMNS, ['---:' if column in NUMBERS else '---' for column in COLUMNS], *map(cells, findings)]
    for row in rows:
        print(f'| {" | ".join(cell.replace("|", chr(92) + "|") for cell in row)} |')
    print(f'\n{summary(findings)}')


def _print_text(findings: list[Any]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from cnn_bench.claims import summary

    console = Console(highlight=False) if sys.stdout.isatty() else Console(width=1000, highlight=False)
    table = Table(box=SIMPLE_HEAD)
    for column in SHORT:
        table.add_column(column, justify='right' if column in NUMBERS else 'left', overflow='fold')
    for finding in findings:
        row = dict(zip(COLUMNS, cells(finding), strict=True))
        table.add_row(*(row[column] for column in SHORT))
    console.print(table)
    reasons = Table('where it differs', 'why', box=SIMPLE_HEAD)
    for finding in findings:
        if finding.claim.why:
            reasons.add_row(finding.claim.id, finding.claim.why)
    console.print(reasons)
    console.print(summary(findings))


def cells(finding: Any) -> list[str]:
    """The columns of a finding as text, in the order of `COLUMNS`."""
    claim = finding.claim
    return [
        claim.id,
        claim.text,
        claim.source,
        _written(claim.expected),
        _computed(finding),
        claim.unit,
        finding.verdict,
        _remark(finding),
    ]


def _remark(finding: Any) -> str:
    claim = finding.claim
    if claim.recompute is None:
        return f'tested by: {claim.tested_by}' if claim.tested_by else 'no test here'
    return f'{claim.how}: {claim.why}' if claim.why else claim.how


def _computed(finding: Any) -> str:
    from cnn_bench.claims.claim import DIFFERS, each, numbers

    claim, computed = finding.claim, finding.computed
    if claim.recompute is None:
        return '–'
    many = len(list(numbers(computed)))
    if many <= SHOWN or many != len(list(numbers(claim.expected))):
        return _written(computed)
    right = sum(verdict != DIFFERS for verdict in each(claim.expected, computed, claim.cut))
    return f'{right} of {many} agree'


def _written(value: Any) -> str:
    from cnn_bench.claims.claim import numbers

    items = [_number(item) for item in numbers(value)]
    return ', '.join(items) if len(items) <= SHOWN else f'{len(items)} numbers'


def _number(value: Any) -> str:
    if isinstance(value, str):
        return value
    return f'{value:,}' if isinstance(value, int) else f'{value:.4g}'


_PRINT = {None: _print_text, 'json': _print_json, 'markdown': _print_markdown}
