"""How a worker answers: a line of JSON on stdout for each on stdin. `measure/worker.py` lists the requests."""

import gc
import json
import os
import sys
from collections.abc import Callable
from typing import Any, TextIO

Failure = Callable[[Exception], dict[str, str]]  # an error -> its {'status', 'reason'}


class Worker:
    """The requests, each a method of its name. Subclasses say what the machine, a case and the peak are."""

    def __init__(self) -> None:
        self._cases: list[Any] = []

    def handle(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer to a request."""
        requests = {'machine': self.machine, 'prepare': self.prepare, 'time': self.time}
        requests |= {'peak': self.peak, 'drop': self.drop}
        return requests[request.pop('do')](**request)

    def machine(self) -> dict[str, Any]:
        """{'platform', 'device', 'threads', 'versions'}."""
        raise NotImplementedError

    def prepared(self, case: dict[str, Any]) -> Any:
        """A case, compiled, with `facts` and `time(seconds, copy)`."""
        raise NotImplementedError

    def peak(self, dtype: str = 'float32') -> dict[str, Any]:
        """{'matrix_flop_per_s', 'copy_bytes_per_s'} of the device, measured now."""
        raise NotImplementedError

    def prepare(self, case: dict[str, Any]) -> dict[str, Any]:
        """Compile a case, which gets the next number, also where it fails."""
        self._cases.append(None)
        machine = self.machine()
        self._cases[-1] = self.prepared(case)
        return {**self._cases[-1].facts, **machine}

    def time(self, case: int, seconds: float, copy: bool = False) -> dict[str, Any]:
        """Durations of the calls of a turn, in seconds."""
        return self._cases[case].time(seconds, copy)

    def drop(self, case: int) -> dict[str, Any]:
        """Forget a case; the others keep their numbers."""
        self._cases[case] = None
        gc.collect()
        return {}


def serve_stdin(worker: Worker, failure: Failure) -> None:
    """Answer requests until stdin ends. What libraries print on stdout goes to stderr."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), 'w', encoding='utf-8')
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    serve(worker.handle, failure, sys.stdin, answers)


def serve(handle: Callable[[dict], dict], failure: Failure, requests: TextIO, answers: TextIO) -> None:
    """Answer each line of `requests` with what `handle` returns, or with the `failure` that it raises."""
    for line in requests:
        try:
            answer = {'ok': handle(json.loads(line))}
        except Exception as error:  # whatever a network or a library raises: the next case may still run
            answer = {'error': failure(error)}
        answers.write(json.dumps(answer) + '\n')
        answers.flush()


def first_line(error: Exception) -> str:
    """The first line of an error's text that says something, or its kind."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), '') or type(error).__name__
