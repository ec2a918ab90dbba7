"""A report that follows its runs: it is written again when the files of the runs change."""

import datetime
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from cnn_bench import runs
from cnn_bench.errors import UserError
from cnn_bench.files import LOCK, is_locked
from cnn_bench.measure import rows
from cnn_bench.report.data import NothingYet, ReportData
from cnn_bench.report.write import write_runs
from cnn_bench.runs import schema, tuning

POLL_S = 1.0
CTRL_C = 130
_OF_A_RUN = (schema.CONFIG, schema.PROVENANCE, schema.METRICS, schema.SUMMARY, schema.PREDICTIONS)


def follow(
    directories: Sequence[str | Path],
    write: Callable[[], object],
    say: Callable[[str], object],
    every_s: float,
    up_to_date: bool = False,
    pause: Callable[[float], object] | None = None,
) -> None:
    """Call `write` now, unless the report is `up_to_date`, and whenever the runs below `directories` change.

    Ctrl-C ends it. At least `every_s` seconds lie between the end of one report and the start of the next. As long as
    `write` raises NothingYet it waits, and tells why by `say`, once; so it does after any other UserError where a
    report was written before. Otherwise that is raised.
    """
    try:
        _follow(directories, write, say, every_s, up_to_date, pause or time.sleep)
    except KeyboardInterrupt as error:
        if getattr(error, 'exit_status', CTRL_C) != CTRL_C:  # another signal, which the command's own status tells
            raise


def _follow(
    directories: Sequence[str | Path], write: Callable, say: Callable, every_s: float, up_to_date: bool, pause: Callable
) -> None:
    seen, said, written = state(directories) if up_to_date else None, '', up_to_date
    while True:
        now = state(directories)  # before the files are read: what changes meanwhile is in the next report
        if now == seen:
            pause(POLL_S)
            continue
        seen = now
        try:
            write()
        except UserError as error:
            if not (written or isinstance(error, NothingYet)):
                raise
            if str(error) != said:
                say(str(error))
            said = str(error)
            pause(POLL_S)
        else:
            written, said = True, ''
            pause(every_s)


def write_now(data: ReportData, out: Path) -> str:
    """Write the report and say so in a line: when, where, and how many of the runs are finished."""
    page = write_runs(data, out)
    trials = sum(
        max(len(part.study.trials) if part.study else 0, len(part.table))
        for part in data.sweeps
        if part.curves is not None
    )
    finished, running = (
        int((data.table.state[data.table.source == 'measured'] == state).sum()) for state in ('finished', 'running')
    )
    at = datetime.datetime.now().strftime('%H:%M:%S')
    return f'{at} {page}: {finished} of {trials} runs finished' + (f', {running} running' if running else '')


def state(directories: Sequence[str | Path]) -> dict[str, object]:
    """What a report of these directories depends on: the time and size of each file, and which runs are being trained.

    The directories hold runs, or what was measured. Two states that are equal give the same report.
    """
    found: dict[str, object] = {}
    for directory in map(Path, directories):
        for file in (*directory.glob('*.json'), directory / rows.FILE):
            found |= _stamp(file)
        for run in [*runs.find(directory), *runs.find(directory / tuning.UNTUNED)]:
            for name in _OF_A_RUN:
                found |= _stamp(run / name)
            if str(run / schema.SUMMARY) not in found:
                found[str(run / LOCK)] = is_locked(run.path)
    return found


def newest(directories: Sequence[str | Path]) -> int:
    """The time of the newest file in `state`, in nanoseconds; 0 where there is none."""
    return max((stamp[0] for stamp in state(directories).values() if isinstance(stamp, tuple)), default=0)


def _stamp(file: Path) -> dict[str, tuple[int, int]]:
    try:
        found = os.stat(file)
    except OSError:  # not there yet, or no longer
        return {}
    return {str(file): (found.st_mtime_ns, found.st_size)}
