"""The parent's side of a worker: a process that is asked in lines of JSON and answers in lines of JSON.

The protocol is in `worker`. A process that dies or does not answer in time is a failure with a reason, as is one that
answers with an error; only the latter can be asked further.
"""

import json
import os
import selectors
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from cnn_bench.errors import printable
from cnn_bench.runtime import memory

ANSWER_S = 1800.0  # how long an answer may take; the slowest programs compile for minutes
ENDING_S = 5.0  # how long a process may take to end before it is killed
TAIL = 4096  # bytes of its messages that are looked at
LONGEST = 300  # characters of a reason


class CaseFailed(Exception):
    """A request that failed: `status` is that of a row, `reason` one line; `alive` says whether the process is."""

    def __init__(self, status: str, reason: str, alive: bool):
        super().__init__(reason)
        self.status, self.reason, self.alive = status, printable(reason)[:LONGEST], alive


class WorkerProcess:
    """A worker that has been started. It ends when it is closed, and when this process ends."""

    def __init__(
        self, command: Sequence[str], env: Mapping[str, str], cores: Sequence[int] = (), answer_s: float = ANSWER_S
    ):
        """Start `command` with the variables `env` beside those of this process, on `cores` only if any are given."""
        self._answer_s, self._kills = answer_s, memory.kills()
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115, closed with the process
        self._rest = b''
        with _on(cores):
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                env={**os.environ, 'PYTHONUNBUFFERED': '1', **env},
                start_new_session=True,  # Ctrl-C at a terminal reaches this process alone
            )
        os.set_blocking(self._process.stdout.fileno(), False)

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The content of the answer to a request. Raises CaseFailed."""
        try:
            self._process.stdin.write(json.dumps(request).encode() + b'\n')
            self._process.stdin.flush()
        except OSError:
            raise self._died() from None
        line = self._line()
        try:
            answer = json.loads(line)
            if 'ok' in answer:
                return answer['ok']
            error = answer['error']
            status, reason = error['status'], error['reason']
        except (ValueError, TypeError, KeyError):
            self.kill()
            said = line[:LONGEST].decode(errors='replace')
            raise CaseFailed('failed', f'its process answered {said!r}, which is no answer', alive=False) from None
        raise CaseFailed(status, reason, alive=True)

    def close(self) -> None:
        """End it: by the end of its requests, or if that takes long by force."""
        with suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(ENDING_S)
        except subprocess.TimeoutExpired:
            pass
        finally:
            self.kill()

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()
        for file in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                file.close()

    def _line(self) -> bytes:
        """The next line of its answers."""
        deadline = time.monotonic() + self._answer_s
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b'\n' not in self._rest:
                left = deadline - time.monotonic()
                if left <= 0 or not selector.select(left):
                    self.kill()
                    reason = f'its process gave no answer in {self._answer_s:g} s and was ended'
                    raise CaseFailed('failed', reason, alive=False)
                read = self._process.stdout.read()
                if read == b'':
                    raise self._died()
                self._rest += read or b''
        line, _, self._rest = self._rest.partition(b'\n')
        return line

    def _died(self) -> CaseFailed:
        """The error for a process that ended without being asked to: its status, and the last line that it said."""
        try:
            status = self._process.wait(ENDING_S)
        except subprocess.TimeoutExpired:
            self.kill()
            status = self._process.returncode
        self.kill()
        said, last = self._said()
        how = f'ended with status {status}' if status >= 0 else f'was killed by signal {-status}'
        if memory.kills() > self._kills:
            return CaseFailed('out_of_memory', f'its process {how}: memory ran out on this machine', alive=False)
        kind = 'out_of_memory' if memory.says_out_of_memory(said) else 'failed'
        return CaseFailed(kind, f'its process {how}{": " if last else ""}{last}', alive=False)

    def _said(self) -> tuple[str, str]:
        """(the end of its messages, their last line)."""
        size = self._stderr.seek(0, os.SEEK_END)
        self._stderr.seek(max(size - TAIL, 0))
        text = self._stderr.read().decode(errors='replace')
        return text, next((line.strip() for line in reversed(text.splitlines()) if line.strip()), '')


@contextmanager
def _on(cores: Sequence[int]) -> Iterator[None]:
    """What this thread starts meanwhile is restricted to `cores`, from its first instruction on."""
    if not cores or not hasattr(os, 'sched_setaffinity'):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
