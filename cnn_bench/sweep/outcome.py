"""How a trial ended, from its process's exit status and what it printed."""

import re
import signal
from dataclasses import dataclass

from cnn_bench.errors import Stopped, UserError

STOPPED = 'stopped'  # it saved its state, or had none yet: it goes on when the sweep is started again
STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
NO_MEMORY = re.compile(r'MemoryError|RESOURCE_EXHAUSTED|out of memory|std::bad_alloc|Cannot allocate memory', re.I)
ERROR = re.compile(r'^(?:\w+\.)*\w*(?:Error|Exception|Exit|Interrupt|Uncountable)\b')  # the end of a traceback
OURS = 'cnn-bench: error: '
LAST = 60  # lines of the log that are looked at
LONGEST = 300  # characters of a reason


@dataclass(frozen=True)
class Outcome:
    """A state of runs.schema.FAILED or STOPPED, and why."""

    state: str
    reason: str


def judge(status: int | None, log: str, lost: str = '') -> Outcome:
    """The outcome of a process that left no result.

    `status` is its exit status as subprocess has it, negative for a signal; None where nobody knows it, and `lost` says
    why. A SIGKILL counts as the system's, which sends it where memory runs out: sweeps send none that they judge.
    """
    lines = [line.strip() for line in log.splitlines()[-LAST:] if line.strip()]
    short_of_memory = [line for line in lines if NO_MEMORY.search(line)]
    if status == Stopped.exit_status or (status is not None and -status in STOPPING):
        return Outcome(STOPPED, '')
    if short_of_memory:
        return Outcome('out_of_memory', short_of_memory[-1].removeprefix(OURS)[:LONGEST])
    if status == -signal.SIGKILL:
        return Outcome('out_of_memory', 'killed by SIGKILL, which the system sends where memory runs out')
    if status == UserError.exit_status:
        return Outcome('refused', _last_words(lines))
    return Outcome('crashed', f'{_how(status, lost)}{_last_words(lines)}')


def _how(status: int | None, lost: str) -> str:
    if status is None:
        return f'{lost}; ' if lost else ''
    return f'killed by {signal.Signals(-status).name}: ' if status < 0 else ''


def _last_words(lines: list[str]) -> str:
    """The last line that says something: our own error, else the end of a traceback, else the last of all."""
    ours = [line.removeprefix(OURS) for line in lines if line.startswith(OURS)]
    errors = [line for line in lines if ERROR.match(line)]
    words = [line for line in lines if re.search(r'\w', line)]
    return next((found[-1] for found in (ours, errors, words) if found), 'it printed nothing')[:LONGEST]
