"""Measuring cases: processes, rounds, rows. `Session.run` is `cnn-bench measure`.

Each case is timed in `rounds` rounds, spread over PROCESSES processes one after the other. A process holds all cases of
one network and contestant, and waits between its turns. As many networks are held at a time as memory allows, a group;
in each round every case of the group has a turn. Only one process computes at a time.
"""

import contextlib
import datetime
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from cnn_bench.errors import RunFailed, UserError
from cnn_bench.files import locked
from cnn_bench.measure import intervals, machine, row, rows
from cnn_bench.measure.cases import OURS, Case, counted, key
from cnn_bench.measure.contestants import Contestant, commit
from cnn_bench.measure.holder import Holder
from cnn_bench.measure.missing import missing
from cnn_bench.measure.rounds import PROCESSES, order, target
from cnn_bench.measure.sensors import Meter, Sensors
from cnn_bench.measure.turns import Turns, by
from cnn_bench.measure.worker_process import ANSWER_S, CaseFailed, WorkerProcess
from cnn_bench.runtime.memory import GIB, host_free_bytes

SPARE_BYTES = GIB  # that stay free, beside what the next network may take
LARGER = 1.5  # the next network may take so many times what the largest took
SETTLE_S = 0.2  # between turns of two processes: threads of some libraries go on waiting busily for a moment
GUESSED_FLOP_PER_S, COMPILING_S = 1e11, 10.0  # for the time that is left, which is then scaled by what was seen
COPY_SHARE = 0.5  # of the time of a turn, for calls that bring their images along


class Progress(Protocol):
    """Who is told how far it is."""

    def begin(self, total: float) -> None:
        """So much work there is, in a unit of its own."""

    def advance(self, work: float, doing: str) -> None:
        """So much was done; what is done next."""

    def say(self, line: str) -> None:
        """Something that is worth a line."""


