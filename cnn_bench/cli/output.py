"""Printing to stdout: tables, JSON, CSV and Markdown.

Tables fit the terminal that they are printed to. Elsewhere, in a pipe or a file, nothing is cut, folded or left out.
"""

import csv
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from cnn_bench.errors import printable

if TYPE_CHECKING:
    from rich.table import Table

UNLIMITED = 1000  # columns of text


class Heading(NamedTuple):
    """The heading of a table's column, and how its cells are set."""

    header: str
    number: bool = False  # aligned to the right
    folds: bool = False  # onto several lines where the terminal is narrow; others are cut there


def print_table(
    columns: Sequence[Heading], rows: Iterable[Sequence[str]], title: str = '', fewest: int | None = None
) -> None:
    """Print rows of text under the headers of `columns`.

    With `fewest`, a terminal that is too narrow is shown fewer columns, but at least the first `fewest`.
    """
    from rich.console import Console

    plain = {'highlight': False, 'markup': False, 'emoji': False}
    console = Console(**plain) if sys.stdout.isatty() else Console(width=UNLIMITED, **plain)
    rows, shown, unlimited = list(rows), len(columns), console.options.update(width=UNLIMITED)

    def too_wide() -> bool:
        return console.measure(_table(columns[:shown], rows, title), options=unlimited).maximum > console.width

    while fewest is not None and shown > fewest and too_wide():
        shown -= 1
    console.print(_table(columns[:shown], rows, title))


def print_line(text: object, file: TextIO | None = None) -> None:
    """Print `text`, in which a name that somebody else gave may stand, on one line; to `file` (default: stdout)."""
    print(printable(text), file=file, flush=True)


def print_json(value: Any, default: Callable | None = None) -> None:
    """Print `value` as JSON; `default` converts what JSON does not have."""
    print(json.dumps(value, indent=2, default=default))


def print_csv(rows: Sequence[dict[str, Any]]) -> None:
    """Print rows as CSV, under the keys of the first."""
    from cnn_bench.runs.spreadsheet import cell

    writer = csv.DictWriter(sys.stdout, rows[0], lineterminator='\n')
    writer.writeheader()
    writer.writerows({name: cell(value) for name, value in row.items()} for row in rows)


def print_markdown(columns: Sequence[Heading], rows: Iterable[Sequence[str]]) -> None:
    """Print rows of text as a Markdown table."""
    rule = ['---:' if column.number else '---' for column in columns]
    for cells in ([column.header for column in columns], rule, *rows):
        print(f'| {" | ".join(printable(cell).replace("|", chr(92) + "|") for cell in cells)} |')


def _table(columns: Sequence[Heading], rows: Sequence[Sequence[str]], title: str) -> 'Table':
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(title=printable(title) or None, title_justify='left', box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        justify = 'right' if column.number else 'left'
        table.add_column(column.header, justify=justify, no_wrap=not column.folds, overflow='fold')
    for cells in rows:
        table.add_row(*map(printable, cells[: len(columns)]))
    return table
