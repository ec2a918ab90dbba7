"""The summary as a LaTeX table that needs no package."""

import pandas as pd

from cnn_bench.report import tables

_ESCAPED = {
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


def escape(text: str) -> str:
    """`text` so that plain LaTeX prints it; letters beyond ASCII are left to its UTF-8 input."""
    return ''.join(_ESCAPED.get(sign, sign) for sign in ' '.join(text.split()))


def table(summary: pd.DataFrame) -> str:
    """A tabular of the summary's columns, numbers to the right, prose (sources, notes) left out."""
    columns = [column for column in tables.shown_columns(summary) if column.kind != 'prose']
    places = ''.join('r' if column.kind == 'number' else 'l' for column in columns)
    rows = [[column.header for column in columns]]
    rows += [[column.text(row[column.key]) for column in columns] for row in summary.to_dict('records')]
    head, *body = [' & '.join(escape(cell) for cell in row) + r' \\' for row in rows]
    return '\n'.join(
        [f'\\begin{{tabular}}{{{places}}}', r'\hline', head, r'\hline', *body, r'\hline', '\\end{tabular}', '']
    )
