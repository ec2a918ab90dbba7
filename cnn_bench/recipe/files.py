"""Reading recipes: from their Python files, and from the config.json of a run directory."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from cnn_bench.errors import UserError, unknown
from cnn_bench.python_file import absolute, defines, execute
from cnn_bench.recipe.fields import ADDED, FIELDS, RENAMED
from cnn_bench.recipe.overrides import override
from cnn_bench.recipe.validation import check_splits, validate


def load(spec: str | Path, overrides: Mapping[str, Any] | None = None) -> ConfigDict:
    """The recipe that `get_config(arg)` of the file `path.py[:arg]` returns, with `overrides` {'a.b': value}.

    Returns a locked ConfigDict; where `model.arch` is a network's file and name, the file is looked for in the current
    directory and its path is absolute in the result. Raises UserError for a missing or broken file, an unknown field, a
    value of the wrong type or out of range.
    """
    path, _, arg = str(spec).partition(':')
    config = _get_config(Path(path), arg)
    for field, value in (overrides or {}).items():
        override(config, field, value)
    validate(config)
    check_splits(config)
    config.model.arch = absolute(config.model.arch)
    return config.lock()


def is_recipe(spec: str | Path) -> bool:
    """Whether `path.py[:arg]` names a file with a get_config. Nothing in it is run."""
    return defines(Path(str(spec).partition(':')[0]), 'get_config')


def from_dict(fields: Mapping[str, Any]) -> ConfigDict:
    """The recipe that a run directory's config.json holds, also where an earlier version wrote it."""
    config = ConfigDict(_with_tuples(renamed(fields)))
    validate(config)
    return config.lock()


def renamed(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a recipe that an earlier version wrote, under their present names, with defaults of newer ones."""
    fields = {name: dict(value) if isinstance(value, Mapping) else value for name, value in fields.items()}
    for old, new in RENAMED.items():
        group, _, name = old.rpartition('.')
        holder = fields.get(group, {}) if group else fields
        if isinstance(holder, dict) and name in holder:
            holder[new.rpartition('.')[2]] = holder.pop(name)
    for path in ADDED:
        group, _, name = path.rpartition('.')
        holder = fields.get(group) if group else fields
        if isinstance(holder, dict):
            holder.setdefault(name, FIELDS[path].default)
    return fields


def to_dict(config: ConfigDict) -> dict[str, Any]:
    """A recipe as plain JSON types, for config.json, equality and hashing."""
    return json.loads(json.dumps(config.to_dict(), sort_keys=True))


def differences(one: Mapping, other: Mapping, prefix: str = '') -> list[str]:
    """The fields in which two recipes differ, a line each: `field: one's value, other's value`."""
    lines = []
    for key in sorted(set(one) | set(other)):
        a, b = one.get(key), other.get(key)
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            lines += differences(a, b, f'{prefix}{key}.')
        elif a != b:
            lines.append(f'{prefix}{key}: {a!r}, {b!r}')
    return lines


def variant(config: ConfigDict, arg: str, **smoke_model: Any) -> ConfigDict:
    """`config` itself for an empty `arg`; for 'smoke' a variant that takes two steps in seconds on a CPU.

    The smoke variant trains an eighth of the network's width, with `smoke_model` as further fields of the model, on
    sixteen images of 28x28 of the packaged data set a step, from scratch; of stages the first two have a step each.
    Raises UserError for any other `arg`.
    """
    if not arg:
        return config
    if arg != 'smoke':
        raise unknown('variant of a recipe', arg, ['smoke'])
    config.model.width = 0.125
    config.model.update({'stem': 'small', **smoke_model})
    config.dataset.update({'name': 'fashion_mnist_subset', 'train': 'train', 'test': 'test', 'size': 0, 'workers': 0})
    config.dataset.update({'train_images': 0, 'test_images': 200, 'classes': ()})
    config.dataset.update({'validation': '', 'validation_images': 200})
    config.total_steps = 2
    config.stages = tuple({**stage, 'total_steps': 1} for stage in config.stages[:2])
    config.init_from = ''  # no weights are at hand
    config.batch_size = 16
    config.eval_batch_size = 200
    config.log_every_steps = 1
    config.schedule.warmup_epochs = min(config.schedule.warmup_epochs, 16 / 10_000)  # one step
    if config.augment.lighting_std:
        config.augment.lighting_components = ((0.1,),)  # the packaged images have one channel
    return config


def _get_config(path: Path, arg: str) -> ConfigDict:
    with execute(path, 'recipe') as module:
        config = module.get_config(arg) if arg else module.get_config()
    if not isinstance(config, ConfigDict):
        raise UserError(f'get_config of {path} returns {type(config).__name__}; it must return a ConfigDict')
    return config.copy_and_resolve_references().unlock()


def _with_tuples(value: Any) -> Any:
    """`value` with every list as a tuple: JSON has only lists, recipes only tuples."""
    if isinstance(value, Mapping):
        return {name: _with_tuples(v) for name, v in value.items()}
    return tuple(map(_with_tuples, value)) if isinstance(value, list) else value
