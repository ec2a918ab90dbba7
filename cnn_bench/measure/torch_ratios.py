"""How fast we are against other frameworks: their median latency over ours, from the rows of `cnn-bench measure`.

A ratio above 1 says that we are faster. Its interval combines those of the two medians, which are independent, on the
scale of logarithms (MOVER: Zou and Donner 2008, Statistics in Medicine 27); so does that of a geometric mean, which
therefore says how exactly these networks were measured, not what other networks would give.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

OURS = 'cnn_bench'
CASE = ('arch', 'size', 'width', 'batch', 'dtype', 'mode', 'platform', 'device', 'threads')  # equal in both rows
NOISY = '*'
NOTE = 'Ratios are their median latency over ours: above 1 we are faster.'


class Ratio(NamedTuple):
    """How many times as fast we are, and the interval of that number; `count` ratios were averaged."""

    value: float
    low: float
    high: float
    noisy: bool = False
    count: int = 1


def ratios(rows: Any) -> dict[tuple, dict[str, Ratio]]:
    """Values of CASE -> framework -> ratio, for each case that we and another framework were measured at.

    `rows` is a list of dicts or a DataFrame with the columns of `measure`. Of several rows of one case and framework
    the last counts. Without an interval in a row, its median stands for it. Networks that have not the same number of
    parameters are not compared.
    """
    found = {}
    for case, by_framework in _cases(rows).items():
        ours = by_framework.get(OURS)
        others = {name: row for name, row in by_framework.items() if name != OURS}
        compared = {name: ratio(row, ours) for name, row in others.items() if not _obstacle(row, ours)}
        if compared:
            found[case] = compared
    return found


def ratio(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> Ratio:
    """The ratio of two rows' medians, with its interval."""
    their_time, our_time = _interval(theirs), _interval(ours)
    value = their_time[1] / our_time[1]
    below = math.hypot(math.log(their_time[1] / their_time[0]), math.log(our_time[2] / our_time[1]))
    above = math.hypot(math.log(their_time[2] / their_time[1]), math.log(our_time[1] / our_time[0]))
    noisy = theirs.get('noisy') is True or ours.get('noisy') is True
    return Ratio(value, value * math.exp(-below), value * math.exp(above), noisy)


def geometric_mean(values: Sequence[Ratio]) -> Ratio:
    """The geometric mean of ratios and its interval. Raises ValueError for none."""
    if not values:
        raise ValueError('no ratio to average')
    count = len(values)
    value = math.exp(math.fsum(math.log(one.value) for one in values) / count)
    below = math.hypot(*(math.log(one.value / one.low) for one in values)) / count
    above = math.hypot(*(math.log(one.high / one.value) for one in values)) / count
    noisy = any(one.noisy for one in values)
    return Ratio(value, value * math.exp(-below), value * math.exp(above), noisy, count)


def means(rows: Any) -> dict[tuple, dict[str, Ratio]]:
    """(mode, dtype, batch) -> framework -> geometric mean over networks; batch None is over all batches."""
    groups: dict[tuple, dict[str, list[Ratio]]] = {}
    for case, found in ratios(rows).items():
        facts = dict(zip(CASE, case, strict=True))
        for batch in (facts['batch'], None):
            group = groups.setdefault((facts['mode'], facts['dtype'], batch), {})
            for name, one in found.items():
                group.setdefault(name, []).append(one)
    order = sorted(groups, key=lambda group: (group[0], group[1], group[2] is None, group[2] or 0))
    return {group: {name: geometric_mean(ones) for name, ones in groups[group].items()} for group in order}


def table(rows: Any) -> str:
    """Markdown: a row for each case with latencies and ratios, then the geometric means. '' without a ratio.

    A framework that could not run a case, or ran another network, says so in its place ('unsupported').
    """
    found = ratios(rows)
    if not found:
        return ''
    cases = _cases(rows)
    others = list(dict.fromkeys(name for case in found for name in cases[case] if name != OURS))
    head = ['network', 'mode', 'batch', 'dtype', f'{OURS}, ms']
    for name in others:
        head += [f'{name}, ms', 'ratio']
    lines = [f'{NOTE} In brackets their interval.', '', *_head(head, 4)]
    for case in sorted(found, key=_order):
        facts = dict(zip(CASE, case, strict=True))
        cells = [_label(facts), facts['mode'], str(facts['batch']), facts['dtype'], _latency(cases[case][OURS])]
        for name in others:
            row = cases[case].get(name)
            reason = row is not None and _obstacle(row, cases[case][OURS])
            cells += [_latency(row), reason or _text(found[case].get(name))]
        lines.append(_line(cells))
    lines += ['', *_head(['geometric mean', 'batch', 'dtype', *others, 'networks'], 3)]
    for (mode, dtype, batch), by_framework in means(rows).items():
        counts = ', '.join(dict.fromkeys(str(one.count) for one in by_framework.values()))
        cells = [
            mode,
            'all' if batch is None else str(batch),
            dtype,
            *(_text(by_framework.get(name)) for name in others),
        ]
        lines.append(_line([*cells, counts]))
    if any(one.noisy for by_framework in found.values() for one in by_framework.values()):
        lines += ['', f'{NOISY} a row whose repeats differed by more than the bound of `cnn-bench measure`.']
    return '\n'.join([*lines, '', *_machines(cases, found)])


