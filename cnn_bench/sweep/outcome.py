"""How a trial ended, and why.

A trial that ends with an exception is recorded by its own process, with `attempt`. Where no Python code saw the end,
because the process was killed or crashed in native code, `of_process` goes by its exit status and the last line that it
printed.
"""

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cnn_bench.errors import RunFailed, Stopped, UserError
from cnn_bench.runs import RunDirectory, schema
from cnn_bench.runtime.backend import explained
from cnn_bench.runtime.memory import is_out_of_memory, says_out_of_memory
from cnn_bench.runtime.signals import ASKING

STOPPED = 'stopped'  # asked to stop: it continues from its checkpoint, if any, when the sweep is started again
STOP_SIGNALS = (*ASKING, signal.SIGHUP)
LONGEST = 300  # characters of a reason


@dataclass(frozen=True)
class Outcome:
    """A state, one of runs.schema.FAILED or STOPPED, and its reason in a line."""

    state: str
    reason: str


def attempt(train: Callable[[], object], run: RunDirectory) -> int:
    """Call `train` and return the exit status for a process that does just that: EX_SOFTWARE where it crashed.

    An exception is printed and, unless it is Stopped, recorded in the summary of `run`, which exists.
    """
    try:
        train()
    except Stopped as stop:
        print(f'cnn-bench: {stop}', file=sys.stderr)
        return stop.exit_status
    except Exception as raised:
        error = explained(raised)
        if isinstance(error, UserError):
            print(f'cnn-bench: error: {error}', file=sys.stderr)
        else:
            traceback.print_exc()
        _record(of_exception(error), run)
        return getattr(error, 'exit_status', os.EX_SOFTWARE)
    return 0


def of_exception(error: Exception) -> Outcome:
    """The outcome of a trial that raised `error`."""
    no_memory = next((each for each in _causes(error) if is_out_of_memory(each)), None)
    if no_memory is not None:
        return Outcome('out_of_memory', _in_a_line(no_memory))
    refused = isinstance(error, UserError | OSError) and not isinstance(error, RunFailed)
    return Outcome('refused' if refused else 'crashed', _in_a_line(error))


def of_process(status: int | None, log: str, lost: str = '', no_memory: bool = False) -> Outcome:
    """The outcome of a process that recorded none; `log` is what it printed.

    `status` is its exit status as subprocess gives it, negative for a signal, or None where it is unknown and `lost`
    says why. With `no_memory` the system killed processes for lack of memory while it ran.
    """
    if status == Stopped.exit_status or (status is not None and -status in STOP_SIGNALS):
        return Outcome(STOPPED, '')
    if status == -signal.SIGKILL and no_memory:
        return Outcome('out_of_memory', 'killed by the system, whose memory ran out')
    last = next((line.strip() for line in reversed(log.splitlines()) if line.strip()), 'it printed nothing')
    if status is None:
        how = f'{lost}; ' if lost else ''
    else:
        how = f'killed by {signal.Signals(-status).name}: ' if status < 0 else ''
    state = 'out_of_memory' if says_out_of_memory(f'{lost}\n{last}') else 'crashed'  # C++ aborts with std::bad_alloc
    return Outcome(state, f'{how}{last}'[:LONGEST])


def _record(outcome: Outcome, run: RunDirectory) -> None:
    try:
        if (run.read(schema.SUMMARY) or {}).get('state') not in schema.FAILED:  # training records a divergence itself
            run.write(schema.SUMMARY, {'state': outcome.state, 'reason': outcome.reason})
    except (OSError, UserError):  # a full disk, say: `of_process` finds the error in the log
        traceback.print_exc()


def _causes(error: BaseException) -> Iterator[BaseException]:
    """`error` and the exceptions that led to it."""
    seen = set()
    while error is not None and id(error) not in seen:
        yield error
        seen.add(id(error))
        error = error.__cause__ or error.__context__


def _in_a_line(error: BaseException) -> str:
    """The first line of the message, after the exception's class except for our own errors."""
    text = str(error) if isinstance(error, UserError) else ''.join(traceback.format_exception_only(error))
    return text.strip().splitlines()[0][:LONGEST] if text.strip() else type(error).__name__
