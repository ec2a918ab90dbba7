"""Progress goes to a terminal, and nothing else does: results on stdout stay there."""

import os
import pty
import subprocess
import sys

SCRIPT = """
from cnn_bench.cli.tracking import tracking
with tracking() as track:
    for item in track(range(3), 'counting', {total}):
        print(item)
"""


def run(total, stderr):
    made = subprocess.run(
        [sys.executable, '-c', SCRIPT.format(total=total)], stdout=subprocess.PIPE, stderr=stderr, check=True
    )
    return made.stdout.decode().split()


def test_a_terminal_sees_a_bar_and_the_results_are_not_in_it():
    for total in (3, None):
        ours, theirs = pty.openpty()
        try:
            assert run(total, theirs) == ['0', '1', '2']
            os.close(theirs)
            seen = os.read(ours, 100_000).decode()
        finally:
            os.close(ours)
        assert 'counting' in seen


def test_elsewhere_nothing_is_shown(tmp_path):
    with open(tmp_path / 'err', 'wb') as file:
        assert run(3, file) == ['0', '1', '2']
    assert (tmp_path / 'err').read_text() == ''
