"""The tables of a report as text: all runs as CSV, the summary as Markdown and as LaTeX."""

import io
from collections.abc import Sequence

import pandas as pd

from cnn_bench.report import tuning_words
from cnn_bench.report.data import ReportData
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
    out.write(markdown_table(summary))
    for note in notes:
        out.write(f'\n{line(note)}\n')
    out.write(sections)
    if left_out:
        out.write('\nLeft out:\n\n')
        out.writelines(f'- {line(name)}: {escaped(why)}\n' for name, why in left_out)
    return out.getvalue()


def markdown_table(summary: pd.DataFrame) -> str:
    """The summary as a Markdown table, numbers to the right."""
    shown = shown_columns(summary)
    rows = [[column.text(row[column.name]) for column in shown] for row in summary.to_dict('records')]
    return _markdown_rows([column.header for column in shown], rows, [column.numeric for column in shown])


def markdown_tuning(data: ReportData) -> str:
    """The section on tuning of a Markdown document; '' where the runs were not tuned."""
    if data.tuning is None:
        return ''
    tables = [(tuning_words.HEAD_OF_CHOSEN, tuning_words.chosen_rows(data.tuning), 2)]
    if data.ranking:
        tables.append((tuning_words.HEAD_OF_RANKING, tuning_words.ranking_rows(data.ranking), 1))
    said = ''.join(f'\n{line(sentence)}\n' for sentence in tuning_words.sentences(data))
    made = [_markdown_rows(head, rows, [i >= texts for i in range(len(head))]) for head, rows, texts in tables if rows]
    return f'\n## Tuning{data.name and f" of {data.name}"}\n{said}' + ''.join(f'\n{table}' for table in made)


def _markdown_rows(head: Sequence[str], rows: Sequence[Sequence[str]], to_the_right: Sequence[bool]) -> str:
    lines = [[escaped(name) for name in head], ['---:' if right else ':---' for right in to_the_right]]
    lines += [[escaped(cell) for cell in row] for row in rows]
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
