"""A row from what was timed."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

import numpy as np

from cnn_bench.measure import intervals
from cnn_bench.measure.cases import Case
from cnn_bench.measure.columns import COLUMNS, NOISY

COPIED = (  # from what processes answered; of several the largest
    *('memory_arguments_bytes', 'memory_outputs_bytes', 'memory_temporaries_bytes', 'memory_planned_bytes'),
    *('memory_allocator_peak_bytes', 'memory_process_growth_bytes', 'params', 'params_bytes', 'bytes_accessed'),
)
PEAKS = ('matrix_flop_per_s', 'copy_bytes_per_s')  # of the device, in the lines of turns


def failed(case: Case, where: Mapping[str, Any], status: str, reason: str) -> dict[str, Any]:
    """The row of a case without figures. `where` has the columns of the machine and the code."""
    return _all({**_identity(case), **where, 'status': status, 'reason': reason})


def measured(
    case: Case,
    where: Mapping[str, Any],
    prepared: Sequence[Mapping[str, Any]],
    turns: Sequence[Mapping[str, Any]],
    peaks: Mapping[str, float | None],
    processes: intervals.Variance,
) -> dict[str, Any]:
    """The row of a case from the lines of its processes and rounds (`turns.Turns`).

    `peaks` has the best of PEAKS; `processes` is `intervals.between` of all rows of the
    contestant.
    """
    durations = np.concatenate([turn['seconds'] for turn in turns])
    p50, p90, p99 = (float(each) for each in np.percentile(durations, [50, 90, 99]))
    work = 2 * case.macs * case.batch * (3 if case.mode == 'training' else 1) if case.macs else None
    rate, peak, copy = work and work / p50, peaks.get('matrix_flop_per_s'), peaks.get('copy_bytes_per_s')
    copied = [second for turn in turns for second in turn.get('seconds_with_copy') or ()]
    facts = {name: max(_known(prepared, name), default=None) for name in COPIED}
    moved = facts['bytes_accessed']
    return _all(
        {
            **_identity(case),
            **where,
            'status': 'ok',
            'latency_ms_p50': 1e3 * p50,
            'latency_ms_p90': 1e3 * p90,
            'latency_ms_p99': 1e3 * p99,
            'latency_with_copy_ms_p50': 1e3 * median(copied) if copied else None,
            'images_per_s': case.batch / p50,
            **interval(case.batch, 1e3 * p50, turns, processes),
            **{name: _median(_known(prepared, name)) for name in ('compile_s', 'first_call_s')},
            **facts,
            **_power(turns, p50 / case.batch),
            'tflop_per_s': rate and rate / 1e12,
            'matrix_peak_tflop_per_s': peak and peak / 1e12,
            'matrix_peak_share': rate / peak if rate and peak else None,
            'copy_bytes_per_s': copy,
            'copy_share': moved / p50 / copy if moved and copy else None,
            **_noise(turns),
            'repeats': len(turns),
            'processes': len({turn['process'] for turn in turns}),
            'calls': len(durations),
            'warmup_calls': sum(_known(prepared, 'warmup_calls')) + sum(_known(turns, 'warmup_calls')),
            'load_average': max(_known(turns, 'load_average'), default=None),
            'measured_at': turns[-1]['measured_at'],
        }
    )


def interval(
    batch: int, p50: float, turns: Iterable[Mapping[str, Any]], processes: intervals.Variance
) -> dict[str, float | None]:
    """The columns of the interval of a median latency `p50` in ms."""
    factor = intervals.factor(rounds_of(turns), processes)
    low, high = (None, None) if factor is None else (p50 / factor, p50 * factor)
    return {
        'latency_ms_low': low,
        'latency_ms_high': high,
        'images_per_s_low': high and 1e3 * batch / high,
        'images_per_s_high': low and 1e3 * batch / low,
    }


def rounds_of(turns: Iterable[Mapping[str, Any]]) -> list[list[float]]:
    """By process: the logarithms of the medians of its rounds."""
    found: dict[Any, list[float]] = {}
    for turn in turns:
        found.setdefault(turn['process'], []).append(float(np.log(median(turn['seconds']))))
    return list(found.values())


def _noise(turns: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    medians = [median(turn['seconds']) for turn in turns]
    within = max(intervals.spread(turn['seconds']) for turn in turns)
    across = (max(medians) - min(medians)) / median(medians)
    spreads = {'spread_pct': 100 * within, 'spread_of_rounds_pct': 100 * across}
    return {**spreads, 'noisy': bool(max(within, across) > NOISY)}


def _power(turns: Sequence[Mapping[str, Any]], seconds_per_image: float) -> dict[str, Any]:
    """Idle power is that before the first process, so a row that was resumed has the first one's."""
    idle = next(iter(_known(turns, 'power_idle_w')), None)
    gross = _median(_known(turns, 'power_w'))
    net = None if gross is None or idle is None else gross - idle
    found = {'power_idle_w': idle, 'power_w': net}
    found['energy_per_image_j'] = None if net is None else net * seconds_per_image
    for name in ('clock_mhz', 'temperature_c'):
        found |= {f'{name}_before': turns[0].get(f'{name}_before'), f'{name}_after': turns[-1].get(f'{name}_after')}
    return found


def _identity(case: Case) -> dict[str, Any]:
    names = ('arch', 'framework', 'batch', 'dtype', 'mode', 'size', 'width', 'macs')
    return {name: getattr(case, name) for name in names}


def _all(known: Mapping[str, Any]) -> dict[str, Any]:
    """A row with all columns, and no other."""
    return {name: known.get(name) for name in COLUMNS}


def _known(lines: Iterable[Mapping[str, Any]], name: str) -> list[Any]:
    return [line[name] for line in lines if line.get(name) is not None]


def _median(values: Sequence[float]) -> float | None:
    return median(values) if values else None
