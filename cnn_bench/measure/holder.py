"""A worker process with the cases of one network, started again where one of them ends it."""

import os
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from cnn_bench.measure.cases import Case
from cnn_bench.measure.contestants import Contestant
from cnn_bench.measure.standalone import process_memory
from cnn_bench.measure.worker_process import CaseFailed, WorkerProcess

Start = Callable[[Contestant], WorkerProcess]


class Holder:
    """The prepared cases of one network and contestant. `failures` has what went wrong: case -> error."""

    def __init__(self, contestant: Contestant, cases: list[Case], start: Start):
        self.contestant, self.cases, self.failures = contestant, list(cases), {}
        self.process = ''  # a name of the one that is there
        self._start, self._worker = start, None
        self._numbers: dict[Case, int] = {}
        self.peak_bytes = 0  # resident, as seen after preparing a case

    def prepare(self) -> Iterator[tuple[Case, str, dict[str, Any] | None]]:
        """Prepare the cases that have not failed: (case, name of the process, its answer or None where it failed)."""
        while todo := [case for case in self.alive() if case not in self._numbers]:
            if self._worker is None:
                self._numbers.clear()
                self._worker, self.process = self._start(self.contestant), f'{os.getpid()}-{uuid.uuid4().hex[:8]}'
                todo = self.alive()
            for case in todo:
                self._numbers[case] = len(self._numbers)  # one that fails has a number as well
                answer = self._ask(case, {'do': 'prepare', 'case': case.record()})
                if answer is not None:
                    self.peak_bytes = max(self.peak_bytes, process_memory.peak_bytes(self._worker.pid) or 0)
                yield case, self.process, answer
                if self._worker is None:
                    break

    def time(self, case: Case, seconds: float, copy: bool) -> dict[str, Any] | None:
        """The durations of a turn; None where it failed."""
        return self._ask(case, {'do': 'time', 'case': self._numbers[case], 'seconds': seconds, 'copy': copy})

    def alive(self) -> list[Case]:
        """The cases that have not failed."""
        return [case for case in self.cases if case not in self.failures]

    def forget(self, cases: list[Case]) -> None:
        """Give up cases, and that they failed."""
        for case in cases:
            self.cases.remove(case)
            self.failures.pop(case, None)

    @property
    def needs_preparing(self) -> bool:
        """Whether its process has ended, or was not started, while there are cases to time."""
        return bool(self.alive()) and self._worker is None

    def close(self) -> None:
        """End the process."""
        if self._worker is not None:
            worker, self._worker = self._worker, None
            worker.close()

    def kill(self) -> None:
        """End the process at once."""
        if self._worker is not None:
            self._worker.kill()

    def _ask(self, case: Case, request: dict[str, Any]) -> dict[str, Any] | None:
        try:
            return self._worker.ask(request)
        except CaseFailed as error:
            self.failures[case] = error
            if not error.alive:
                self._worker = None
                self._numbers.clear()
            return None
