"""Ctrl-C is answered while the main thread is inside a library, where Python runs no handler of a signal."""

import subprocess
import sys
import threading

import pytest
from terminal import CTRL_C, Terminal

from cnn_bench.runtime.answering import Answering

IN_A_LIBRARY = """
import hashlib, sys
from cnn_bench.runtime.answering import Answering
from cnn_bench.runtime.signals import StopSignals
with StopSignals() as signals, Answering(lambda: print('one moment', flush=True), aborts={aborts}):
    print('begins\\n', end='', flush=True)  # in one piece
    hashlib.pbkdf2_hmac('sha256', b'', b'', {rounds})  # in C, without the lock of the interpreter, as XLA compiles
    print('ends', signals.received, flush=True)
"""


def test_the_first_is_answered_and_a_second_ends_all():
    with Terminal(IN_A_LIBRARY.format(aborts=True, rounds=10**9)) as terminal:  # many minutes
        terminal.until('begins')
        terminal.press(CTRL_C)
        terminal.until('one moment')
        terminal.press(CTRL_C)
        assert terminal.status() == 130
    assert terminal.shown.splitlines()[-1] == 'cnn-bench: aborted; what was saved before is kept'
    assert terminal.raw.endswith(b'kept\r\n')
    assert b'\x1b[?25h' in terminal.raw  # a cursor that a bar had hidden
    assert 'ends' not in terminal.shown


def test_the_main_thread_goes_on_where_it_is_asked_once():
    with Terminal(IN_A_LIBRARY.format(aborts=True, rounds=10**7)) as terminal:
        terminal.until('begins')
        terminal.press(CTRL_C)
        assert terminal.status() == 0
    words = [line for line in terminal.shown.replace('^C', '').splitlines() if line]
    assert words == ['begins', 'one moment', 'ends True']


def test_what_ends_at_once_is_not_asked_to_wait():
    code = """
import signal
from cnn_bench.runtime.answering import Answering
signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever was inherited
try:
    with Answering(lambda: print('one moment')):
        signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print('ended', signal.set_wakeup_fd(-1))
"""
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert result.stdout == 'ended -1\n'


def test_other_threads_are_left_alone():
    failed = []

    def enter():
        try:
            with Answering(lambda: None):
                pass
        except ValueError as error:
            failed.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert failed == []


@pytest.mark.parametrize('sent', ['SIGTERM', 'SIGUSR1'])
def test_only_ctrl_c_is_answered(sent):
    code = f"""
import signal, time
from cnn_bench.runtime.answering import GRACE_S, Answering
from cnn_bench.runtime.signals import StopSignals
with StopSignals() as signals, Answering(lambda: print('one moment')):
    signal.raise_signal(signal.{sent})
    time.sleep(3 * GRACE_S)
    print(signals.received)
"""
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert result.stdout == 'True\n'
