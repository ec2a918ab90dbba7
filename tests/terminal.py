"""A command of ours at a terminal: what it shows is read as it comes, and keys are pressed."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time

CTRL_C = b'\x03'
WAIT_S = 240  # far more than anything takes
ESCAPES = re.compile(r'\x1b\[[0-9;?]*[A-Za-z]')
# Opening its terminal makes it the controlling one of a process that leads its session: Ctrl-C reaches it then.
OWN_TERMINAL = 'import os\nos.close(os.open(os.ttyname(0), os.O_RDWR))\n'


class Terminal:
    """Runs Python code with arguments at a terminal of 80 columns. A context manager, which ends what still runs."""

    def __init__(self, code: str, *arguments: str):
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 80, 0, 0))
        self._process = subprocess.Popen(
            [sys.executable, '-c', OWN_TERMINAL + code, *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            env={**os.environ, 'TERM': 'xterm-256color', 'COLUMNS': '80'},
        )
        os.close(theirs)
        self._bytes = b''

    def __enter__(self) -> 'Terminal':
        return self

    def __exit__(self, *exception) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._ours)

    @property
    def shown(self) -> str:
        """All that was shown so far, without the codes that move the cursor or colour."""
        return ESCAPES.sub('', self._bytes.decode(errors='replace'))

    @property
    def raw(self) -> bytes:
        """All that was shown so far, with those codes."""
        return self._bytes

    def until(self, text: str) -> None:
        """Return once `text` was shown."""
        end = time.monotonic() + WAIT_S
        while text not in self.shown:
            assert self._read(end - time.monotonic()), f'{text!r} was not shown, but: {self.shown[-3000:]}'

    def press(self, key: bytes) -> None:
        """Press a key."""
        os.write(self._ours, key)

    def status(self) -> int:
        """Wait for the end, and return the exit status."""
        end = time.monotonic() + WAIT_S
        while self._read(end - time.monotonic()):
            pass
        return self._process.wait(max(1, end - time.monotonic()))

    def _read(self, timeout: float) -> bool:
        """Whether there was something to read before the time was up or the command ended."""
        if not select.select([self._ours], [], [], max(0, timeout))[0]:
            return False
        try:
            got = os.read(self._ours, 65536)
        except OSError:  # of a terminal that nobody has open any more
            return False
        self._bytes += got
        return bool(got)
