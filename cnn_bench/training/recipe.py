"""Recipes: the fields that one has, reading one from its file, overriding fields, and refusing what is wrong.

A recipe is a Python file whose `get_config(arg='')` starts from `base()`, assigns, and returns `variant(config, arg)`.
The sub-dictionaries `model`, `optimizer`, `schedule`, `augment`, `mix` and `dataset` are keyword arguments of the
functions that they are handed to, so that no field can go unread: one that the function does not take is refused by
`call`.
"""

import ast
import importlib.util
import inspect
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from cnn_bench.errors import UserError, unknown

OPEN = ('model', 'optimizer', 'schedule')  # take further keys: whatever the thing that is named there accepts
COUNTS_OR_OFF = ('total_steps', 'stop_after_evals', 'scale_lr_to_batch')
# Principal components of ImageNet's colours, eigenvalue times eigenvector, as fb.resnet.torch (2016) published them.
IMAGENET_LIGHTING = tuple(
    tuple(value * part for part in vector)
    for value, vector in (
        (0.2175, (-0.5675, -0.5808, -0.5836)),
        (0.0188, (0.7192, -0.0045, -0.6948)),
        (0.0045, (0.4009, -0.8140, 0.4203)),
    )
)
OF = ('unfrozen', 'all', 'none')  # layers of batch norm that a switch of theirs is on for
MONITORED = ('loss', 'top1_err_pct', 'top5_err_pct')  # metrics of an evaluation; of the average's with `ema_` before


def base() -> ConfigDict:
    """Every field of a recipe with its default. Durations carry their unit, batch sizes are over all devices."""
    return ConfigDict(
        {
            'name': '',  # what charts call the run; empty: the architecture and its width
            'seed': 0,
            'total_epochs': 10,
            'total_steps': 0,  # 0: as many as total_epochs have; otherwise total_epochs counts for nothing
            'batch_size': 128,
            'accumulate_steps': 1,  # parts that a batch is cut into, whose gradients are averaged
            'eval_batch_size': 512,
            'eval_every_epochs': 1,
            'monitor': 'top1_err_pct',  # what a plateau, the best so far and an early stop look at in evaluations
            'stop_after_evals': 0,  # in a row without a new best; 0: no early stop
            'log_every_steps': 50,
            'checkpoint_every_steps': 0,  # 0: at the end of each epoch
            'keep_checkpoints': 2,
            'parallel': 'jit',  # 'jit': one program on a mesh; 'pmap': the same step, mapped
            'devices': 0,  # how many of the local devices; 0: all
            'sync_batch_norm': True,  # batch statistics over all devices, or each device's own
            'label_smoothing': 0.0,
            'ema_decay': 0.0,  # of the average of the weights, evaluated beside them; 0: none is kept
            'scale_lr_to_batch': 0,  # the batch that learning_rate is meant for; it grows with batch_size; 0: as it is
            'aux_weight': 0.3,  # of each auxiliary head's loss, where the network has any
            'init_from': '',  # directory of the first weights, of a run or imported (initial.py); '': drawn by the seed
            'init_head': True,  # keep their head too where the numbers of classes agree; otherwise it is fresh
            'freeze': (),  # patterns (patterns.py) of what is not trained: ('stem', 'stage2/*'), ('*', '!head')
            'bn_update': 'unfrozen',  # whose running statistics follow the batches, and
            'bn_train': 'unfrozen',  # whose scale and bias are trained: 'unfrozen' layers', 'all' or 'none'
            'stages': (),  # of training, each {field: value} of what it has other than the recipe; see stages.py
            **_groups(),
        }
    )


def _groups() -> dict[str, dict]:
    return {
        'model': {
            'arch': 'lenet5',
            'width': 1.0,
            'dtype': 'float32',
        },  # + any field of the network's module
        'dataset': {
            'name': 'fashion_mnist_subset',
            'train': 'train',
            'test': 'test',
            'classes': (),  # labels whose images alone are used, relabelled 0, 1, ... in this order; (): all
            'train_images': 0,  # how many of the training images, always the same ones; 0: all
            'test_images': 0,  # the same of the images that it is evaluated on
            'size': 0,  # images are resized to size x size; 0: as stored, or as the first weights expect them
            'placement': 'auto',  # 'device': the whole set lives there; 'host': batches are streamed to it
            'workers': 0,  # processes that decode and crop when streaming
        },
        # When streaming: a training crop's area and width / height, an evaluation crop's side, as fractions.
        'crop': {'scale': (0.08, 1.0), 'ratio': (3 / 4, 4 / 3), 'crop_fraction': 0.875},
        'augment': {'flip': False, 'pad_crop': 0, 'lighting_std': 0.0, 'lighting_components': ()},
        'mix': {'mixup_alpha': 0.0, 'cutmix_alpha': 0.0, 'cutmix_share': 0.5},
        'optimizer': {  # any of optax's by its name there, with its own arguments beside
            'name': 'sgd',
            'learning_rate': 0.1,
            'weight_decay': 0.0,
            'decay_bias_and_norm': False,
            'clip_norm': 0.0,  # the gradient's largest norm; 0: any
            'lr_multipliers': (),  # pairs of a pattern and a factor of the rate: (('stem*', 0.1),)
        },
        'schedule': {'name': 'constant', 'warmup_epochs': 0.0},
        'wandb': {'enabled': False, 'project': 'cnn_bench'},
        'tensorboard': {'enabled': False},  # event files below the run directory
    }


