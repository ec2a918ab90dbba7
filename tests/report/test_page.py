import re
from html.parser import HTMLParser

import pandas as pd
import pytest

from cnn_bench.analysis.summary import summarise
from cnn_bench.report.charts import saving
from cnn_bench.report.charts.density import accuracy_density
from cnn_bench.report.data import ReportData
from cnn_bench.report.explorer import vega
from cnn_bench.report.page import render as page
from cnn_bench.runs.study import Hypothesis, Study

VOID = {'meta', 'link', 'br', 'hr', 'img', 'input', 'wbr'}
EVIL = '<script>alert("x")</script> & </script>'


class Parsed(HTMLParser):
    """Collects attributes, ids and text, and fails on tags that do not close in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.attributes, self.tags, self.text = [], [], [], [], ''
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *attr) for attr in attrs]
        self.ids += [value for name, value in attrs if name == 'id']

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if 'script' not in self.open and 'style' not in self.open:
            self.text += data


def render(table, directory, title='A question?', answer='', **fields):
    made = ReportData(table, **fields)
    chart = accuracy_density(made.summary)
    return page.render(made, [(chart, saving.save(chart, directory))], [], title, answer)


@pytest.fixture
def table(make_table):
    return make_table(4, 3)


@pytest.fixture
def evil_page(table, tmp_path):
    table.loc[table.label == 'lenet5', ['label', 'run', 'family']] = EVIL
    table['reason'] = pd.Series(dtype=object)
    table.loc[table.label == 'xception', ['state', 'run', 'reason']] = ['diverged', EVIL, EVIL]
    hypothesis = Hypothesis(EVIL, EVIL, less=EVIL, more='absent')
    asked = Study(EVIL, EVIL, EVIL, EVIL, 3, EVIL, EVIL, (), (hypothesis,))
    configs = {run: {'field': EVIL, 'model': {'arch': run, EVIL: seed}} for seed, run in enumerate(table.run)}
    answer = f'The **answer**, {EVIL} ![picture](http://example.org/x.png)'
    return render(table.assign(git=EVIL), tmp_path, title=EVIL, answer=answer, study=asked, configs=configs)


def test_every_network_is_in_table_and_chart(table, tmp_path):
    text = render(table, tmp_path)
    parsed = Parsed(text)
    for label in table.label.unique():
        assert label in parsed.text
    assert {f'accuracy_density-point-{i}' for i in range(4)} <= set(parsed.ids)
    assert 'fashion_mnist' in parsed.text


def test_text_is_escaped(evil_page, make_table, tmp_path):
    parsed = Parsed(evil_page)
    assert parsed.tags.count('script') == Parsed(render(make_table(4, 3), tmp_path)).tags.count('script')
    assert parsed.text.count('alert("x")') >= 5
    assert '<strong>answer</strong>' in evil_page


def test_nothing_is_fetched(evil_page):
    for tag, name, value in Parsed(evil_page).attributes:
        if tag != 'a' and name in ('src', 'href', 'xlink:href', 'action', 'data', 'poster', 'srcset'):
            assert re.match(r'#|data:,$', value), (tag, value)
    ours = evil_page.replace(vega.script(), '')  # Vega could load data and pictures; the explorer gives it none
    assert '@import' not in ours
    assert not re.search(r'url\((?!#)', ours)
    addresses = set(re.findall(r'https?://[^"\'\s<)]+', ours))
    assert addresses <= {
        'https://vega.github.io/schema/vega/v6.json',
        'http://www.w3.org/1999/xlink',
        'http://example.org/x.png',
    }
    assert 'img' not in Parsed(evil_page).tags


def test_ids_are_unique_and_references_resolve(table, tmp_path):
    text = render(table, tmp_path)
    ids = Parsed(text).ids
    assert len(set(ids)) == len(ids)
    references = set(re.findall(r'(?:href="|url\()#([^")]+)', text))
    assert references
    assert references <= set(ids)


def test_the_chart_follows_the_theme(table, tmp_path):
    text = render(table, tmp_path)
    start = text.index('<svg', text.index('<figure'))
    svg = text[start : text.index('</svg>', start)]
    assert 'var(--ink)' in svg
    assert not set(re.findall(r'#[0-9a-f]{6}\b', svg))
    assert 'prefers-color-scheme: dark' in text


def test_cells_carry_their_values_for_sorting(table, tmp_path):
    text = render(table, tmp_path)
    values = [float(value) for value in re.findall(r'data-value="([^"]+)"', text)]
    assert summarise(table).macs.isin(values).all()


def test_what_was_left_out_is_named(table, tmp_path):
    assert 'Left out of the charts' not in render(table, tmp_path)
    table.loc[0, 'state'] = 'diverged'
    table['reason'] = pd.Series(dtype=object)
    table.loc[0, 'reason'] = 'loss <nan>'
    assert '<li><code>lenet5-0.25-seed0</code>: diverged: loss &lt;nan&gt;</li>' in render(table, tmp_path)


def test_hypotheses_stand_with_their_verdicts_and_sources(table, tmp_path):
    hypotheses = (Hypothesis('Depth <helps>', 'folklore', less='lenet5', more='xception'),)
    asked = Study('x.py', 'Why?', 'a paper', 'demo', 3, 'epochs', 'lenet5', (), hypotheses)
    text = Parsed(render(table, tmp_path, study=asked)).text
    assert re.search(r'contradicted Depth <helps> \+\d+\.\d\d points \(\+\d+\.\d\d to \+\d+\.\d\d\)\n', text)
    assert 'lenet5 minus xception is +' in text
    assert 'folklore' in text
    assert 'every network sees the training images equally often' in text


def test_only_the_fields_that_differ_are_shown(table, tmp_path):
    configs = {
        run: {'seed': seed, 'same': 7, 'model': {'arch': run.split('-')[0]}} for seed, run in enumerate(table.run)
    }
    text = render(table, tmp_path, configs=configs)
    start = text.index('<table>', text.index('What differs between the recipes'))
    shown = Parsed(text[start : text.index('</table>', start) + len('</table>')]).text
    assert 'model.archlenet5' in shown
    assert 'same' not in shown
    assert 'seed' not in shown


def test_every_run_says_where_it_comes_from(table, tmp_path):
    text = Parsed(render(table.assign(commit='0123456789', data_fingerprint='ab' * 32), tmp_path)).text
    assert 'All 12 runs' in text
    for run in table.run:
        assert run in text
    assert text.count('abababababab') >= 12


def test_the_same_table_gives_the_same_page(table, tmp_path):
    assert render(table, tmp_path) == render(table, tmp_path)


HYPOTHESES = (
    Hypothesis('xception has less error', 'us', less='xception', more='lenet5'),
    Hypothesis('lenet5 has less error', 'us', less='lenet5', more='xception'),
    Hypothesis('nobody trained it', 'us', less='lenet5', more='absent'),
)
LONG = 'First this. Then that, at length.'


@pytest.mark.parametrize(
    ('answer', 'charts', 'hypotheses', 'said'),
    [
        ('One *short* sentence.', (), (), 'One short sentence.'),
        (LONG, (), (), ' networks have less error than any that is as cheap: lenet5 ('),
        ('', ('accuracy_vs_params',), HYPOTHESES, ' networks have less error than any that is as cheap: lenet5 ('),
        (
            LONG,
            ('differences',),
            HYPOTHESES,
            'Of 3 hypotheses these runs support 1 (xception has less error), contradict 1 (lenet5 has less error) and '
            'leave 1 undecided.',
        ),
        (LONG, ('differences',), HYPOTHESES[2:], 'Of one hypothesis these runs leave 1 undecided (nobody trained it).'),
    ],
)
def test_the_answer_is_one_sentence(table, tmp_path, answer, charts, hypotheses, said):
    asked = Study('x.py', 'Why?', 'a paper', 'demo', 3, 'epochs', '', charts, hypotheses, answer=answer)
    text = render(table, tmp_path, study=asked, answer=answer)
    first = Parsed(text[text.index('<div class="answer">') : text.index('<details')]).text.strip()
    assert said in first
    assert '\n' not in first
    assert (LONG in Parsed(text).text) == (answer == LONG)


def test_the_ends_of_a_long_front_are_named(make_table, tmp_path):
    table = make_table(8)
    errors = dict(zip(summarise(table).label, range(80, 0, -10), strict=True))
    found = summarise(table.assign(top1_err_pct=table.label.map(errors)))
    (cheapest, *_, dearest) = found.label
    text = render(table.assign(top1_err_pct=table.label.map(errors)), tmp_path)
    assert f'8 of 8 networks have less error than any that is as cheap: from {cheapest} (80.0\xa0%' in text
    assert f' to {dearest} (10.0\xa0%' in text
