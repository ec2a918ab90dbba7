"""Signals that ask a run to stop: noted when they come, acted on between steps.

SIGTERM and SIGUSR1 are what schedulers send before they end a job, SIGINT is Ctrl-C. In a run of several processes
JAX's preemption service passes the request on and names the poll at which all of them stop, so that they save one step.
"""

import os
import signal
import threading
from types import FrameType, TracebackType

import jax
from jax.experimental import multihost_utils

ASKING = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)


class StopRequests:
    """Notes the signals of `ASKING` while it is entered; a second SIGINT ends the process at once with status 130.

    Outside the main thread, where Python takes no handlers, it notes nothing.
    """

    def __init__(self):
        self._received = self._interrupted = False
        self._polls = 0
        self._before: dict = {}

    def __enter__(self) -> 'StopRequests':
        if threading.current_thread() is threading.main_thread():
            # JAX's own handler of SIGTERM stays where there are several processes: it is what tells the others.
            noted = ASKING if jax.process_count() == 1 else ASKING[1:]
            self._before = {number: signal.signal(number, self._note) for number in noted}
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def poll(self) -> bool:
        """Whether to stop here. In a run of several processes all must call it equally often; all get one answer."""
        if jax.process_count() == 1:
            return self._received
        self._polls += 1
        return multihost_utils.reached_preemption_sync_point(self._polls)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and self._interrupted:
            os._exit(130)
        self._interrupted |= number == signal.SIGINT
        self._received = True
        if jax.process_count() > 1:
            signal.raise_signal(signal.SIGTERM)
