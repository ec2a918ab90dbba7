"""`python -m cnn_bench.measure.worker --parent PID`: the process that holds one network and times it when asked.

It reads a JSON object a line from stdin and answers each with one on stdout: {"ok": {...}}, or {"error": {"status":
'out_of_memory' | 'failed', "reason": one line}}. What libraries print goes to stderr. Between requests it waits.

  {"do": "machine"}                                         the device, cores and versions
  {"do": "prepare", "case": {...}}                          compile a case (`cases.Case`), run its first calls
  {"do": "time", "case": N, "seconds": S, "copy": false}    time the Nth case that was to be prepared, from 0
  {"do": "peak", "dtype": "float32"}                        the rates of a matrix product and of a copy
  {"do": "drop", "case": N}                                 forget a case
"""

import argparse
import json
import os
import sys
from collections.abc import Callable
from typing import Any, TextIO

from cnn_bench.errors import printable
from cnn_bench.runtime.parent import die_with


def main(argv: list[str] | None = None) -> None:
    """Answer requests until stdin ends."""
    parser = argparse.ArgumentParser(prog='python -m cnn_bench.measure.worker', description=__doc__, allow_abbrev=False)
    parser.add_argument('--parent', type=int, required=True, help='the process that started this one')
    args = parser.parse_args(argv)
    die_with(args.parent)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), 'w', encoding='utf-8')
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    serve(Worker().handle, sys.stdin, answers)
    os._exit(0)  # an orderly end waits for computations that failed, and some of these never end


def serve(handle: Callable[[dict], dict], requests: TextIO, answers: TextIO) -> None:
    """Answer each line of `requests` with what `handle` returns, or with the error that it raises."""
    for line in requests:
        try:
            answer = {'ok': handle(json.loads(line))}
        except Exception as error:  # whatever a network or XLA raises: the next case may still run
            answer = {'error': failure(error)}
        answers.write(json.dumps(answer) + '\n')
        answers.flush()


def failure(error: Exception) -> dict[str, str]:
    """{'status', 'reason'} of an error: what it is, and its first line."""
    from cnn_bench.runtime.memory import is_out_of_memory

    first = next((line.strip() for line in str(error).splitlines() if line.strip()), '') or type(error).__name__
    return {'status': 'out_of_memory' if is_out_of_memory(error) else 'failed', 'reason': printable(first[:300])}


class Worker:
    """The requests, each a method of its name."""

    def __init__(self):
        import jax

        jax.config.update('jax_enable_compilation_cache', False)  # compile_s is to be that of compiling
        from cnn_bench.measure.prepared_case import SharedState

        self._cases: list[Any] = []
        self._shared, self._rates = SharedState(), {}

    def handle(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer to a request."""
        requests = {'machine': self.machine, 'prepare': self.prepare, 'time': self.time}
        requests |= {'peak': self.peak, 'drop': self.drop}
        return requests[request.pop('do')](**request)

    def machine(self) -> dict[str, Any]:
        """The device, the cores and the versions."""
        from cnn_bench.measure import machine

        return {**machine.device(), 'versions': machine.versions()}

    def prepare(self, case: dict[str, Any]) -> dict[str, Any]:
        """Compile a case, which gets the next number, also where it fails."""
        from cnn_bench.measure.cases import Case
        from cnn_bench.measure.prepared_case import PreparedCase

        self._cases.append(None)
        self._cases[-1] = PreparedCase(Case(**case), self._shared)
        return {**self._cases[-1].facts, **self.machine()}

    def time(self, case: int, seconds: float, copy: bool = False) -> dict[str, Any]:
        """Durations of the calls of a turn, in seconds."""
        return self._cases[case].time(seconds, copy)

    def peak(self, dtype: str = 'float32') -> dict[str, Any]:
        """{'matrix_flop_per_s', 'copy_bytes_per_s'} of the device, measured now."""
        from cnn_bench.measure import machine

        for name, make in ((dtype, lambda: machine.matrix_product(dtype)), ('copy', machine.copy)):
            if name not in self._rates:
                self._rates[name] = make()
        return {'matrix_flop_per_s': self._rates[dtype](), 'copy_bytes_per_s': self._rates['copy']()}

    def drop(self, case: int) -> dict[str, Any]:
        """Forget a case; the others keep their numbers."""
        self._cases[case] = None
        return {}


if __name__ == '__main__':
    main()