def variant(config: ConfigDict, arg: str, **smoke_model: Any) -> ConfigDict:
    """`config` itself for an empty `arg`; for 'smoke' two steps of it on a CPU in seconds.

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
    config.total_steps = 2
    config.stages = tuple({**stage, 'total_steps': 1} for stage in config.stages[:2])
    config.init_from = ''  # no file is at hand: from scratch
    config.batch_size = 16
    config.eval_batch_size = 200
    config.log_every_steps = 1
    config.schedule.warmup_epochs = min(config.schedule.warmup_epochs, 16 / 10_000)  # a step
    if config.augment.lighting_std:
        config.augment.lighting_components = ((0.1,),)  # the packaged images have one channel
    return config


def load(spec: str | Path, overrides: Mapping[str, Any] | None = None) -> ConfigDict:
    """The recipe that `get_config` of the file `path.py[:arg]` returns, with `overrides` ({'a.b': value}) applied.

    Returns a locked ConfigDict. Raises UserError for a missing or broken file, an unknown field, a value of the wrong
    type or out of range.
    """
    path, _, arg = str(spec).partition(':')
    config = _get_config(Path(path), arg)
    for field, value in (overrides or {}).items():
        override(config, field, value)
    validate(config)
    return config.lock()


def from_dict(fields: Mapping[str, Any]) -> ConfigDict:
    """The recipe that a run directory's config.json holds."""
    config = ConfigDict(_with_tuples(fields))
    validate(config)
    return config.lock()


def to_dict(config: ConfigDict) -> dict[str, Any]:
    """A recipe as plain JSON types, for config.json, equality and hashing."""
    return json.loads(json.dumps(config.to_dict(), sort_keys=True))


def differences(one: Mapping, other: Mapping, prefix: str = '') -> list[str]:
    """What differs between two recipes, a line a field: `field: one's value, other's value`."""
    lines = []
    for key in sorted(set(one) | set(other)):
        a, b = one.get(key), other.get(key)
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            lines += differences(a, b, f'{prefix}{key}.')
        elif a != b:
            lines.append(f'{prefix}{key}: {a!r}, {b!r}')
    return lines


def parse_overrides(arguments: list[str], flag: str = '--config.') -> dict[str, str]:
    """{'a.b': 'value'} from the command line's `--config.a.b=value` arguments; anything else is refused."""
    overrides = {}
    for argument in arguments:
        field, equals, value = argument.removeprefix(flag).partition('=')
        if not argument.startswith(flag) or not equals or not field:
            raise UserError(f'{argument!r} is not an argument; fields are set with {flag}FIELD=VALUE')
        overrides[field] = value
    return overrides


