"""What a sweep shows: the time of each running trial beside its own, and a line for each that ended."""

import io
import re
import sys

import pytest
from terminal import ESCAPES

from cnn_bench.sweep.progress_bar import ROWS, SweepProgress


class Screen(io.StringIO):
    """A terminal that is written to."""

    def isatty(self):
        return True


@pytest.fixture
def rows(monkeypatch):
    """Call it with a SweepProgress for the words of each line that its terminal, 80 columns wide, shows now.

    Called with numbers of trials it makes one.
    """
    for name, value in {'TERM': 'xterm', 'COLUMNS': '80'}.items():
        monkeypatch.setenv(name, value)

    def lines(progress, done=0):
        if not isinstance(progress, SweepProgress):
            monkeypatch.setattr(sys, 'stderr', Screen())  # which pytest sets anew for each phase of a test
            return SweepProgress(progress, done)
        with progress._console.capture() as capture:
            progress._console.print(progress._bar.get_renderable(), soft_wrap=False)
        return [re.sub('[━╸╺]+', ' ', ESCAPES.sub('', line)).split() for line in capture.get().splitlines()]

    return lines


def test_each_running_trial_has_its_own_time(rows, clock):
    progress = rows(4, 1)  # not entered: nothing else draws
    clock[0] += 100
    progress.started('trials/a', 'net a')
    clock[0] += 10
    progress.started('trials/b', 'net b')
    clock[0] += 10
    for fraction in (0.0, 0.25, 0.5):
        progress.update({'trials/a': fraction, 'trials/b': 0.0})
        clock[0] += 10
    sweep, a, b = rows(progress)
    assert sweep[:3] == ['sweep', '1/4', '0:02:30']
    assert a == 'net a 50% 0:00:50 passed, 0:00:20 left'.split()  # a quarter in the last ten seconds
    assert b == 'net b 0% 0:00:40 passed, -:--:-- left'.split()
    progress.ended('trials/a', 'net a', 'top-1 error 9.00 %', 2, 4)
    sweep, b = rows(progress)
    assert sweep[:2] == ['sweep', '2/4']
    assert b[:2] == ['net', 'b']


def test_the_line_of_a_trial_that_ended(capsys, clock):
    with SweepProgress(2, 0) as progress:
        clock[0] += 5
        progress.started('trials/a', 'a')
        clock[0] += 7
        progress.update({'trials/a': 0.5})
        progress.ended('trials/a', 'net [a]', 'top-1 error 9.00 %', 1, 2)
        progress.asked_to_stop()
    assert capsys.readouterr().err.splitlines() == [
        '  1/2  net [a]: top-1 error 9.00 %  [7 s; sweep 12 s]',
        'saving the running trials, one moment; again to abort',
    ]


def test_a_terminal_has_room_for_some(rows):
    progress = rows(100)
    for number in range(50):
        progress.started(str(number), f'net{number}')
    progress.update({str(number): number / 100 for number in range(20, 50)})
    assert sum(row[0].startswith('net') for row in rows(progress)) <= 2 * ROWS
    for number in range(20):
        progress.ended(str(number), f'net{number}', 'stopped', number, 100)
    assert [row[0] for row in rows(progress)] == ['sweep', *(f'net{number}' for number in range(20, 20 + ROWS))]
