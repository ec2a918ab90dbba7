"""How recipes differ: those of configurations, and those of runs of a sweep that do not stand for its variants."""

import json
from collections.abc import Mapping

import pandas as pd

from cnn_bench.recipe import differences
from cnn_bench.runs.choice import OTHER_RECIPE, SAME, Others

_OF_THE_RUN = ('name', 'seed')  # fields of a config that say which run it is, not how it is trained


def described(
    others: Others, table: pd.DataFrame, configs: Mapping[str, dict], code: Mapping[str, dict[str, str]]
) -> tuple[str, str]:
    """Which runs these are, and why they do not stand; `configs` and `code` (`choice.code_of`) by run, where known."""
    runs = table[table.run.isin(others.runs)]
    seeds = sorted(runs.seed.dropna().astype(int).unique())
    name = f'{others.label}, seed{"s" * (len(seeds) > 1)} {", ".join(map(str, seeds))}' if seeds else others.label
    name += f' ({", ".join(others.runs)})'
    if others.why != OTHER_RECIPE:
        return name, others.why
    if fields := _differences(others, table, configs):
        return name, f'{others.why}; as shown, and here: {"; ".join(fields)}'
    here, there = code.get(others.instead, {}), code.get(others.runs[0], {})
    files = sorted(file for file in here.keys() | there.keys() if here.get(file) != there.get(file))
    return name, f'the same recipe by other code: {", ".join(files)}' if files else others.why


def differing_fields(configs: Mapping[str, dict]) -> pd.DataFrame:
    """The fields in which configs (label -> config.json) differ: a row per dotted field, a column per label.

    Values are JSON; `—` stands where a recipe lacks the field.
    """
    flat = {label: dict(_flat(config)) for label, config in configs.items()}
    fields = dict.fromkeys(field for values in flat.values() for field in values if field not in _OF_THE_RUN)
    rows = {field: [values.get(field, '—') for values in flat.values()] for field in fields}
    differing = {field: values for field, values in rows.items() if len(set(values)) > 1}
    return pd.DataFrame.from_dict(differing, orient='index', columns=list(flat))


def _differences(others: Others, table: pd.DataFrame, configs: Mapping[str, dict]) -> list[str]:
    """A line per field in which the recipes differ, or else what of the data and the network does."""
    there = configs.get(others.runs[0])
    here = _of_same_seed(others, table, configs)
    if there is not None and here is not None:
        lines = differences(*({k: v for k, v in config.items() if k not in _OF_THE_RUN} for config in (here, there)))
        if lines:
            return lines
    rows = table.set_index('run')
    values = [(name, rows.at[others.instead, name], rows.at[others.runs[0], name]) for name in SAME]
    return [f'{name}: {_short(a)}, {_short(b)}' for name, a, b in values if a != b and not (pd.isna(a) and pd.isna(b))]


def _of_same_seed(others: Others, table: pd.DataFrame, configs: Mapping[str, dict]) -> dict | None:
    """The config of a run that stands, with the seed of the first of the others where there is one."""
    rows = table.set_index('run')
    alike = rows[rows.recipe.eq(rows.recipe.get(others.instead)) & rows.seed.eq(rows.seed.get(others.runs[0]))]
    return configs.get(alike.index[0] if len(alike) else others.instead)


def _short(value: object) -> str:
    return f'{value:.0f}' if isinstance(value, float) else str(value)[:12]


def _flat(value: object, path: str = '') -> list[tuple[str, str]]:
    if isinstance(value, dict) and value:
        return [pair for key in value for pair in _flat(value[key], f'{path}.{key}' if path else str(key))]
    return [(path, value if isinstance(value, str) else json.dumps(value))]
