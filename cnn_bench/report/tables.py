"""The tables of a report as text: all runs as CSV, the summary as Markdown and as LaTeX."""

import io
from collections.abc import Sequence

import pandas as pd

from cnn_bench.report.markdown import escaped, line, without_html
from cnn_bench.report.summary import shown_columns, tidy
from cnn_bench.runs import columns, spreadsheet

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


def whole(table: pd.DataFrame) -> pd.DataFrame:
    """`tidy`, with counts as integers also where some are missing."""
    return tidy(table).astype(dict.fromkeys(columns.having(kind='count'), 'Int64'))


def csv(table: pd.DataFrame) -> str:
    """One row per run, finished or not, with all columns."""
    return spreadsheet.csv(whole(table))


def markdown(
    summary: pd.DataFrame, left_out: Sequence[tuple[str, str]], title: str, answer: str, notes: Sequence[str]
) -> str:
    """A document of the title, the answer, the summary, the notes and the runs that were left out, each with a reason.

    `answer` is Markdown, all else is text.
    """
    out = io.StringIO()
    out.write(f'# {escaped(title)}\n\n')
    if answer:
        out.write(f'{without_html(answer.strip())}\n\n')
    out.write(markdown_table(summary))
    for note in notes:
        out.write(f'\n{line(note)}\n')
    if left_out:
        out.write('\nLeft out:\n\n')
        out.writelines(f'- {line(name)}: {escaped(why)}\n' for name, why in left_out)
    return out.getvalue()


def markdown_table(summary: pd.DataFrame) -> str:
    """The summary as a Markdown table, numbers to the right."""
    shown = shown_columns(summary)
    lines = [[escaped(column.header) for column in shown], ['---:' if column.numeric else ':---' for column in shown]]
    for row in summary.to_dict('records'):
        lines.append([escaped(column.text(row[column.name])) for column in shown])
    return ''.join(f'| {" | ".join(cells)} |\n' for cells in lines)


def latex_table(summary: pd.DataFrame) -> str:
    """The summary as a LaTeX tabular that needs no package: numbers to the right, prose (sources, notes) left out."""
    shown = [column for column in shown_columns(summary) if column.kind != 'prose']
    alignment = ''.join('r' if column.numeric else 'l' for column in shown)
    rows = [[column.header for column in shown]]
    rows += [[column.text(row[column.name]) for column in shown] for row in summary.to_dict('records')]
    head, *body = [' & '.join(latex(cell) for cell in row) + r' \\' for row in rows]
    return '\n'.join(
        [f'\\begin{{tabular}}{{{alignment}}}', r'\hline', head, r'\hline', *body, r'\hline', '\\end{tabular}', '']
    )


def latex(text: str) -> str:
    """`text` escaped so that plain LaTeX prints it; letters beyond ASCII are left to its UTF-8 input."""
    return ''.join(_LATEX.get(sign, sign) for sign in ' '.join(text.split()))
