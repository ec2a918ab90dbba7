"""`cnn-bench claims`: its three forms, and that an unexplained difference fails it."""

import json
import re

import pytest

from cnn_bench.cli import main
from cnn_bench.lecture.claims import Claim, activations, ledger, lenet, needs_training, worked_examples


class Topic:
    def __init__(self, *claims):
        self._claims = claims

    def claims(self):
        return list(self._claims)


SIMPLE = Topic(
    Claim('one', 'is 1', 'a | book', 1, 'by hand', lambda: 1, 'units'),
    Claim('two', 'is 2.0', 'a book', '2.0', 'by hand', lambda: 2.04),
    Claim('three', 'is 3', 'a book', 3, 'by hand', lambda: 4, why='it was 4'),
    Claim('four', 'is 4', 'a book', '4', tested_by='none yet'),
    Claim('five', 'is 5', 'a book', '5'),
    Claim('six', 'a table', 'a book', (1, 2, 3, 4, 5, 6), 'by hand', lambda: (1, 2, 3, 4, 5, 6)),
)
SUMMARY = '6 claims: 2 hold, 1 hold rounded, 1 differ, 1 need training, 1 published elsewhere'


def _here(function, items, worth_it):
    """Other processes would have the real topics."""
    return map(function, items)


def _run(monkeypatch, capsys, *argv, topics=(SIMPLE,)):
    monkeypatch.setattr(ledger, 'TOPICS', topics)
    monkeypatch.setattr(ledger.processes, 'each', _here)
    status = main(['claims', *argv])
    return status, *capsys.readouterr()


def test_json(monkeypatch, capsys):
    status, out, err = _run(monkeypatch, capsys, '--json')
    records = {record['id']: record for record in json.loads(out)}
    assert (status, err) == (0, '')
    assert [record['verdict'] for record in records.values()] == [
        'holds',
        'holds rounded',
        'differs',
        'needs training',
        'published elsewhere',
        'holds',
    ]
    assert records['two'] == {
        'id': 'two',
        'text': 'is 2.0',
        'source': 'a book',
        'how': 'by hand',
        'expected': '2.0',
        'computed': 2.04,
        'unit': '',
        'verdict': 'holds rounded',
        'why': '',
        'tested_by': '',
    }
    assert records['three']['why'] == 'it was 4'
    assert (records['four']['computed'], records['four']['tested_by']) == (None, 'none yet')
    assert records['six']['computed'] == [1, 2, 3, 4, 5, 6]


def test_markdown(monkeypatch, capsys):
    status, out, _ = _run(monkeypatch, capsys, '--markdown')
    header, line, one, two, three, four, _, six, empty, summary = out.splitlines()
    assert status == 0
    assert header.startswith('| claim | what is said | source | expected | computed |')
    assert set(line) == set('| -')
    assert one == '| one | is 1 | a \\| book | 1 | 1 | units | holds | by hand |  |  |'
    assert two.endswith('| 2.0 | 2.04 |  | holds rounded | by hand |  |  |')
    assert three.endswith('| differs | by hand |  | it was 4 |')
    assert four.endswith('| 4 | – |  | needs training |  | none yet |  |')
    assert '| 6 numbers | 6 of 6 agree |' in six
    assert (empty, summary) == ('', SUMMARY)


def test_text(monkeypatch, capsys):
    monkeypatch.setattr('sys.stdout.isatty', lambda: True)
    monkeypatch.setenv('COLUMNS', '200')
    status, out, _ = _run(monkeypatch, capsys)
    assert status == 0
    lines = [line.split() for line in re.sub(r'\x1b\[[0-9;]*m', '', out).splitlines()]
    assert ['three', 'is', '3', 'a', 'book', '3', '4', 'differs', 'by', 'hand', 'it', 'was', '4'] in lines
    assert ['six', 'a', 'table', 'a', 'book', '6', 'numbers', '6', 'of', '6', 'agree', 'holds', 'by', 'hand'] in lines
    assert SUMMARY in ' '.join(out.split())
    monkeypatch.setenv('COLUMNS', '60')
    _, out, _ = _run(monkeypatch, capsys)
    assert 'three differs: it was 4' in out


@pytest.mark.parametrize(
    ('claim', 'message'),
    [
        (Claim('off', 'is 1', 'a book', 1, 'by hand', lambda: 2), 'off differs without a reason'),
        (Claim('on', 'is 1', 'a book', 1, 'by hand', lambda: 1, why='never'), 'on was expected to differ'),
    ],
)
def test_an_unexplained_difference_fails_and_is_still_printed(monkeypatch, capsys, claim, message):
    status, out, err = _run(monkeypatch, capsys, '--json', topics=(SIMPLE, Topic(claim)))
    assert status == 1
    assert len(json.loads(out)) == 7
    assert err == f'cnn-bench: error: claims: {message}\n'


def test_real_topics(monkeypatch, capsys):
    status, out, _ = _run(monkeypatch, capsys, '--json', topics=(activations, worked_examples, lenet, needs_training))
    assert status == 0
    records = {record['id']: record for record in json.loads(out)}
    assert records['lenet5_1998.parameters']['computed'] == 60_000
    assert records['cross.matches_cross']['verdict'] == 'differs'


def test_bad_input_is_one_line(capsys):
    assert main(['claims', '--json', '--markdown']) == 2
    assert capsys.readouterr().err.count('\n') == 1
