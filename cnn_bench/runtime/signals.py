"""Signals that ask a run or a sweep to stop: noted when they come, acted on between steps or trials.

SIGTERM and SIGUSR1 are what schedulers send before they end a job; SIGINT is Ctrl-C.
"""

import os
import signal
import threading
from types import FrameType

ASKING = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)


class StopSignals:
    """Notes the signals of `ASKING` while it is entered; `received` says whether one came.

    A second SIGINT raises KeyboardInterrupt. Outside the main thread Python allows no handlers, so nothing is noted.
    """

    noted = ASKING

    def __init__(self):
        self.received = self._interrupted = False
        self._before: dict = {}

    def __enter__(self) -> 'StopSignals':
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in self.noted}
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
        os._exit(130)

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
