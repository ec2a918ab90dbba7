"""Signals that ask a command to stop. Each ends it at once, but for a run or a sweep in progress: there the signal is
noted when it comes, and acted on between steps or trials.

SIGTERM and SIGUSR1 are what schedulers send before they end a job; SIGINT is Ctrl-C.
"""

import atexit
import contextlib
import os
import signal
import sys
import threading
from types import FrameType
from typing import NoReturn

from cnn_bench.errors import Stopped

ASKING = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
ASK_AGAIN_S = 0.05
STDERR = 2
STOPPED = 'stopped; what was finished is kept'


class StopSignals:
    """Notes the signals of `ASKING` while it is entered; `received` says whether one came.

    One that an outer `StopSignals` noted before counts too. A second SIGINT raises KeyboardInterrupt. Outside the main
    thread Python allows no handlers, so nothing is noted.
    """

    noted = ASKING

    def __init__(self):
        self.received = self._interrupted = False
        self._before: dict = {}

    def __enter__(self) -> 'StopSignals':
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in self.noted}
            outer = [getattr(handler, '__self__', None) for handler in self._before.values()]
            self.received |= any(isinstance(each, StopSignals) and each.received for each in outer)
        return self

    def __exit__(self, *exception) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def second_interrupt(self) -> None:
        """Ctrl-C again: the user does not want to wait."""
        raise KeyboardInterrupt

    def _note(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and self._interrupted:
            self.second_interrupt()
        self._interrupted |= number == signal.SIGINT
        self.received = True


class Interrupted(KeyboardInterrupt):
    """A signal ends the command. `exit_status` is 130 for SIGINT, otherwise that of `Stopped`."""

    def __init__(self, number: int):
        super().__init__(number)
        self.exit_status = 130 if number == signal.SIGINT else Stopped.exit_status


class CommandSignals(StopSignals):
    """Raises `Interrupted` for each signal of `ASKING` while it is entered.

    A library may swallow the exception or turn it into one of its own. Where Python swallowed it in a callback, it is
    raised again a moment later; where an `except` did, `received` still says so to a run or sweep that begins later.
    """

    interrupted: Interrupted | None = None  # the last one

    def __init__(self, own_process: bool):
        """With `own_process`, it ends with the command: a signal after that ends it at once, without a trace."""
        super().__init__()
        self._own_process = own_process

    def __enter__(self) -> 'CommandSignals':
        self._hook = sys.unraisablehook
        sys.unraisablehook = self._swallowed
        if self._own_process:
            atexit.register(self._ignore)
        return super().__enter__()

    def __exit__(self, *exception) -> None:
        if not self._own_process:
            sys.unraisablehook = self._hook
            return super().__exit__(*exception)
        for number in self._before:
            signal.signal(number, lambda number, frame: os._exit(Interrupted(number).exit_status))

    def _ignore(self) -> None:
        for number in self._before:  # Python takes its own handlers away before it is done
            signal.signal(number, signal.SIG_IGN)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.received, self.interrupted = True, Interrupted(number)
        if _imports(frame):
            _exit(STOPPED, self.interrupted.exit_status)
        raise self.interrupted

    def _swallowed(self, unraisable) -> None:
        if isinstance(unraisable.exc_value, Interrupted):
            again = (threading.main_thread().ident, *unraisable.exc_value.args)
            threading.Timer(ASK_AGAIN_S, signal.pthread_kill, again).start()
        else:
            self._hook(unraisable)


def abort() -> NoReturn:
    """End the process at once with status 130: the user does not want to wait."""
    _exit('aborted; what was saved before is kept', 130)


def _exit(words: str, status: int) -> NoReturn:
    """End without unwinding; a terminal gets back the cursor that a bar may have hidden."""
    with contextlib.suppress(OSError):
        cursor = '\r\x1b[J\x1b[?25h' if os.isatty(STDERR) else ''
        os.write(STDERR, f'{cursor}cnn-bench: {words}\n'.encode())
    os._exit(status)


def _imports(frame: FrameType | None) -> bool:
    """Whether an import is in progress. An exception in the middle of one can crash an extension module."""
    while frame is not None and frame.f_code.co_filename != '<frozen importlib._bootstrap>':
        frame = frame.f_back
    return frame is not None


class TrainingStopSignals(StopSignals):
    """`StopSignals` for a training run of one or several processes; a second SIGINT exits at once with status 130.

    In a run of several processes JAX's preemption service passes the request on and names the poll at which all of
    them stop, so that they save the same step.
    """

    def __init__(self):
        import jax

        super().__init__()
        self._several, self._polls = jax.process_count() > 1, 0
        if self._several:  # JAX's own handler of SIGTERM stays: it tells the other processes
            self.noted = tuple(number for number in ASKING if number != signal.SIGTERM)

    def second_interrupt(self) -> None:
        """Exit without waiting for the devices."""
        abort()

    def asked_already(self) -> bool:
        """Whether to stop before the first step: several processes agree at a `poll`, after it."""
        return self.received and not self._several

    def poll(self) -> bool:
        """Whether to stop now. In a run of several processes all must call it equally often; all get one answer."""
        if not self._several:
            return self.received
        from jax.experimental import multihost_utils

        self._polls += 1
        return multihost_utils.reached_preemption_sync_point(self._polls)

    def _note(self, number: int, frame: FrameType | None) -> None:
        super()._note(number, frame)
        if self._several:
            signal.raise_signal(signal.SIGTERM)
