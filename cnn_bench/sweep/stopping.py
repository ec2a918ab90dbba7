"""Signals that ask a sweep to stop."""

import signal
import threading
from types import FrameType

ASKING = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)  # those of training.signals, without its import of JAX


class StopAsked:
    """Notes the signals of `ASKING` while it is entered: `received` says whether one came.

    A second SIGINT raises KeyboardInterrupt. Outside the main thread, where Python takes no handlers, it notes nothing.
    """

    def __init__(self):
        self.received = self._interrupted = False
        self._before: dict = {}

    def __enter__(self) -> 'StopAsked':
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in ASKING}
        return self

    def __exit__(self, *exception) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and self._interrupted:
            raise KeyboardInterrupt
        self._interrupted |= number == signal.SIGINT
        self.received = True
