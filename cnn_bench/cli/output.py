"""Printing: tables, JSON, CSV, Markdown and lines of prose.

A table fits the terminal that it is printed to: columns are left out in the order of their `rank` until it does, a line
says which, and no number is cut or broken. Elsewhere, in a pipe or a file, it is tab-separated text: a header with the
names of all columns and a line per row, in which values are as in JSON. Prose is wrapped at words on a terminal and one
line elsewhere.
"""

import argparse
import csv
import json
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

from cnn_bench.errors import UserError, printable, unknown

if TYPE_CHECKING:
    from rich.table import Table

UNKNOWN = '–'  # a value that is None, on a terminal
GAP = 2  # characters between columns
_QUANTITY = re.compile(r'(?<=\d) (?=(?:%|[kMGT]|[KMG]iB|m?s|min|h)(?!\w))')  # a number and its unit stay on one line
_NUMBER = re.compile(r'[<>+−-]?\d[\d,.]*')
_NO_BREAK = '\xa0'


@dataclass(frozen=True)
class Column:
    """A column of a table: the field `name` of its rows, and how a terminal shows it."""

    name: str  # what --columns takes, and the header elsewhere
    header: str = ''  # with the unit; default: the name
    text: Callable[[Any], str] = str  # of a value that is not None
    number: bool = False  # aligned to the right and kept on one line; text folds where the terminal is narrow
    rank: int = 0  # where not all fit, those of the highest rank are left out first; those of rank 0 never
    least: int = 24  # characters to which text folds at most
    once: bool = False  # shown where it differs from the row before, with a space before it

    def cell(self, row: dict[str, Any]) -> str:
        """The text of this column of `row`."""
        value = row.get(self.name)
        return UNKNOWN if value is None else printable(self.text(value))


def count(name: str, header: str = '', rank: int = 0) -> Column:
    """A column of whole numbers, in full."""
    return Column(name, header, '{:,}'.format, True, rank)


def by_x(shape: Iterable[int]) -> str:
    """[1, 224, 224, 3] as '1x224x224x3'."""
    return 'x'.join(map(str, shape))


def in_mib(size: float) -> str:
    """A number of bytes in MiB, with three decimals: 12_000_000 as '11.444'. 0 is '0'."""
    from cnn_bench.runtime.memory import MIB

    if size < MIB / 2000:
        return '< 0.001' if size else '0'
    return f'{size / MIB:,.3f}'


def add_form(parser: Any, columns: Sequence[Column], json_has: str = '') -> Any:
    """Add --json, --columns and --wide to a parser or a group of it, and return their group: at most one is given."""
    form = parser.add_mutually_exclusive_group()
    form.add_argument('--json', action='store_true', help=f'print JSON{json_has}')

    def names(text: str) -> list[str]:
        check_columns(text.split(','), columns)
        return text.split(',')

    lasting = ', '.join(column.name for column in sorted(columns, key=lambda column: column.rank))
    form.add_argument(
        '--columns',
        type=names,
        metavar='C,...',
        help=f'columns of the table; a terminal that is too narrow is shown the first of: {lasting}',
    )
    form.add_argument('--wide', action='store_true', help='all columns, however narrow the terminal is')
    return form


def check_columns(wanted: Sequence[str], columns: Sequence[Column]) -> None:
    """Raise UserError unless each name `wanted` is that of one of `columns`, and stands there once."""
    for name in wanted:
        if name not in (known := [column.name for column in columns]):
            raise unknown('column', name, known)
    if len(set(wanted)) < len(wanted):
        raise UserError(f'--columns {",".join(wanted)} names a column twice')


def is_piped() -> bool:
    """Whether stdout is something else than a terminal."""
    return not sys.stdout.isatty()


def print_table(
    columns: Sequence[Column], rows: Iterable[dict[str, Any]], form: argparse.Namespace, title: str = ''
) -> set[str]:
    """Print `rows` as a table, and return the names of the columns that did not fit.

    `form` has the values of the arguments of `add_form`. Columns without a value are not shown, unless they were asked
    for.
    """
    rows = list(rows)
    by_name = {column.name: column for column in columns}
    shown = [by_name[name] for name in form.columns or by_name if name in by_name]
    if is_piped():
        print_fields(shown, rows)
        return set()
    from rich.console import Console

    width = Console().width
    filled = [_Filled(column, rows) for column in shown]
    if not form.columns:
        filled = [one for one in filled if not rows or any(cell not in ('', UNKNOWN) for cell in one.cells)]
    fitted = filled if form.columns or form.wide else _fitting(filled, width)
    if title:
        print()
        print_line(title)
    plain = Console(width=max(width, _sum(one.least for one in fitted)), highlight=False, markup=False, emoji=False)
    plain.print(_table(fitted, len(rows), plain.width), crop=False)
    left_out = [one.column.name for one in filled if one not in fitted]
    if left_out:
        print_line(f'Left out, to fit: {", ".join(left_out)}. All columns: --wide; some: --columns C,...')
    return set(left_out)