def call(function: Callable, where: str, fields: Mapping[str, Any], *args, **kwargs):
    """`function(*args, **kwargs, **fields)`, refusing fields that it does not take. None leaves a field out."""
    fields = {name: value for name, value in fields.items() if value is not None}
    parameters = inspect.signature(function).parameters.values()
    names = {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    free = names - set(kwargs) - {p.name for p in list(parameters)[: len(args)]}
    for name in fields:
        if name not in free and not any(p.kind is p.VAR_KEYWORD for p in parameters):
            raise unknown(f'config field {where}.{name}', name, free)
    return function(*args, **kwargs, **fields)


def validate(config: ConfigDict) -> None:
    """Raise UserError where a field is missing, unknown, of the wrong type or out of range."""
    _check_fields(base(), config)
    for field in (
        'total_epochs',
        'batch_size',
        'eval_batch_size',
        'eval_every_epochs',
        'log_every_steps',
        'keep_checkpoints',
        'accumulate_steps',
    ):
        _require(config, field, config[field] >= 1, 'at least 1')
    for field in ('seed', 'checkpoint_every_steps', 'devices', 'aux_weight', *COUNTS_OR_OFF):
        _require(config, field, config[field] >= 0, 'at least 0')
    for field in ('label_smoothing', 'ema_decay'):
        _require(config, field, 0 <= config[field] < 1, 'from 0 to below 1')
    for field in ('bn_update', 'bn_train'):
        _require(config, field, config[field] in OF, ', '.join(OF))
    _require(config, 'freeze', all(isinstance(p, str) for p in config.freeze), 'a tuple of patterns')
    _require(config, 'stages', all(isinstance(s, Mapping) for s in config.stages), "a tuple of {'field': value}")
    classes = config.dataset.classes
    whole = all(isinstance(label, int) and label >= 0 for label in classes)
    _require(config.dataset, 'classes', whole and len(set(classes)) == len(classes), 'different labels', 'dataset.')
    for field in ('train_images', 'test_images'):
        _require(config.dataset, field, config.dataset[field] >= 0, '0 (all) or more', 'dataset.')
    allowed = MONITORED + tuple(f'ema_{name}' for name in MONITORED if config.ema_decay)
    _require(config, 'monitor', config.monitor in allowed, ', '.join(allowed))
    _require(config, 'parallel', config.parallel in ('jit', 'pmap'), 'jit or pmap')
    placements = ('auto', 'device', 'host')
    _require(config.dataset, 'placement', config.dataset.placement in placements, ', '.join(placements), 'dataset.')


def _with_tuples(value: Any) -> Any:
    """`value` with every list as a tuple: JSON knows lists alone, recipes tuples."""
    if isinstance(value, Mapping):
        return {name: _with_tuples(v) for name, v in value.items()}
    return tuple(map(_with_tuples, value)) if isinstance(value, list) else value


def _require(config: ConfigDict, field: str, holds: bool, allowed: str, prefix: str = '') -> None:
    if not holds:
        raise UserError(f'config.{prefix}{field} is {config[field]!r}; allowed: {allowed}')


def _check_fields(schema: ConfigDict, config: ConfigDict, prefix: str = '', is_open: bool = False) -> None:
    for key in config:
        if key not in schema:
            if is_open:
                continue
            raise unknown('config field', f'{prefix}{key}', [f'{prefix}{k}' for k in schema])
        expected, value = schema[key], config[key]
        if isinstance(expected, ConfigDict):
            if not isinstance(value, ConfigDict):
                raise UserError(f'config.{prefix}{key} is {value!r}; it holds fields: {", ".join(expected)}')
            _check_fields(expected, value, f'{prefix}{key}.', key in OPEN)
        elif not _fits(value, expected):
            raise UserError(f'config.{prefix}{key} is {value!r}; it takes a value of type {type(expected).__name__}')
    missing = [key for key in schema if key not in config]
    if missing:
        raise UserError(f'the config lacks {prefix}{missing[0]}; start from cnn_bench.training.recipe.base()')


def _fits(value, expected) -> bool:
    if isinstance(expected, bool) or isinstance(value, bool):
        return isinstance(value, bool) and isinstance(expected, bool)
    if isinstance(expected, float):
        return isinstance(value, int | float)
    return isinstance(value, type(expected))


def _get_config(path: Path, arg: str) -> ConfigDict:
    if not path.is_file():
        near = sorted(str(p) for p in path.parent.glob('*.py')) if path.parent.is_dir() else []
        raise unknown('recipe', str(path), near)
    spec = importlib.util.spec_from_file_location(f'recipe_{path.stem}', path)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        config = module.get_config(arg) if arg else module.get_config()
    except UserError:
        raise
    except Exception as error:
        raise UserError(f'the recipe {path} does not load: {type(error).__name__}: {error}') from error
    if not isinstance(config, ConfigDict):
        raise UserError(f'get_config of {path} returns {type(config).__name__}; it must return a ConfigDict')
    return config.copy_and_resolve_references().unlock()


def override(config: ConfigDict, field: str, value: Any) -> None:
    """Set the field 'a.b' of a recipe, or of some of its fields. Raises UserError as `load` does."""
    *groups, last = field.split('.')
    node = config
    for depth, group in enumerate(groups):
        if group not in node or not isinstance(node[group], ConfigDict):
            raise unknown('config field', '.'.join(groups[: depth + 1]), _paths(config))
        node = node[group]
    if last not in node and not (groups and groups[0] in OPEN):
        raise unknown('config field', field, _paths(config))
    old = node.get(last)
    if isinstance(old, ConfigDict):
        raise UserError(f'config.{field} holds fields; set one of {", ".join(f"{field}.{k}" for k in old)}')
    if isinstance(value, str) and not isinstance(old, str):
        value = _literal(value)
    if old is not None and value is not None:
        if not _fits(value, old):
            raise UserError(f'config.{field} is {value!r}; it takes a value of type {type(old).__name__}')
        value = type(old)(value)
    with node.ignore_type():
        node[last] = value


def _paths(config: ConfigDict, prefix: str = '') -> list[str]:
    paths = []
    for key, value in config.items():
        paths += _paths(value, f'{prefix}{key}.') if isinstance(value, ConfigDict) else [f'{prefix}{key}']
    return paths


def _literal(text: str) -> Any:
    if text.lower() in ('true', 'false'):
        return text.lower() == 'true'
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