@dataclass
class Session:
    """What is measured how, into which directory."""

    out: Path
    contestants: Mapping[str, Contestant]  # by framework; ours is among them
    progress: Progress
    rounds: int = 6
    seconds: float | None = None  # of a turn; None: half a second on a CPU, two elsewhere
    cores: Sequence[int] = ()  # that processes are restricted to; all if empty
    answer_s: float = ANSWER_S
    again: frozenset[str] = frozenset()  # 'failed', 'changed': rows that are measured though they are there
    rows: dict[tuple, dict] = field(default_factory=dict, init=False)
    _open: list = field(default_factory=list, init=False)  # holders with a process
    _peaks: dict[str, dict[str, float]] = field(default_factory=dict, init=False)  # by dtype, in this round
    _failed: set[Case] = field(default_factory=set, init=False)  # in this session
    _records: dict[tuple, dict] = field(default_factory=dict, init=False)  # of the code, by network and contestant
    _cases: list[Case] = field(default_factory=list, init=False)  # that this session measures

    def run(self, cases: Sequence[Case]) -> list[dict]:
        """Measure the cases that have no row yet, and return the rows of all of them, in their order.

        Raises UserError where the device is not there, or a file of the directory is damaged.
        """
        self.out.mkdir(parents=True, exist_ok=True)
        with locked(self.out, 'measures'), contextlib.ExitStack() as stack:
            stack.callback(self._end)
            self.rows, self._turns = rows.read(self.out), Turns(self.out)
            idle_w = Sensors.for_platform('gpu').idle_power_w()  # a process on the device would wake it
            self._machine = self._start(self.contestants[OURS])
            stack.callback(self._machine.kill)
            self._where = self._find_device()
            on_cpu = self._where['platform'] == 'cpu'
            self._sensors, self._idle_w = Sensors.for_platform(self._where['platform']), None if on_cpu else idle_w
            self.seconds = self.seconds or (0.5 if on_cpu else 2.0)
            filed = [(case, {**self._where, **self._made_by(case)}) for case in cases]
            todo, lines = missing(filed, self.rows, self.again)
            for line in lines:
                self.progress.say(line)
            self._measure(todo)
            return [self.rows[self.key(case)] for case in cases]

    def key(self, case: Case) -> tuple:
        """The key of a case's row on this machine."""
        return key({**case.record(), **self._where})

    def _find_device(self) -> dict[str, Any]:
        """The columns of the machine."""
        try:
            found = self._machine.ask({'do': 'machine'})
        except CaseFailed as error:
            kind = UserError if error.alive else RunFailed
            raise kind(f'measure: there is no device to measure on: {error.reason}') from error
        return {name: found[name] for name in ('platform', 'device', 'threads')} | {'commit': commit()}

    def _measure(self, todo: Sequence[Case]) -> None:
        for case in todo:
            try:
                self._cases.append(counted(case))
            except UserError as error:
                self._fail(case, 'failed', str(error))
        if not self._cases:
            return
        self.progress.begin(sum(self._work(case) for case in self._cases))
        whole = [case for case in self._cases if len(self._done(case)) >= self.rounds]
        if whole:  # it was killed before it wrote their rows
            self._finish(whole)
        for number in range(min(self.rounds, PROCESSES)):
            self._pass([case for case in self._cases if case not in whole], target(self.rounds, number), number)
        self._refresh_intervals()

    def _pass(self, cases: Sequence[Case], wanted: int, number: int) -> None:
        """Time all cases, in groups, in processes of their own until each has the `wanted` number of rounds."""
        networks: dict[tuple, list[Case]] = {}
        for case in cases:
            if case not in self._failed and len(self._done(case)) < wanted:
                networks.setdefault((case.arch, case.framework), []).append(case)
        waiting = order(list(networks.values()), number)
        refused: list[list[Case]] = []
        while waiting:
            group = []
            while waiting and (not group or self._room(group)):
                holder = self._held(waiting.pop(0))
                if group and (lacking := _refused_memory(holder)):
                    refused.append(lacking)  # they may fit without the others
                    holder.forget(lacking)
                self._report_failures(holder)
                group.append(holder)
            self._time(group, wanted)
        for held in refused:
            holder = self._held(held)
            self._report_failures(holder)
            self._time([holder], wanted)

    def _held(self, cases: list[Case]) -> Holder:
        holder = Holder(self.contestants[cases[0].framework], cases, self._start)
        self._open.append(holder)
        self._prepare(holder)
        return holder

    def _time(self, group: list[Holder], wanted: int) -> None:
        """Rounds of a group until each of its cases has the `wanted` number."""
        number = min((len(self._done(case)) for holder in group for case in holder.alive()), default=wanted)
        while number < wanted:
            self._measure_peaks({case.dtype for holder in group for case in holder.alive()})
            for holder in order(group, number):
                time.sleep(SETTLE_S)
                for case in holder.cases:
                    if holder.needs_preparing:
                        self._prepare(holder)
                    if case not in holder.failures and len(self._done(case)) <= number:
                        self._turn(holder, case)
                self._report_failures(holder)
            number += 1
        for holder in group:
            holder.close()
            self._open.remove(holder)
        if wanted == self.rounds:
            self._finish([case for holder in group for case in holder.alive()])

    def _prepare(self, holder: Holder) -> None:
        """Have a process compile what is not failed, and write down what it answers."""
        self.progress.advance(0, f'compiling {holder.cases[0].label}')
        for case, process, answer in holder.prepare():
            if answer is not None:
                self.progress.advance(COMPILING_S, f'compiled {case.label}')
                facts = {name: value for name, value in answer.items() if name not in ('versions', *self._where)}
                self._turns.add({'kind': 'prepared', **self._identity(case), 'process': process, **facts})

    def _turn(self, holder: Holder, case: Case) -> None:
        """One turn of a case, written down."""
        self.progress.advance(0, case.label)
        before = self._sensed('before')
        with Meter(self._sensors) as meter:
            timed = holder.time(case, self.seconds, copy=False)
        if timed is None:
            return
        line = {'kind': 'turn', **self._identity(case), 'process': holder.process, 'seconds': timed['seconds']}
        line |= {'warmup_calls': timed.get('warmup_calls', 0), 'power_w': meter.power_w, 'power_idle_w': self._idle_w}
        line |= before | self._sensed('after') | self._peaks.get(case.dtype, {})
        if not any(turn['process'] == holder.process for turn in self._done(case)):  # once a process
            copied = holder.time(case, COPY_SHARE * self.seconds, copy=True)
            if copied is None:
                return
            line['seconds_with_copy'] = copied['seconds']
        line |= {'load_average': machine.load_average(), 'measured_at': _now()}
        self._turns.add(line)
        self.progress.advance(self._turn_s(case), case.label)

    def _finish(self, cases: Sequence[Case]) -> None:
        """Make rows of cases that have all their rounds."""
        processes = self._between()
        for case in cases:
            prepared, turns = self._turns.of(self.key(case), by(self._made_by(case)))
            where = {**self._where, **self._made_by(case)}
            peaks = self._best_peaks(case.dtype)
            self.rows[self.key(case)] = row.measured(case, where, prepared, turns, peaks, processes[case.framework])
        rows.write(self.out, self.rows.values())
        for name in dict.fromkeys((case.arch, case.framework) for case in cases):
            own = [case for case in cases if (case.arch, case.framework) == name]
            figures = (
                '{latency_ms_p50:,.4g} ms ({batch}, {dtype}, {mode})'.format(**self.rows[self.key(c)]) for c in own
            )
            self.progress.say(f'{own[0].label.partition(", ")[0]}: {", ".join(figures)}')

    def _refresh_intervals(self) -> None:
        """Make the intervals of this command's rows again, from the processes of all of them."""
        processes = self._between()
        for case in self._cases:
            there = self.rows[self.key(case)]
            if there['status'] == 'ok':
                turns = self._done(case)
                there |= row.interval(case.batch, there['latency_ms_p50'], turns, processes[case.framework])
        rows.write(self.out, self.rows.values())

    def _between(self) -> dict[str, intervals.Variance]:
        """By framework: the variance of processes, from all cases of this command."""
        return {
            framework: intervals.between(
                row.rounds_of(self._done(case)) for case in self._cases if case.framework == framework
            )
            for framework in self.contestants
        }

    def _measure_peaks(self, dtypes: set[str]) -> None:
        """Measure the rates of the device once more, for the turns of a round."""
        for dtype in sorted(dtypes):
            try:
                self._peaks[dtype] = self._machine.ask({'do': 'peak', 'dtype': dtype})
            except CaseFailed:  # such as where memory is short
                self._peaks[dtype] = {}

    def _best_peaks(self, dtype: str) -> dict[str, float | None]:
        """The best rates of the device in any round of this command."""
        turns = [turn for case in self._cases if case.dtype == dtype for turn in self._done(case)]
        return {name: max((turn[name] for turn in turns if name in turn), default=None) for name in row.PEAKS}

    def _report_failures(self, holder: Holder) -> None:
        for case, error in holder.failures.items():
            if case not in self._failed:
                self._fail(case, error.status, error.reason)

    def _fail(self, case: Case, status: str, reason: str) -> None:
        self._failed.add(case)
        where = {**self._where, **self._made_by(case), 'measured_at': _now()}
        self.rows[self.key(case)] = row.failed(case, where, status, reason)
        rows.write(self.out, self.rows.values())
        self.progress.say(f'{case.label}: {status}: {reason}')

    def _room(self, group: list[Holder]) -> bool:
        """Whether another network may be held beside those of the group."""
        free = host_free_bytes()[0] if self._where['platform'] == 'cpu' else self._sensors.free_bytes()
        largest = max(holder.peak_bytes for holder in group)
        return free is not None and free > LARGER * largest + SPARE_BYTES

    def _done(self, case: Case) -> list[dict]:
        return self._turns.of(self.key(case), by(self._made_by(case)))[1]

    def _identity(self, case: Case) -> dict[str, Any]:
        return dict(zip(rows.KEY, self.key(case), strict=True)) | self._made_by(case)

    def _made_by(self, case: Case) -> dict[str, Any]:
        name = (case.arch, case.framework)
        if name not in self._records:
            self._records[name] = self.contestants[case.framework].record(case.arch)
        return self._records[name]

    def _sensed(self, when: str) -> dict[str, float | None]:
        read = {'clock_mhz': self._sensors.clock_mhz(), 'temperature_c': self._sensors.temperature_c()}
        return {f'{name}_{when}': value for name, value in read.items()}

    def _work(self, case: Case) -> float:
        """About how many seconds a case takes from here on."""
        turns = self.rounds - len(self._done(case))
        return min(turns, PROCESSES) * COMPILING_S + turns * self._turn_s(case)

    def _turn_s(self, case: Case) -> float:
        call = 2 * case.macs * case.batch * (3 if case.mode == 'training' else 1) / GUESSED_FLOP_PER_S
        return max(self.seconds, 2 * call)

    def _start(self, contestant: Contestant) -> WorkerProcess:
        return WorkerProcess(contestant.command, contestant.env, self.cores, self.answer_s)

    def _end(self) -> None:
        for holder in self._open:
            holder.kill()


def _refused_memory(holder: Holder) -> list[Case]:
    return [case for case, error in holder.failures.items() if error.status == 'out_of_memory']


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec='seconds')
