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
import os
from typing import Any

from cnn_bench.errors import printable
from cnn_bench.measure.standalone import serving
from cnn_bench.runtime.parent import die_with


def main(argv: list[str] | None = None) -> None:
    """Answer requests until stdin ends."""
    parser = argparse.ArgumentParser(prog='python -m cnn_bench.measure.worker', description=__doc__, allow_abbrev=False)
    parser.add_argument('--parent', type=int, required=True, help='the process that started this one')
    args = parser.parse_args(argv)
    die_with(args.parent)
    serving.serve_stdin(Worker(), failure)
    os._exit(0)  # an orderly end waits for computations that failed, and some of these never end


def failure(error: Exception) -> dict[str, str]:
    """{'status', 'reason'} of an error: what it is, and its first line."""
    from cnn_bench.runtime.memory import is_out_of_memory

    status = 'out_of_memory' if is_out_of_memory(error) else 'failed'
    return {'status': status, 'reason': printable(serving.first_line(error)[:300])}


class Worker(serving.Worker):
    """The requests, answered by this package. It imports JAX when it is made."""

    def __init__(self) -> None:
        import jax

        jax.config.update('jax_enable_compilation_cache', False)  # compile_s is to be that of compiling
        from cnn_bench.measure.prepared_case import SharedState

        super().__init__()
        self._shared, self._rates = SharedState(), {}

    def machine(self) -> dict[str, Any]:
        """The device, the cores and the versions."""
        from cnn_bench.measure import machine

        return {**machine.device(), 'versions': machine.versions()}

    def prepared(self, case: dict[str, Any]) -> Any:
        """The `PreparedCase`."""
        from cnn_bench.measure.cases import Case
        from cnn_bench.measure.prepared_case import PreparedCase

        return PreparedCase(Case(**case), self._shared)

    def peak(self, dtype: str = 'float32') -> dict[str, Any]:
        """{'matrix_flop_per_s', 'copy_bytes_per_s'} of the device, measured now."""
        from cnn_bench.measure import machine

        for name, make in ((dtype, lambda: machine.matrix_product(dtype)), ('copy', machine.copy)):
            if name not in self._rates:
                self._rates[name] = make()
        return {'matrix_flop_per_s': self._rates[dtype](), 'copy_bytes_per_s': self._rates['copy']()}


if __name__ == '__main__':
    main()
