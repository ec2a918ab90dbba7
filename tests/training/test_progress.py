"""What training shows: lines where nobody watches, and what is done, the loss and the time left at a terminal."""

import io
import re
import sys

import numpy as np
import pytest
from terminal import ESCAPES

from cnn_bench.training.progress import Progress

ROW = {'kind': 'train', 'step': 20, 'epoch': 0.6667, 'loss': 1.25, 'learning_rate': 0.05}
ERRORS = {'top1_err_pct': 12.5, 'top5_err_pct': 1.0, 'loss': 0.75}


class Screen(io.StringIO):
    """A terminal that is written to."""

    def isatty(self):
        return True


class OnTheDevice(dict):
    """The metrics of steps that are not done: whoever asks for them would wait."""

    def __init__(self, steps):
        super().__init__(loss=self)
        self.steps = steps

    def is_ready(self):
        return False

    def __len__(self):
        return self.steps

    def __array__(self, *args, **kwargs):
        pytest.fail('it waits for the device')


def _done(*losses):
    return [{'loss': np.float32(losses)}]


def _rate(step):
    return 1 / (step + 1)


@pytest.fixture
def rendered(monkeypatch):
    """Call it with a Progress for the lines that its terminal, 80 columns wide, shows now.

    Called with nothing it makes one.
    """
    for name, value in {'TERM': 'xterm', 'COLUMNS': '80'}.items():
        monkeypatch.setenv(name, value)

    def lines(shown: Progress | None = None) -> list[str] | Progress:
        if shown is None:
            monkeypatch.setattr(sys, 'stderr', Screen())  # which pytest sets anew for each phase of a test
            return Progress()
        with shown._console.capture() as capture:
            shown._console.print(shown._rendered(), soft_wrap=False)
        return [line.rstrip() for line in ESCAPES.sub('', capture.get()).splitlines()]

    return lines


def test_lines_for_the_rows_of_the_log_where_nobody_watches(capsys, clock):
    with Progress() as shown:
        shown.phase('compiling')
        shown.start(0, 60, 30, 8)
        shown.look(1, _done(3), _rate)
        clock[0] += 10
        shown.look(9, None, None)  # only the first step counts, from which the time is taken
        shown.logged([{**ROW, 'step': 10, 'epoch': 0.3333}, ROW | {'step': 20}], 1234.5)
        shown.evaluated('validation', 2 / 3, ERRORS)
    rate = 19 / 10  # steps a second, from the first that was seen
    left = int(40 / rate)
    captured = capsys.readouterr()
    assert captured.out == ''
    assert captured.err.splitlines() == [
        f'step 10 of 60, epoch 0.33, loss 1.2500, learning rate 0.05, 1,234 images/s, 0:00:{left} left',
        f'step 20 of 60, epoch 0.67, loss 1.2500, learning rate 0.05, 1,234 images/s, 0:00:{left} left',
        'epoch 0.67: validation top-1 error 12.50 %, top-5 error 1.00 %, loss 0.7500',
    ]


def test_quiet_shows_nothing(capsys):
    with Progress(quiet=True) as shown:
        shown.start(3, 60, 30, 8)
        shown.logged([ROW], None)
        shown.evaluated('test', 1, ERRORS)
        shown.say('a line')
    assert capsys.readouterr() == ('', '')


def test_a_terminal_shows_what_is_known(rendered, clock):
    shown = rendered()
    clock[0] += 3.5
    shown.phase('reading tiny')
    assert [line[2:] for line in rendered(shown)] == ['reading tiny  0:00:03']
    shown.start(0, 60, 30, 8)
    shown.phase('compiling')
    [line, numbers] = rendered(shown)
    assert re.match('compiling +━', line[2:])
    assert line.endswith('step 0 of 60  epoch 0  0:00:03')
    assert numbers == ''
    shown.look(1, _done(3), _rate)
    assert rendered(shown)[1] == 'loss 3.0000  learning rate 1'
    clock[0] += 10
    shown.look(14, [*_done(4, 2), OnTheDevice(2), OnTheDevice(1)], _rate)  # 11 are done: a step a second
    shown.look(15, None, None)  # so soon again nobody looks
    assert rendered(shown)[0].endswith('step 11 of 60  epoch 0.37  0:00:13, 0:00:49 left')
    assert rendered(shown)[1] == 'loss 2.0000  learning rate 0.0909  8 images/s'
    clock[0] += 5
    assert rendered(shown)[0].endswith('0:00:18, 0:00:44 left')  # it ticks between two steps
    shown.logged([ROW], 1234.5)
    shown.evaluated('validation', 1, ERRORS)
    [line, numbers] = rendered(shown)
    assert numbers == 'loss 1.2500  learning rate 0.05  validation error 12.50 %  1,234 images/s'


def test_a_long_run_fits_80_columns(rendered, clock):
    shown = rendered()
    shown.start(123_456, 500_400, 5004, 256)
    shown.phase('validating')
    shown.look(123_457, _done(6.9), _rate)
    clock[0] += 36_000
    shown.logged([{**ROW, 'step': 133_457, 'epoch': 26.67, 'learning_rate': 4.8828e-05}], 12_345.6)
    shown.evaluated('validation', 26, ERRORS)
    lines = rendered(shown)
    assert len(lines) == 2
    assert max(map(len, lines)) <= 80
    assert 'step 133,457 of 500,400  epoch 26.67  10:00:00, 366:56:' in lines[0]
    assert '━' in lines[0]


@pytest.mark.parametrize(('trains', 'words'), [(False, 'stopping'), (True, 'saving')])
def test_the_answer_to_ctrl_c(capsys, trains, words):
    shown = Progress()
    if trains:
        shown.start(0, 6, 3, 8)
    shown.asked_to_stop()
    assert capsys.readouterr().err == f'{words}, one moment; again to abort\n'
