"""What commands print fits the terminal: no line is longer, no number is cut, and what is left out is named."""

import argparse
import json
import re
from pathlib import Path

import numpy as np
import pytest
from fake_contestant import fake
from PIL import Image
from sweeps import write_sweep

from cnn_bench.cli import COMMANDS, help, main, output
from cnn_bench.cli.output import Column, count
from cnn_bench.lecture.claims import activations, ledger, lenet, needs_training, worked_examples

ANSI = re.compile(r'\x1b\[[0-9;?]*[a-zA-Z]')
LEFT_OUT = re.compile(r'Left out, to fit: ([\w, ]+)\. All columns')
ROOT = Path(__file__).parents[2]
# Command -> the names of its columns, in JSON and in a pipe.
TABLES = {
    'list': 'arch family year input_shape num_classes params macs fused_params fused_macs note',
    'cost lenet5 --train': 'arch form input_shape num_classes params macs param_bytes activation_bytes train_macs '
    'train_residual_bytes',
    'cost lenet5 --layers --receptive-field': 'arch form path op output_shape params macs elementwise_ops '
    'reduction_ops pooling_ops activation_bytes receptive_field',
    'claims': 'id text source expected computed unit verdict how tested_by why',
    'data list': 'name sizes num_classes image_shape channels reduced total_bytes directory problem',
    'weights list': 'arch libraries',
    'runs SWEEP': 'run label state best_val_top1_err_pct last_val_top1_err_pct top1_err_pct step total_steps seed '
    'started device problem',
    'ensemble SWEEP': 'ensemble macs params top1_err_pct top5_err_pct best_err_pct difference difference_low '
    'difference_high p disagreement_pct chosen members',
    'predict PICTURE MODEL': 'image label class probability',
    'retrieve --dataset tiny MODEL': 'k recall',
    'features --list-layers MODEL': 'layer shape',
    'measure lenet5 resnet20 --batch 1,16 --repeats 2 --out OUT': 'arch framework batch dtype mode status '
    'latency_ms_p50 latency_ms_low latency_ms_high images_per_s memory_planned_bytes matrix_peak_share remarks',
    f'sweep {ROOT}/experiments/depth_degradation.py --dry-run --seeds 2 --out OUT': 'id seed params macs steps '
    'seconds measured state part out',
}
PROSE = (
    'eval MODEL',
    'cost resnet5',
    'measure lenet5 --batch 1,,2 --out OUT',
)
CLAIMS = (activations, worked_examples, lenet, needs_training)  # those that take no time


@pytest.fixture(scope='session')
def places(tiny_run, tiny_data, tmp_path_factory):
    """What the words in capitals of TABLES stand for."""
    path = tmp_path_factory.mktemp('w')
    Image.fromarray(np.zeros((28, 28), np.uint8)).save(path / 'p.png')
    write_sweep(path / 's', {'plain': [11.5, 12.0], 'resnet': [8.0, None], 'wide': [9.0]}, charts=())
    model = f'--workdir {tiny_run} --data-dir {tiny_data}'
    return {'SWEEP': str(path / 's'), 'PICTURE': str(path / 'p.png'), 'MODEL': model, 'OUT': str(path / 'out')}


