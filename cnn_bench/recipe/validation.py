"""Refusing a recipe that is wrong, and handing its groups of fields to functions."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from ml_collections import ConfigDict

from cnn_bench.errors import UserError, unknown
from cnn_bench.recipe.fields import DECIDED, FIELDS, MONITORED, OPEN, OPEN_RULES, Rule, base
from cnn_bench.recipe.overrides import fits, refuse_old_name
from cnn_bench.text import check_one_line


def validate(config: ConfigDict) -> None:
    """Raise UserError where a field is missing, unknown, of the wrong type or out of range."""
    _check_text('config', config)
    _check_fields(base(), config)
    check_ranges(config)
    for path, what in DECIDED.items():
        group, _, name = path.partition('.')
        if config[group].get(name) is not None:
            raise UserError(f'config.{path} is no field of a recipe; it is decided by {what}')
    metrics = MONITORED[config.task]
    monitored = metrics + tuple(f'ema_{name}' for name in metrics if config.ema_decay)
    if config.monitor not in monitored:
        raise _out_of_range('monitor', config.monitor, ', '.join(monitored))


def check_ranges(config: Mapping) -> None:
    """Raise UserError where a field of a recipe, or of a part of one, is out of range."""
    rules = {path: field.rule for path, field in FIELDS.items() if field.rule} | OPEN_RULES
    for path, rule in rules.items():
        group, _, name = path.rpartition('.')
        value = (config.get(group, {}) if group else config).get(name)
        if value is not None and not _holds(rule, value):
            raise _out_of_range(path, value, rule.allowed)


def call(function: Callable, group: str, fields: Mapping[str, Any], *args, **kwargs):
    """`function(*args, **kwargs, **fields)` for a group of a recipe's fields; a field that is None is left out.

    Raises UserError for a field that the function does not take, for one that it needs and the recipe lacks, and for a
    value of another type than the default's.
    """
    fields = {name: value for name, value in fields.items() if value is not None}
    parameters = inspect.signature(function).parameters.values()
    names = {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    free = names - set(kwargs) - {p.name for p in list(parameters)[: len(args)]}
    for name in fields:
        if name not in free and not any(p.kind is p.VAR_KEYWORD for p in parameters):
            also = {path.partition('.')[2] for path in FIELDS if path.startswith(f'{group}.')}  # that we hand over
            error = unknown(f'argument of {function.__name__}', name, free | also)
            stop = '' if str(error).endswith('?') else ';'
            raise UserError(f'config.{group}.{name}: {error}{stop} the value None takes it out of the recipe')
    for parameter in parameters:
        if parameter.name in free - set(fields) and parameter.default is parameter.empty:
            raise UserError(f'config.{group}.{parameter.name} is missing; {function.__name__} needs it')
        _check_type(f'{group}.{parameter.name}', fields.get(parameter.name), parameter.default)
    return function(*args, **kwargs, **fields)


def has_validation(dataset: Mapping) -> bool:
    """Whether a recipe's `dataset` has validation images."""
    return bool(dataset['validation'] or dataset['validation_images'])


def lacks_validation(why: str) -> UserError:
    """The error for a recipe without validation images: `why` that matters, and what to set."""
    return UserError(
        f'{why}; set config.dataset.validation_images, which are held out of the training '
        'images, or config.dataset.validation, the name of a split'
    )


def check_splits(config: ConfigDict) -> None:
    """Raise UserError where a recipe evaluates nothing, or asks for what it has no split for."""
    fields = config.dataset
    validates = has_validation(fields)
    if not fields.test and not validates:
        raise UserError('config.dataset has neither test nor validation images, so nothing would be evaluated')
    if not fields.test and config.test_every_epochs:
        raise UserError('config.test_every_epochs needs a test split; config.dataset.test names none')
    for field in () if validates else _read_validation(config):
        raise lacks_validation(f'config.{field} needs validation images')


def _read_validation(config: ConfigDict) -> list[str]:
    """The fields of a recipe that make training depend on validation."""
    asked = [name for name in ('keep_best', 'early_stop_patience') if config[name]]
    if config.monitor != FIELDS['monitor'].default:
        asked.append('monitor')
    if any(
        part.get('schedule.name') == 'plateau' for part in ({'schedule.name': config.schedule.name}, *config.stages)
    ):
        asked.append('schedule.name=plateau')
    return asked


def _check_type(path: str, value: Any, default: Any) -> None:
    """Raise UserError unless a value has the type of the argument's default; numbers of both kinds are one type."""
    default = float(default) if isinstance(default, int) and not isinstance(default, bool) else default
    if value is not None and isinstance(default, bool | float | str | tuple) and not fits(value, default):
        wanted = 'number' if isinstance(default, float) else type(default).__name__
        raise UserError(f'config.{path} is {value!r}; it takes a value of type {wanted}')


def _holds(rule: Rule, value: Any) -> bool:
    """Whether the rule holds for a value of any type."""
    try:
        return not isinstance(value, bool) and rule.holds(value)
    except TypeError:
        return False


def _out_of_range(path: str, value: Any, allowed: str) -> UserError:
    return UserError(f'config.{path} is {_said(value)}; allowed: {allowed}')


def _said(value: Any) -> str:
    """`value` in a line."""
    return repr(value.to_dict() if isinstance(value, ConfigDict) else value)


def _check_text(path: str, value: Any) -> None:
    """Raise UserError for text, also in tuples and groups, that is not one line."""
    if isinstance(value, str):
        check_one_line(path, value)
    elif isinstance(value, Mapping | ConfigDict):
        for name, inner in value.items():
            _check_text(f'{path}.{name}', inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _check_text(path, inner)


def _check_fields(schema: ConfigDict, config: ConfigDict, prefix: str = '', is_open: bool = False) -> None:
    for key in config:
        if key not in schema:
            if is_open:
                continue
            refuse_old_name(f'{prefix}{key}')
            raise unknown('config field', f'{prefix}{key}', FIELDS)
        expected, value = schema[key], config[key]
        if isinstance(expected, ConfigDict):
            if not isinstance(value, ConfigDict):
                raise UserError(f'config.{prefix}{key} is {_said(value)}; it holds fields: {", ".join(expected)}')
            _check_fields(expected, value, f'{prefix}{key}.', key in OPEN)
        elif not fits(value, expected):
            kind = type(expected).__name__
            raise UserError(f'config.{prefix}{key} is {_said(value)}; it takes a value of type {kind}')
    missing = [key for key in schema if key not in config]
    if missing:
        raise UserError(f'the config lacks {prefix}{missing[0]}; start from cnn_bench.recipe.base()')
