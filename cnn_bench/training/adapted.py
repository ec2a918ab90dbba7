"""A recipe adapted to what the command line changed in it; what the recipe's file says by itself stays strict.

The functions return the adapted recipe and lines that say what was adapted. The run directory records the adapted
recipe, so it repeats exactly.
"""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from cnn_bench import recipe
from cnn_bench.training.optimizer import offered
from cnn_bench.training.schedules import SCHEDULES
from cnn_bench.training.splits import TRAIN, Splits

NAMES = {'optimizer.name': offered, 'schedule.name': lambda: SCHEDULES}  # -> the functions that can be named
WARMUP = 0.1  # fraction of a run that a warm-up gets which is longer than the run


def for_new_names(config: ConfigDict, spec: str, overrides: Mapping[str, Any]) -> tuple[ConfigDict, list[str]]:
    """The recipe without what `untaken` finds, and a line for each new name."""
    fields, lines = untaken(config, spec, overrides)
    if not fields:
        return config, []
    made = config.copy_and_resolve_references().unlock()
    for field in fields:
        group, _, name = field.partition('.')
        del made[group][name]
    return made.lock(), lines


def untaken(config: ConfigDict, spec: str | Path, overrides: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """The fields that a newly named optimiser or schedule does not take, and a line for each new name.

    `config` is the recipe of the file `spec` with `overrides` {'a.b': value}. Fields in `overrides` are not among them:
    what was asked for is refused elsewhere.
    """
    if not set(NAMES) & set(overrides):
        return [], []
    there, fields, lines = recipe.load(spec), [], []
    for named, known in ((named, known()) for named, known in NAMES.items()):
        group = named.partition('.')[0]
        name, before = config[group].name, there[group].name
        if name == before or name not in known:
            continue
        taken = {*inspect.signature(known[name]).parameters, *recipe.base()[group]}
        left = {f'{group}.{field}': value for field, value in config[group].items() if field not in taken}
        left = {field: value for field, value in left.items() if value is not None and field not in overrides}
        if left:
            fields += left
            values = ', '.join(f'{field}={value!r}' for field, value in left.items())
            lines.append(f'{name} in place of {before} does not take {values}: left out')
    return fields, lines


def for_short_run(config: ConfigDict, data_dir: str | None = None) -> tuple[ConfigDict, list[str]]:
    """The recipe with a warm-up of a tenth of the run where its own would take all of it, and a line that says so.

    A recipe of several stages stays as it is. Raises UserError where the data set's size is needed and it is not found.
    """
    warmup, epochs = config.schedule.warmup_epochs, config.total_epochs
    if config.stages or not warmup:
        return config, []
    if config.total_steps:
        steps_per_epoch = Splits(config.dataset, data_dir).sizes[TRAIN] // config.batch_size
        epochs = config.total_steps / max(1, steps_per_epoch)
    if warmup < epochs:
        return config, []
    made = config.copy_and_resolve_references().unlock()
    made.schedule.warmup_epochs = round(WARMUP * epochs, 4)
    shorter = f'schedule.warmup_epochs={made.schedule.warmup_epochs:g}, a tenth of it'
    line = f'a warm-up of {warmup:g} epochs would take all of this run of {epochs:.4g}; made shorter: {shorter}'
    return made.lock(), [line]
