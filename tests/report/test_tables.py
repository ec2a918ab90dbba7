import io
import re

import pandas as pd
import pytest
from markdown_it import MarkdownIt
from run_files import train_row, write_run

from cnn_bench.analysis.summary import left_out, summarise
from cnn_bench.report import tables
from cnn_bench.runs import export


def test_what_latex_would_take_for_commands_is_escaped():
    assert tables.latex('a_b & 50 % {x} $1 #2 \\n ~^') == (
        r'a\_b \& 50 \% \{x\} \$1 \#2 \textbackslash{}n \textasciitilde{}\textasciicircum{}'
    )
    assert tables.latex('± 3 × 4\nnext') == r'$\pm$ 3 $\times$ 4 next'


def test_every_row_has_every_cell(table):
    table.loc[table.label == 'vgg11', 'label'] = 'a_b & c'
    text = tables.latex_table(tables.of_summary(summarise(table)))
    places = re.match(r'\\begin\{tabular\}\{([lr]+)\}\n\\hline\n', text)[1]
    rows = [line for line in text.splitlines() if line.endswith(r' \\')]
    assert len(rows) == 1 + 12
    assert {len(re.findall(r'(?<!\\)&', row)) for row in rows} == {len(places) - 1}
    assert r'a\_b \& c' in text
    assert text.endswith('\\hline\n\\end{tabular}\n')


def document(table, title, answer, notes):
    return tables.markdown(summarise(table), left_out(table), title, answer, notes)


ODD = [
    'a|b',
    '*bold* `code` _slanted_ ~gone~',
    '<b>&lt; &amp; </b>',
    '![p](u) [l](u) <http://a.b>',
    '# C #',
    '1. one',
    '> q',
]


@pytest.mark.parametrize('text', [*ODD, '- item', 'two\nlines\n\n# of text', 'a\\|b \\*', 'resnet20_bn', '2) x', '+ y'])
def test_a_document_shows_text_as_it_is(table, text):
    """Read by a parser of CommonMark and tables: title, header, cell, note and what was left out."""
    table[f'measured {text.lower()}'] = 1.0  # a column that an experiment measured
    table.loc[table.label == 'vgg11', 'label'] = text
    table.loc[table.label == 'xception', ['state', 'run', 'reason']] = ['diverged', text, text]
    written = document(table, text, '', [text])
    parsed = MarkdownIt('commonmark').enable(['table', 'strikethrough']).parse(written)
    shown = [token for block in parsed for token in block.children or ()]
    assert {token.type for token in shown} <= {'text', 'text_special'}
    assert {block.type for block in parsed if block.nesting == 1} == {
        *('heading_open', 'table_open', 'thead_open', 'tbody_open', 'tr_open', 'th_open', 'td_open'),
        *('paragraph_open', 'bullet_list_open', 'list_item_open'),
    }
    said, line = (
        [''.join(t.content for t in block.children) for block in parsed if block.children],
        ' '.join(text.split()),
    )
    assert said[0] == line
    assert said.count(line) == 3  # title, label and note
    assert ' '.join(f'measured {text.lower()}'.replace('_', ' ').split()) in said
    assert said[-1] == f'{line}: diverged: {line}'


def test_an_answer_is_markdown_without_html_and_pictures(table):
    answer = 'The **answer**: <script>alert(1)</script> ![x](http://a.b/c.png)\n\n| a | b |\n|---|---|\n| 1 | 2 |'
    made = MarkdownIt('commonmark', {'html': True}).enable('table').render(document(table, 'T', answer, []))
    assert '<strong>answer</strong>' in made
    assert '<td>2</td>' in made
    assert '<script' not in made
    assert '<img' not in made


FORMULAS = {'=1+1': "'=1+1", '+cmd': "'+cmd", '-x': "'-x", '@SUM(A1)': "'@SUM(A1)", '\t=1': "'\t=1"}


def test_no_text_of_a_csv_is_a_formula(table):
    kept = ['-5', '+0.5', '-1e-3', 'a=b', "'=1", '']
    for text, written in {**FORMULAS, **{text: text for text in kept}}.items():
        table['label'] = text
        table['=measured'] = -2.5
        text = tables.csv(table)
        read = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)
        assert set(read.label) == {written}
        assert set(read["'=measured"]) == {'-2.5'}  # numbers stay numbers


def test_exports_of_runs_hold_no_formula_either(tmp_path):
    write_run(tmp_path / 'runs' / '=run', [train_row(2, -0.5)], name='=HYPERLINK("x")', seed=1)
    for rows in (export.tidy, lambda path: export.metrics(path)[0]):
        export.write(rows(tmp_path / 'runs'), tmp_path / 'a.csv', 'csv')
        read = pd.read_csv(tmp_path / 'a.csv')
        assert read.run.item() == "'=run"
    assert read.loss.item() == -0.5