def print_fields(columns: Sequence[Column], rows: Iterable[dict[str, Any]]) -> None:
    """Print `rows` as tab-separated text under the names of `columns`; what is neither text nor a number, as JSON."""
    print(*(column.name for column in columns), sep='\t')
    for row in rows:
        print(*(_field(row.get(column.name)) for column in columns), sep='\t')


def _field(value: Any) -> str:
    return '' if value is None else printable(value if isinstance(value, str) else json.dumps(value))


def print_line(text: object, file: TextIO | None = None) -> None:
    """Print `text`, in which a name that somebody else gave may stand, to `file` (default: stdout), as prose."""
    file, line = file or sys.stdout, printable(text)
    if file.isatty():
        from rich.console import Console

        line = wrapped(line, Console(file=file).width)
    print(line, file=file, flush=True)


def print_note(text: object) -> None:
    """Print what is said about a table: to stderr where stdout is no terminal, and the table alone goes there."""
    print_line(text, sys.stderr if is_piped() else sys.stdout)


def wrapped(line: str, width: int, indent: str = '') -> str:
    """`line` in lines of at most `width` characters, broken between words; all but the first begin with `indent`."""
    import textwrap

    whole = {'break_long_words': False, 'break_on_hyphens': False}
    return textwrap.fill(_QUANTITY.sub(_NO_BREAK, line), width, subsequent_indent=indent, **whole).replace(
        _NO_BREAK, ' '
    )


def print_json(value: Any, default: Callable | None = None) -> None:
    """Print `value` as JSON; `default` converts what JSON does not have."""
    print(json.dumps(value, indent=2, default=default))


def print_csv(rows: Sequence[dict[str, Any]]) -> None:
    """Print rows as CSV, under the keys of the first."""
    from cnn_bench.runs.spreadsheet import cell

    writer = csv.DictWriter(sys.stdout, rows[0], lineterminator='\n')
    writer.writeheader()
    writer.writerows({name: cell(value) for name, value in row.items()} for row in rows)


def print_markdown(columns: Sequence[Column], rows: Iterable[dict[str, Any]]) -> None:
    """Print rows as a Markdown table."""
    headers = [column.header or column.name for column in columns]
    rule = ['---:' if column.number else '---' for column in columns]
    for cells in (headers, rule, *([column.cell(row) for column in columns] for row in rows)):
        print(f'| {" | ".join(cell.replace("|", chr(92) + "|") for cell in cells)} |')


class _Filled:
    """A column with the texts of its cells, the width that it can use, `full`, and the one that it needs, `least`."""

    def __init__(self, column: Column, rows: Sequence[dict[str, Any]]):
        from rich.cells import cell_len

        self.column, self.header = column, column.header or column.name
        self.cells = [column.cell(row) for row in rows]
        numbers = (word for cell in self.cells for word in cell.split() if _NUMBER.fullmatch(word))
        whole = self.cells if column.number else numbers
        self.full = max(map(cell_len, (self.header, *self.cells)))
        self.least = max(map(cell_len, (*self.header.split(' '), *whole)))
        if not column.number:
            self.least = max(self.least, min(self.full, column.least))


def _fitting(filled: Sequence[_Filled], width: int) -> list[_Filled]:
    """The columns that fit into `width`, and those of rank 0 in any case."""
    fitted = list(filled)
    while _sum(one.least for one in fitted) > width and (last := max(one.column.rank for one in fitted)):
        fitted = [one for one in fitted if one.column.rank < last]
    return fitted


def _sum(widths: Iterable[int]) -> int:
    """The width of a table of columns of these `widths`."""
    widths = list(widths)
    return sum(widths) + GAP * (len(widths) - 1)


def _widths(filled: Sequence[_Filled], width: int) -> list[int]:
    """The width of each column in a table of `width`: those that could be wider than they must be share alike."""

    def up_to(level: int) -> list[int]:
        return [min(one.full, max(one.least, level)) for one in filled]

    return up_to(max((level for level in range(width) if _sum(up_to(level)) <= width), default=0))


def _table(filled: Sequence[_Filled], count: int, width: int) -> 'Table':
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, GAP - 1, 0, 0), show_edge=False)
    for one, characters in zip(filled, _widths(filled, width), strict=True):
        side = 'right' if one.column.number else 'left'
        table.add_column(one.header, justify=side, overflow='fold', width=characters)
    for row in range(count):
        cells = [one.cells[row] for one in filled]
        again = [one.column.once and row and one.cells[row - 1] == one.cells[row] for one in filled]
        if row and any(one.column.once and not same for one, same in zip(filled, again, strict=True)):
            table.add_section()
        table.add_row(*('' if same else cell for cell, same in zip(cells, again, strict=True)))
    return table
