"""What the tooltip of a network says: all that the summary knows of it, in words."""

from cnn_bench.analysis.summary import COMPUTED_AFTER, SeedError
from cnn_bench.format import human, text
from cnn_bench.runs.columns import COLUMNS, Column
from cnn_bench.runtime.memory import MIB

_FINGERPRINT = 12  # digits that are shown


def of_network(row: dict) -> list[tuple[str, str]]:
    """Name and value of all that the tooltip shows of a row of the summary: every column with words, and its origin."""
    computed = {column.name: column.text(row.get(column.name)) for group in COMPUTED_AFTER.values() for column in group}
    shown = [column for column in COLUMNS.values() if column.words and (column.header or column.cost)]
    probability = computed['front_probability']
    found = (
        *((column.words, _value(column, row, computed)) for column in shown),
        ('seeds', computed['seeds']),
        ('each seed', _each_seed(row['by_seed'])),
        ('on the front', f'probability {probability}' if probability else ''),
        ('device', text(row['device'])),
        ('commit', text(row['commit'])),
        ('data', text(row['data_fingerprint'])[:_FINGERPRINT]),
        ('training', text(row['training'])),
        ('trained on', text(row['data'])),
        ('protocol', text(row['protocol'])),
        ('source', text(row['source']) if row['source'] != 'measured' else ''),
        ('run', text(row['run'])),
        *((name, text(row.get(name))) for name in ('recipe', 'versions', 'notes')),
    )
    return [(name, value) for name, value in found if value]


def _each_seed(seeds: tuple[SeedError, ...]) -> str:
    """'8.01, 8.24, 90.00 (collapsed) %'; '' for a single seed that learned."""
    if len(seeds) < 2 and not any(seed.collapsed for seed in seeds):
        return ''
    return ', '.join(f'{seed.error:.2f}{" (collapsed)" * seed.collapsed}' for seed in seeds) + ' %'


def _value(column: Column, row: dict, computed: dict[str, str]) -> str:
    """A value with its unit; the top-1 error with its interval."""
    value = row.get(column.name)
    if column.counted:
        if column.unit == 'bytes':
            return f'{value / MIB:,.2f} MiB' if value > 0 else ''
        return human(value) if value > 0 else ''
    shown = column.text(value)
    if not shown or not column.unit:
        return shown
    shown = f'{shown} {column.unit}'
    return (
        f'{shown} ± {computed["top1_ci95_pct"]}'
        if column.name == 'top1_err_pct' and computed['top1_ci95_pct']
        else shown
    )
