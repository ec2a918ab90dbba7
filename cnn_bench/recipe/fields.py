"""Every field of a recipe: its default, what it means, and which values are allowed.

Durations carry their unit in their name; batch sizes are totals over all devices. The groups `model`, `optimizer`,
`schedule`, `augment`, `mix` and `crop` are keyword arguments of the functions that they are handed to, so a field
that such a function does not take is refused.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from ml_collections import ConfigDict

# Groups that take further fields: any argument of the network, optimiser or schedule that is named in them.
OPEN = ('model', 'optimizer', 'schedule')
# Principal components of ImageNet's colours, eigenvalue times eigenvector, as fb.resnet.torch (2016) published them.
IMAGENET_LIGHTING = tuple(
    tuple(value * part for part in vector)
    for value, vector in (
        (0.2175, (-0.5675, -0.5808, -0.5836)),
        (0.0188, (0.7192, -0.0045, -0.6948)),
        (0.0045, (0.4009, -0.8140, 0.4203)),
    )
)
BN_SCOPES = ('unfrozen', 'all', 'none')  # which batch norm layers `bn_update` and `bn_train` apply to
MONITORED = {
    'classification': ('loss', 'top1_err_pct', 'top5_err_pct'),
    'segmentation': ('loss', 'miou_err_pct', 'pixel_err_pct'),
}  # task -> its validation metrics; those of the averaged weights start with `ema_`
# Fields that had another name in earlier versions. Runs of then are read; a new recipe is told the new name.
RENAMED = {'stop_after_evals': 'early_stop_patience', 'mix.cutmix_share': 'mix.cutmix_prob'}
# Fields that recipes of earlier versions lack.
ADDED = ('task', 'augment.zoom', 'keep_best', 'test_every_epochs', 'dataset.validation', 'dataset.validation_images')


@dataclass(frozen=True)
class Field:
    """A field's default, whose type is the field's, its documentation, and the rule for its values."""

    default: Any
    doc: str
    rule: 'Rule | None' = None


@dataclass(frozen=True)
class Rule:
    """Which values a field may have: the test, and the words for it in messages and `--help`."""

    holds: Callable[[Any], bool]
    allowed: str


LARGEST = 10**9  # of whole numbers


def at_least(least: int, most: int = LARGEST) -> Rule:
    """Numbers from `least` to `most`."""
    to = '' if most == LARGEST else f', at most {most:,}'
    return Rule(lambda value: least <= value <= most, f'at least {least}{to}')


def above(bound: float, most: float = LARGEST) -> Rule:
    """Numbers greater than `bound`, up to `most`."""
    to = '' if most == LARGEST else f', at most {most:g}'
    return Rule(lambda value: bound < value <= most, f'above {bound:g}{to}')


def rising_pair(most: float) -> Rule:
    """Two numbers above 0, up to `most`, the first not greater than the second."""
    return Rule(
        lambda value: len(value) == 2 and all(map(_is_number, value)) and 0 < value[0] <= value[1] <= most,
        f'two numbers above 0, at most {most:g}, the first not greater',
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def one_of(*names: str) -> Rule:
    """One of these names."""
    return Rule(lambda value: value in names, ', '.join(names))


FRACTION = Rule(lambda value: 0 <= value < 1, 'from 0 to below 1')
PATTERNS = Rule(lambda value: all(isinstance(item, str) for item in value), 'a tuple of patterns')
STAGES = Rule(
    lambda value: all(isinstance(item, Mapping) and all(isinstance(name, str) for name in item) for item in value),
    "a tuple of {'field': value}",
)
ROWS = Rule(
    lambda value: all(
        isinstance(row, tuple) and all(_is_number(item) and isfinite(item) for item in row) for row in value
    ),
    'a tuple of rows of numbers',
)
LABELS = Rule(
    lambda value: all(isinstance(item, int) and item >= 0 for item in value) and len(set(value)) == len(value),
    'different labels',
)

FIELDS: dict[str, Field] = {
    'name': Field('', 'label in charts; empty: the architecture and its width'),
    'task': Field('classification', "what the network learns of the data set's labels", one_of(*MONITORED)),
    'seed': Field(
        0, 'seed of the first weights, the order of images, augmentation and dropout', at_least(0, 2**32 - 1)
    ),
    'total_epochs': Field(10, 'length of training', at_least(1)),
    'total_steps': Field(0, 'length of training in steps, instead of total_epochs; 0: use total_epochs', at_least(0)),
    'batch_size': Field(128, 'training images a step', at_least(1)),
    'accumulate_steps': Field(1, 'parts that a batch is cut into, whose gradients are averaged', at_least(1)),
    'eval_batch_size': Field(512, 'validation or test images a step', at_least(1)),
    'eval_every_epochs': Field(1, 'epochs between evaluations on the validation images', at_least(1)),
    'test_every_epochs': Field(
        0, 'epochs between evaluations on the test images, for curves only; 0: once, at the end', at_least(0)
    ),
    'monitor': Field('top1_err_pct', 'validation metric for the plateau schedule, the best step and early stopping'),
    'keep_best': Field(False, 'test the weights of the best validation, not the last ones'),
    'early_stop_patience': Field(0, 'validations in a row without a new best that end training; 0: never', at_least(0)),
    'log_every_steps': Field(50, 'steps that a row of metrics.jsonl averages over', at_least(1)),
    'checkpoint_every_steps': Field(0, 'steps between checkpoints; 0: at the end of each epoch', at_least(0)),
    'keep_checkpoints': Field(2, 'how many of the newest checkpoints are kept', at_least(1)),
    'parallel': Field('jit', 'jit: one program on a mesh; pmap: the same step, mapped', one_of('jit', 'pmap')),
    'devices': Field(0, 'how many of the local devices; 0: all', at_least(0)),
    'sync_batch_norm': Field(True, "batch statistics over all devices, or each device's own"),
    'label_smoothing': Field(0.0, 'probability spread evenly over all classes (Szegedy et al. 2015)', FRACTION),
    'ema_decay': Field(0.0, 'decay of averaged weights that are evaluated too; 0: no average', FRACTION),
    'scale_lr_to_batch': Field(
        0, 'batch size that learning_rate is meant for: it grows with batch_size / this; 0: it stays', at_least(0)
    ),
    'aux_weight': Field(0.3, "weight of each auxiliary head's loss, where the network has any", at_least(0)),
    'init_from': Field('', 'directory of a run or of imported weights to start from; empty: drawn by the seed'),
    'init_head': Field(True, 'start from their head too where the numbers of classes agree'),
    'freeze': Field((), "patterns of layers that are not trained: ('stem', 'stage2/*'), ('*', '!head')", PATTERNS),
    'bn_update': Field('unfrozen', 'batch norm layers whose running statistics are updated', one_of(*BN_SCOPES)),
    'bn_train': Field('unfrozen', 'batch norm layers whose scale and bias are trained', one_of(*BN_SCOPES)),
    'stages': Field((), 'stages of training, each {field: value} of what differs from the recipe', STAGES),
    'model.arch': Field(
        'lenet5', 'a name of `cnn-bench list`, or path/to/mynet.py:MyNet; further fields are those of its module'
    ),
    'model.width': Field(1.0, 'factor of all numbers of channels', above(0)),
    'model.dtype': Field('float32', 'of activations and multiplications; parameters are float32'),
    'dataset.name': Field('fashion_mnist_subset', 'a name of `cnn-bench data list`'),
    'dataset.train': Field('train', 'split that is trained on'),
    'dataset.validation': Field('', 'split that choices in training are made by; empty: see validation_images'),
    'dataset.test': Field('test', 'split that is evaluated on once, at the end; empty: none'),
    'dataset.classes': Field((), 'labels to keep, renumbered 0, 1, ... in this order; (): all', LABELS),
    'dataset.train_images': Field(0, 'how many training images, always the same ones; 0: all', at_least(0)),
    'dataset.validation_images': Field(
        0,
        'how many validation images, always the same ones: of `validation`, or held out of `train` where that is empty '
        '(as large a part of each class); 0: all of `validation`, or none',
        at_least(0),
    ),
    'dataset.test_images': Field(0, 'how many test images, always the same ones; 0: all', at_least(0)),
    'dataset.size': Field(0, 'images are resized to size x size; 0: as stored, or as init_from expects', at_least(0)),
    'dataset.placement': Field(
        'auto', 'device: the whole set lives there; host: batches are streamed', one_of('auto', 'device', 'host')
    ),
    'dataset.workers': Field(0, 'processes that decode and crop when streaming', at_least(0, 1024)),
    'crop.scale': Field(
        (0.08, 1.0),
        "area of a random training crop, as a fraction of the image's (of images that are resized)",
        rising_pair(1),
    ),
    'crop.ratio': Field(
        (3 / 4, 4 / 3), 'width / height of a random training crop (of images that are resized)', rising_pair(100)
    ),
    'crop.crop_fraction': Field(
        0.875,
        'side of the evaluation crop, as a fraction of the shorter side (of images that are resized)',
        above(0, 1),
    ),
    'augment.flip': Field(False, 'mirror images left to right at random'),
    'augment.pad_crop': Field(0, 'shift images by up to so many pixels at random', at_least(0)),
    'augment.zoom': Field(
        (1.0, 1.0),
        'least and greatest factor that enlarges an image and its mask (segmentation)',
        rising_pair(16),
    ),
    'augment.lighting_std': Field(0.0, 'PCA lighting (Krizhevsky et al. 2012); 0: none', at_least(0)),
    'augment.lighting_components': Field((), 'principal components of the colours, a row each', ROWS),
    'mix.mixup_alpha': Field(0.0, 'mixup (Zhang et al. 2017); 0: none', at_least(0)),
    'mix.cutmix_alpha': Field(0.0, 'CutMix (Yun et al. 2019); 0: none', at_least(0)),
    'mix.cutmix_prob': Field(0.5, 'probability of CutMix in a step where both are on', at_least(0, 1)),
    'optimizer.name': Field('sgd', 'any optimiser of optax; further fields are its arguments'),
    'optimizer.learning_rate': Field(0.1, 'peak of the schedule', at_least(0)),
    'optimizer.weight_decay': Field(0.0, 'decoupled where the optimiser has it so, otherwise the L2 term', at_least(0)),
    'optimizer.decay_bias_and_norm': Field(False, 'weight decay of biases and norms too'),
    'optimizer.clip_norm': Field(0.0, 'largest norm of the gradient; 0: unlimited', at_least(0)),
    'optimizer.lr_multipliers': Field((), "pairs of a pattern and a factor of the rate: (('stem*', 0.1),)"),
    'schedule.name': Field('constant', 'a schedule of training/schedules.py; further fields are its arguments'),
    'schedule.warmup_epochs': Field(0.0, 'linear warm-up, part of total_epochs', at_least(0)),
    'wandb.enabled': Field(False, 'log to Weights & Biases, offline where there is no key'),
    'wandb.project': Field('cnn_bench', 'project of Weights & Biases'),
    'tensorboard.enabled': Field(False, 'write event files below the run directory'),
}

FRACTIONS = Rule(lambda value: all(_is_number(item) and 0 < item < 1 for item in value), 'a tuple of fractions')
DTYPES = one_of('bfloat16', 'float16', 'float32')
# Ranges of further fields of the open groups, where a recipe sets them.
OPEN_RULES = {
    **dict.fromkeys((f'optimizer.{name}' for name in ('momentum', 'b1', 'b2', 'b3', 'decay')), FRACTION),
    **dict.fromkeys(('optimizer.eps', 'schedule.decay', 'schedule.final_factor', 'schedule.min_factor'), at_least(0)),
    **dict.fromkeys(('schedule.factor', 'schedule.rise', 'schedule.start_factor', 'schedule.threshold'), above(0, 1)),
    **dict.fromkeys(('schedule.power', 'schedule.every_epochs'), above(0)),
    **dict.fromkeys(('schedule.patience', 'schedule.cooldown'), at_least(0)),
    'schedule.at': FRACTIONS,
    **dict.fromkeys((f'optimizer.{name}' for name in ('accumulator_dtype', 'mu_dtype', 'dtype_momentum')), DTYPES),
}
# Fields of networks that no recipe sets, and what decides them.
DECIDED = {
    'model.num_classes': 'config.dataset, by its classes',
    'model.bn_axis': 'config.sync_batch_norm and config.devices',
}


def base() -> ConfigDict:
    """A recipe with every field at its default."""
    fields: dict[str, Any] = {}
    for path, field in FIELDS.items():
        group, _, name = path.rpartition('.')
        (fields.setdefault(group, {}) if group else fields)[name] = field.default
    return ConfigDict(fields)


def described() -> str:
    """All fields for `--help`: a line each with its default, its documentation and the allowed values."""
    lines = []
    for path, field in FIELDS.items():
        allowed = f' [{field.rule.allowed}]' if field.rule else ''
        lines.append(f'  {path}={field.default!r}\n      {field.doc}{allowed}')
    return '\n'.join(lines)
