"""Tables: described once, then written as Markdown, as LaTeX or by the page's macros. All runs as CSV."""

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from cnn_bench.analysis.summary import shown_columns, tidy
from cnn_bench.report.markdown import escaped, line, without_html
from cnn_bench.runs import columns, spreadsheet
from cnn_bench.runs.columns import Column

_LATEX = {
    '\\': r'\textbackslash{}',
    '~': r'\textasciitilde{}',
    '^': r'\textasciicircum{}',
    '<': r'\textless{}',
    '>': r'\textgreater{}',
    '|': r'\textbar{}',
    '"': r'\textquotedbl{}',
    '−': '$-$',
    '±': r'$\pm$',
    '×': r'$\times$',
    '·': r'$\cdot$',
    '…': r'\ldots{}',
    **{sign: f'\\{sign}' for sign in '&%$#_{}'},
}


class Cell(NamedTuple):
    """A cell of a table or of its head: its text, its kind (text, prose or number), and the number to sort by."""

    text: str
    kind: str = 'text'
    value: object = ''


@dataclass(frozen=True)
class Table:
    """Rows of cells below a head, and a `hint` that explains them."""

    head: Sequence[Cell]
    rows: Sequence[Sequence[Cell]]
    hint: str = ''


def of_columns(shown: Sequence[Column], rows: Iterable[Mapping], hint: str = '') -> Table:
    """The table of `rows` with those of the columns `shown` that have a value anywhere."""
    rows = list(rows)
    texts = {column.name: [column.text(row[column.name]) for row in rows] for column in shown}
    kinds = {c.name: 'number' if c.numeric else c.kind if c.kind == 'prose' else 'text' for c in shown}
    kept = [column for column in shown if any(texts[column.name])]
    cells = [
        [Cell(text, kinds[c.name], row[c.name] if text else '') for row, text in zip(rows, texts[c.name], strict=True)]
        for c in kept
    ]
    return Table([Cell(c.header, kinds[c.name]) for c in kept], [*zip(*cells, strict=True)], hint)


def of_texts(head: Sequence[str], rows: Iterable[Sequence[str]], texts: int = 0, hint: str = '') -> Table:
    """The table of rows of texts, those from the column number `texts` on to the right, if it is not 0."""
    kinds = ['number' if 0 < texts <= i else 'text' for i in range(len(head))]
    return Table([*map(Cell, head, kinds)], [[*map(Cell, row, kinds, row)] for row in rows], hint)


def of_summary(summary: pd.DataFrame) -> Table:
    """The summary, a row per configuration."""
    return of_columns(shown_columns(summary), summary.to_dict('records'))


def whole(table: pd.DataFrame) -> pd.DataFrame:
    """`tidy`, with counts as integers also where some are missing."""
    return tidy(table).astype(dict.fromkeys(columns.having(kind='count'), 'Int64'))


def csv(table: pd.DataFrame) -> str:
    """One row per run, finished or not, with all columns."""
    return spreadsheet.csv(whole(table))


def markdown(
    summary: pd.DataFrame,
    left_out: Sequence[tuple[str, str]],
    title: str,
    answer: str,
    notes: Sequence[str],
    sections: str = '',
) -> str:
    """A document of the title, the answer, the summary, the notes, further sections and the runs that were left out.

    `answer` and `sections` are Markdown, all else is text.
    """
    out = io.StringIO()
    out.write(f'# {escaped(title)}\n\n')
    if answer:
        out.write(f'{without_html(answer.strip())}\n\n')
    out.write(markdown_table(of_summary(summary)))
    for note in notes:
        out.write(f'\n{line(note)}\n')
    out.write(sections)
    if left_out:
        out.write('\nLeft out:\n\n')
        out.writelines(f'- {line(name)}: {escaped(why)}\n' for name, why in left_out)
    return out.getvalue()


def _written(table: Table) -> list[list[str]]:
    return [[header.text for header in table.head], *([cell.text for cell in row] for row in table.rows)]


def markdown_table(table: Table) -> str:
    """A Markdown table, numbers to the right."""
    head, *rows = [[escaped(text) for text in row] for row in _written(table)]
    lines = [head, ['---:' if header.kind == 'number' else ':---' for header in table.head], *rows]
    return ''.join(f'| {" | ".join(cells)} |\n' for cells in lines)


def latex_table(table: Table) -> str:
    """A LaTeX tabular that needs no package: numbers to the right, prose (sources, notes) left out."""
    kept = [i for i, header in enumerate(table.head) if header.kind != 'prose']
    alignment = ''.join('r' if table.head[i].kind == 'number' else 'l' for i in kept)
    head, *body = [' & '.join(latex(row[i]) for i in kept) + r' \\' for row in _written(table)]
    return '\n'.join(
        [f'\\begin{{tabular}}{{{alignment}}}', r'\hline', head, r'\hline', *body, r'\hline', '\\end{tabular}', '']
    )


def latex(text: str) -> str:
    """`text` escaped so that plain LaTeX prints it; letters beyond ASCII are left to its UTF-8 input."""
    return ''.join(_LATEX.get(sign, sign) for sign in ' '.join(text.split()))
