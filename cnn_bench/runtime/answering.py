"""An answer to Ctrl-C within a moment, whatever the main thread is doing.

Python runs the handlers of signals in its main thread, between two of its own instructions: a signal that comes while
XLA compiles or a library reads is noted when that is done. Here a thread learns of it by the file descriptor that the
system's handler writes to at once.
"""

import os
import signal
import threading
from collections.abc import Callable

from cnn_bench.runtime.signals import abort

GRACE_S = 0.1  # that the main thread has to end, so that what ended at once is not asked to wait
END = 0  # the number of no signal


class Answering:
    """While it is entered, `say` is called for the first SIGINT; with `aborts` a second one ends the process at once.

    Outside the main thread, which alone may ask for signals, it does nothing.
    """

    def __init__(self, say: Callable[[], None], aborts: bool = True):
        self._say, self._aborts = say, aborts
        self._left = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> 'Answering':
        if threading.current_thread() is threading.main_thread():
            self._read, self._write = os.pipe()
            os.set_blocking(self._write, False)
            self._before = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
            self._thread = threading.Thread(target=self._answer, daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *exception) -> None:
        if self._thread is None:
            return
        signal.set_wakeup_fd(self._before)
        self._left.set()
        os.write(self._write, bytes([END]))
        self._thread.join()
        os.close(self._read)
        os.close(self._write)

    def _answer(self) -> None:
        asked = 0
        while (byte := os.read(self._read, 1)[0]) != END:
            if byte != signal.SIGINT or self._left.wait(GRACE_S):
                continue
            asked += 1
            if asked == 1:
                self._say()
            elif self._aborts:
                abort()