def not_compared(rows: Any) -> list[str]:
    """A line for each row of another framework that has no ratio, with the reason."""
    return [
        f'{_label(row)}, batch {row["batch"]}, {row["dtype"]}, {row["mode"]}: {name} is not compared: {reason}'
        for by_framework in _cases(rows).values()
        for name, row in by_framework.items()
        if name != OURS and (reason := _obstacle(row, by_framework.get(OURS)))
    ]


def _cases(rows: Any) -> dict[tuple, dict[str, Mapping]]:
    """Values of CASE -> framework -> row."""
    cases: dict[tuple, dict[str, Mapping]] = {}
    for row in _records(rows):
        cases.setdefault(tuple(row.get(name) for name in CASE), {})[row['framework']] = row
    return cases


def _records(rows: Any) -> Iterable[Mapping[str, Any]]:
    return rows.to_dict('records') if hasattr(rows, 'to_dict') else rows


def _measured(row: Mapping[str, Any] | None) -> bool:
    return row is not None and row.get('status') == 'ok' and _number(row.get('latency_ms_p50')) is not None


def _obstacle(theirs: Mapping[str, Any], ours: Mapping[str, Any] | None) -> str:
    """Why two rows are not compared; '' where they are."""
    for row in (ours, theirs):
        if not _measured(row):
            return 'not measured' if row is None or row.get('status') == 'ok' else str(row['status']).replace('_', ' ')
    counts = [_number(row.get('params')) for row in (theirs, ours)]
    return f'{counts[0]:,.0f} parameters' if None not in counts and counts[0] != counts[1] else ''


def _number(value: Any) -> float | None:
    """None where there is none: in a DataFrame that is NaN."""
    return None if value is None or math.isnan(value) else float(value)


def _interval(row: Mapping[str, Any]) -> tuple[float, float, float]:
    """(low, median, high) of a row's latency."""
    median = float(row['latency_ms_p50'])
    low, high = _number(row.get('latency_ms_low')), _number(row.get('latency_ms_high'))
    return min(low or median, median), median, max(high or median, median)


def _order(case: tuple) -> tuple:
    facts = dict(zip(CASE, case, strict=True))
    return facts['mode'], facts['dtype'], str(facts['device']), facts['batch'], facts['arch'], facts['size'] or 0


def _label(facts: Mapping[str, Any]) -> str:
    width = _number(facts['width'])
    return facts['arch'] if width in (None, 1) else f'{facts["arch"]} x{width:g}'


def _latency(row: Mapping[str, Any] | None) -> str:
    return f'{row["latency_ms_p50"]:.4g}' if _measured(row) else ''


def _text(one: Ratio | None) -> str:
    if one is None:
        return ''
    return f'{one.value:.2f} ({one.low:.2f} to {one.high:.2f})' + (f' {NOISY}' if one.noisy else '')


def _head(names: Sequence[str], words: int) -> list[str]:
    """The head of a Markdown table whose columns after so many hold numbers."""
    rule = ['---' if n < words and name != 'batch' else '---:' for n, name in enumerate(names)]
    return [_line(names), _line(rule)]


def _line(cells: Iterable[str]) -> str:
    return f'| {" | ".join(cells)} |'


def _machines(cases: Mapping, found: Mapping) -> list[str]:
    """A line for each device and set of versions that the ratios hold for."""
    lines = []
    for case in found:
        facts = dict(zip(CASE, case, strict=True))
        versions: dict[str, str] = {}
        for row in cases[case].values():
            versions |= row.get('versions') or {}
        named = ', '.join(f'{name} {version}' for name, version in sorted(versions.items()))
        lines.append(f'{facts["device"]}, {facts["threads"]} threads' + (f'; {named}' if named else ''))
    return list(dict.fromkeys(lines))
