import re

from cnn_bench.report import tables
from cnn_bench.report.summary import summarise


def test_what_latex_would_take_for_commands_is_escaped():
    assert tables.latex('a_b & 50 % {x} $1 #2 \\n ~^') == (
        r'a\_b \& 50 \% \{x\} \$1 \#2 \textbackslash{}n \textasciitilde{}\textasciicircum{}'
    )
    assert tables.latex('± 3 × 4\nnext') == r'$\pm$ 3 $\times$ 4 next'


def test_every_row_has_every_cell(table):
    table.loc[table.label == 'vgg11', 'label'] = 'a_b & c'
    text = tables.latex_table(summarise(table))
    places = re.match(r'\\begin\{tabular\}\{([lr]+)\}\n\\hline\n', text)[1]
    rows = [line for line in text.splitlines() if line.endswith(r' \\')]
    assert len(rows) == 1 + 12
    assert {len(re.findall(r'(?<!\\)&', row)) for row in rows} == {len(places) - 1}
    assert r'a\_b \& c' in text
    assert text.endswith('\\hline\n\\end{tabular}\n')
