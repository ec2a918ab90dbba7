"""A recipe adapted to what the command line changed in it; what the recipe's file says by itself stays strict.

The functions return the adapted recipe and lines that say what was adapted. The run directory records the adapted
recipe, so it repeats exactly.
"""

import inspect
from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from cnn_bench import recipe
from cnn_bench.training.optimizer import offered
from cnn_bench.training.schedules import SCHEDULES
from cnn_bench.training.splits import TRAIN, Splits

WARMUP = 0.1  # fraction of a run that a warm-up gets which is longer than the run


def for_new_names(config: ConfigDict, spec: str, overrides: Mapping[str, Any]) -> tuple[ConfigDict, list[str]]:
    """The recipe without the fields that a newly named optimiser or schedule does not take, and a line for each name.

    `config` is the recipe of the file `spec` with `overrides` {'a.b': value}. A field that is itself in `overrides`
    stays, to be refused.
    """
    if not {'optimizer.name', 'schedule.name'} & set(overrides):
        return config, []
    there = recipe.load(spec)
    made, lines = config.copy_and_resolve_references().unlock(), []
    for group, known in (('optimizer', offered()), ('schedule', SCHEDULES)):
        name, before = made[group].name, there[group].name
        if name == before or name not in known:
            continue
        taken = {*inspect.signature(known[name]).parameters, *recipe.base()[group]}
        left_out = {
            field: value
            for field, value in made[group].items()
            if field not in taken and value is not None and f'{group}.{field}' not in overrides
        }
        for field in left_out:
            del made[group][field]
        if left_out:
            fields = ', '.join(f'{group}.{field}={value!r}' for field, value in left_out.items())
            lines.append(f'{name} in place of {before} does not take {fields}: left out')
    return made.lock(), lines


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