@pytest.fixture
def say(places, monkeypatch, capsys, tmp_path):
    """Run a command in a terminal of a `width`, or piped, and return (status, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr('cnn_bench.measure.contestants.ours', lambda devices: fake(tmp_path / 'workers'))
    monkeypatch.setattr('cnn_bench.measure.session.SETTLE_S', 0.0)
    monkeypatch.setattr(ledger, 'TOPICS', CLAIMS)  # which other processes would not have
    monkeypatch.setattr(ledger.processes, 'each', lambda function, items, worth_it=0: map(function, items))
    monkeypatch.setattr('cnn_bench.sweep.calibrate.macs_per_second', lambda environment: 1e9)

    def run(command: str, width: int | None = None) -> tuple[int, str, str]:
        monkeypatch.setattr('sys.stdout.isatty', lambda: width is not None)
        monkeypatch.setattr('sys.stderr.isatty', lambda: width is not None)
        monkeypatch.setenv('COLUMNS', str(width or 80))
        words = [part for word in command.split() for part in places.get(word, word).split()]
        try:
            status = main(words)
        except SystemExit as stop:
            status = stop.code
        printed = capsys.readouterr()
        return status, *(ANSI.sub('', text) for text in (printed.out, printed.err))

    return run


def rows_of(command: str, found: object) -> list[dict]:
    """The rows that the table of a command shows, from its JSON."""
    match command.split()[0]:
        case 'cost' if '--layers' in command:
            return [{'arch': one['arch'], **layer} for one in found for layer in one['layers']]
        case 'ensemble':
            return found['ensembles']
        case 'predict':
            return [{'image': one['image'], **best} for one in found for best in one['top']]
        case 'retrieve':
            return [{'k': int(k), 'recall': share} for k, share in found['recall'].items()]
        case 'sweep':
            return [{**trial, 'out': plan['out']} for plan in found for trial in plan['trials']]
    return found


def lines_fit(text: str, width: int) -> bool:
    """Whether no line is longer, unless it is a single word, such as a path."""
    return all(len(line.rstrip()) <= width or len(line.split()) == 1 for line in text.splitlines())


def numbers(text: str) -> set[str]:
    return {word for word in text.split() if re.fullmatch(r'[<>+−-]?[\d,.]+', word)}


def left_out(text: str) -> list[str]:
    found = LEFT_OUT.search(' '.join(text.split()))
    return found[1].split(', ') if found else []


@pytest.mark.parametrize('command', TABLES)
def test_a_table_in_a_pipe_has_the_values_of_json(command, say):
    status, out, err = say(command)
    assert status == 0
    header, *rows = [line.split('\t') for line in out.removesuffix('\n').split('\n')]
    assert header == TABLES[command].split()
    assert {len(row) for row in rows} == {len(header)}
    assert '━' not in err
    expected = rows_of(command, json.loads(say(f'{command} --json')[1]))
    assert len(rows) == len(expected) > 0
    for row, values in zip(rows, expected, strict=True):
        for name, field in zip(header, row, strict=True):
            value = values.get(name, '' if name != 'remarks' else field)
            assert field == ('' if value is None else value) or json.loads(field) == value, name


@pytest.mark.parametrize('command', TABLES)
def test_a_table_fits_a_terminal_and_names_what_it_leaves_out(command, say):
    status, narrow, err = say(command, 80)
    assert status == 0
    assert lines_fit(narrow, 80)
    assert lines_fit(err, 80) or '━' in err
    assert '…' not in narrow
    wide = say(f'{command} --wide', 80)[1]
    assert left_out(wide) == left_out(say(command, 200)[1]) == []
    assert lines_fit(say(command, 200)[1], 200)
    assert numbers(narrow) <= numbers(wide)
    header, *rows = [line.split('\t') for line in say(command)[1].splitlines()]
    known = [name for place, name in enumerate(header) if any(row[place] for row in rows)]
    kept = [name for name in known if name not in left_out(narrow)]
    if 'sweep' not in command and '--layers' not in command:  # these have more rows or another table on a terminal
        chosen = say(f'{command} --columns {",".join(kept)}', 80)[1]
        assert chosen.split('\n\n')[0].splitlines()[:3] == narrow.splitlines()[:3]
        assert left_out(chosen) == []


@pytest.mark.parametrize('command', PROSE)
def test_prose_is_wrapped_at_words_and_one_line_in_a_pipe(command, say):
    narrow, piped = (''.join(text for text in say(command, width)[1:] if '━' not in text) for width in (80, None))
    assert lines_fit(narrow, 80)
    assert narrow.split() == piped.split()
    assert narrow.count('\n') > piped.count('\n') == 1


def test_a_report_tells_in_lines_that_fit(say):
    status, out, err = say('report SWEEP', 80)
    assert status == 0
    assert 'Shortcuts help a deep network' in out
    assert lines_fit(out, 80)
    assert lines_fit(err, 80)


def test_counting_shows_a_bar_on_a_terminal_alone(say):
    assert 'counting' in say('cost lenet5', 80)[2]
    assert say('cost lenet5')[2] == ''


@pytest.mark.parametrize(
    'command', [*COMMANDS, 'data list', 'data check', 'data prepare', 'weights list', 'weights import', '']
)
def test_help_fits_a_terminal(command, say):
    status, out, _ = say(f'{command} --help', 80)
    assert status == 0
    assert max(len(line) for line in out.splitlines()) <= 80


def test_examples_in_help_can_be_copied():
    parser = help.Parser(prog='x', description='Does it.\n\n  cnn-bench x --one 1 --two 2 FILE     with words')
    parser._get_formatter = lambda: help.Help('x', width=24)
    said = parser.format_help()
    assert '  cnn-bench x --one 1 \\\n    --two 2 FILE\n      with words\n' in said


ROWS = [{'name': f'network {number}', 'one': 12_345_678, 'two': None, 'three': 2.5} for number in range(2)]
COLUMNS = (
    Column('name', least=7),
    count('one', rank=1),
    count('two', rank=3),
    Column('three', 'a long header (%)', '{:.1f}'.format, True, rank=2),
)


@pytest.mark.parametrize(
    ('width', 'wanted', 'header', 'first', 'missing'),
    [
        (80, {}, 'name              one  a long header (%)', 'network 0  12,345,678                2.5', []),
        (32, {}, 'a long header name one (%)', 'network 0  12,345,678        2.5', []),
        (27, {}, 'a long header name one (%)', 'network  12,345,678     2.5', []),
        (21, {}, 'name              one', 'network 0  12,345,678', ['three']),
        (19, {}, 'name            one', 'network  12,345,678', ['three']),
        (10, {}, 'name', 'network 0', ['one', 'three']),
        (10, {'columns': ['three', 'two']}, 'a long header (%) two', '   2.5    –', []),
        (10, {'wide': True}, 'a long header name one (%)', 'network  12,345,678     2.5', []),
    ],
)
def test_columns_are_left_out_in_their_order_and_numbers_are_whole(
    monkeypatch, capsys, width, wanted, header, first, missing
):
    monkeypatch.setattr('sys.stdout.isatty', lambda: True)
    monkeypatch.setenv('COLUMNS', str(width))
    form = argparse.Namespace(**{'columns': None, 'wide': False} | wanted)
    assert output.print_table(COLUMNS, ROWS, form) == set(missing)
    printed = ANSI.sub('', capsys.readouterr().out)
    head, _, body = re.split('(─+)', printed)
    assert head.split() == header.split()
    assert body.splitlines()[1].rstrip() == first
    assert left_out(printed) == missing


def test_a_number_and_its_unit_stay_on_a_line():
    assert output.wrapped('an error of 8.00 % at 3.04 M', 16) == 'an error of\n8.00 % at 3.04 M'
    assert output.wrapped('takes 12.5 MiB', 10) == 'takes\n12.5 MiB'


@pytest.mark.parametrize(('size', 'text'), [(0, '0'), (40, '< 0.001'), (12_000_000, '11.444'), (1 << 31, '2,048.000')])
def test_bytes_in_mib(size, text):
    assert output.in_mib(size) == text


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        ('list --columns arch,parms', "unknown column 'parms'; did you mean params"),
        ('list --columns arch,arch', 'names a column twice'),
        ('list --columns arch --wide', 'not allowed with'),
        ('cost lenet5 --columns path', "unknown column 'path'"),
        ('sweep x.py --wide', '--wide needs --dry-run'),
        ('runs export x --to csv --columns run', '--columns is not for runs export'),
    ],
)
def test_bad_columns_are_one_line(words, said, say):
    status, out, err = say(words)
    assert (status, out, err.count('\n')) == (2, '', 1)
    assert said in err
