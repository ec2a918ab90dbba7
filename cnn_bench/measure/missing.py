"""What of a command is there already."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from cnn_bench.measure.cases import Case, key
from cnn_bench.measure.turns import by

FAILED, CHANGED = 'failed', 'changed'  # rows that may be measured again
SHOWN = 5  # cases, in a line


def missing(
    cases: Sequence[tuple[Case, Mapping[str, Any]]], rows: Mapping[tuple, Mapping[str, Any]], again: Collection[str]
) -> tuple[list[Case], list[str]]:
    """(the cases to measure, lines about those that are kept).

    Each case comes with the columns of the machine and of the code that would measure it. A case is measured where it
    has no row; with FAILED in `again` also where the row has no figures, with CHANGED where other code or other
    versions made it. Rows of other code that are kept are named.
    """
    todo, kept, changed = [], 0, []
    for case, where in cases:
        there = rows.get(key({**case.record(), **where}))
        other = there is not None and by(there) != by(where)
        failed = there is not None and there['status'] != 'ok'
        if there is None or (failed and FAILED in again) or (other and CHANGED in again):
            todo.append(case)
            continue
        kept += 1
        changed += [case.label] if other else []
    lines = [f'{kept} of {len(cases)} rows are there already'] if kept else []
    if changed:
        names = '; '.join(changed[:SHOWN]) + (f' and {len(changed) - SHOWN} more' if len(changed) > SHOWN else '')
        lines.append(f'made by other code or versions, and kept: {names} (--rerun changed measures them again)')
    return todo, lines
