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
from cnn_bench.cli.output import Column
from cnn_bench.cli.tracking import tracking
from cnn_bench.errors import RunFailed

COLUMNS = (
    Column('id', 'claim', least=30),
    Column('text', 'what is said', rank=1, least=20),
    Column('source', rank=5, least=16),
    Column('expected', text=lambda value: _as_text(value), least=13),
    Column('computed', text=lambda value: _as_text(value), least=14),
    Column('unit', rank=2, least=14),
    Column('verdict', least=13),
    Column('how', 'from what', rank=3, least=16),
    Column('tested_by', 'tested by', rank=4, least=16),
    Column('why', 'why it differs', rank=6, least=20),
)
SHOWN = 5  # numbers; longer tables are summarised


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `cnn-bench claims`."""
    output.add_form(parser, COLUMNS).add_argument('--markdown', action='store_true', help='print a Markdown table')


def run(args: argparse.Namespace) -> int:
    """Check all claims and print the result."""
    from cnn_bench.lecture.claims import TOPICS, check_all, unexplained

    with tracking() as track:
        topics = list(track(check_all(), 'recomputing claims', len(TOPICS)))
    checked = list(itertools.chain.from_iterable(topics))
    rows = [one.record() for one in checked]
    if args.json:
        output.print_json(rows)
    else:
        _print(checked, rows, args)
    if wrong := unexplained(checked):
        raise RunFailed(f'claims: {"; ".join(wrong)}')
    return 0


def _print(checked: list[Any], rows: list[dict], args: argparse.Namespace) -> None:
    from cnn_bench.lecture.claims import summary

    told = [row | {'computed': _computed(one)} for one, row in zip(checked, rows, strict=True)]
    if args.markdown:
        output.print_markdown(COLUMNS, told)
        print(f'\n{summary(checked)}')
        return
    left_out = output.print_table(COLUMNS, rows if output.is_piped() else told, args)
    for row in rows:
        if row['why'] and 'why' in left_out:
            output.print_note(f'{row["id"]} differs: {row["why"]}')
    output.print_note(summary(checked))


def _computed(checked: Any) -> str | None:
    from cnn_bench.lecture.claims.claim import DIFFERS, compare_each, numbers

    claim, computed = checked.claim, checked.computed
    if claim.recompute is None:
        return None
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
