"""In which fields the recipes of variants differ."""

import json
from collections.abc import Mapping

import pandas as pd

_OF_THE_RUN = ('name', 'seed')  # fields that say which run it is, not how it is trained


def differences(configs: Mapping[str, dict]) -> pd.DataFrame:
    """A row per field (dotted) that is not the same in all of `configs` (label -> config.json), a column per label.

    Values are JSON; `—` stands where a recipe has no such field.
    """
    flat = {label: dict(_flat(config)) for label, config in configs.items()}
    fields = dict.fromkeys(field for values in flat.values() for field in values if field not in _OF_THE_RUN)
    rows = {field: [values.get(field, '—') for values in flat.values()] for field in fields}
    differing = {field: values for field, values in rows.items() if len(set(values)) > 1}
    return pd.DataFrame.from_dict(differing, orient='index', columns=list(flat))


def _flat(value: object, path: str = '') -> list[tuple[str, str]]:
    if isinstance(value, dict) and value:
        return [pair for key in value for pair in _flat(value[key], f'{path}.{key}' if path else str(key))]
    return [(path, value if isinstance(value, str) else json.dumps(value))]
