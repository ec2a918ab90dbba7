"""An experiment of LeNet-5s on the tiny set, written where a test wants it."""

from pathlib import Path

import pytest

RECIPE = """
from cnn_bench.recipe import base

def get_config():
    config = base()
    config.dataset.name = 'tiny'
    config.batch_size, config.eval_batch_size, config.total_epochs = 24, 20, 1
    config.devices = 1
    config.optimizer.learning_rate = 0.05
    return config
"""
EXPERIMENT = """
QUESTION = 'Does it run?'
SOURCE = 'nobody'
HELD_EQUAL = ('epochs', 'macs', 'seconds')
RECIPE = 'recipe.py'
PRESETS = {{'demo': {{}}, 'full': {{}}}}

def variants(preset):
    return {variants!r}

def report(table):
    return f'{{len(table)}} finished.'
"""
BAD = {'optimizer.learning_rate': 1e8, 'optimizer.weight_decay': 1e8}


@pytest.fixture
def write(tmp_path):
    """Write an experiment with these variants, its source changed by `old` and `new`; return its path."""

    def write(old: str = '', new: str = '', variants: dict | None = None, name: str = 'runs') -> Path:
        (tmp_path / 'experiments').mkdir(exist_ok=True)
        (tmp_path / 'recipe.py').write_text(RECIPE)
        path = tmp_path / 'experiments' / f'{name}.py'
        text = EXPERIMENT.format(variants={'good': {}, 'bad': BAD} if variants is None else variants)
        path.write_text(text.replace(old, new))
        return path

    return write
