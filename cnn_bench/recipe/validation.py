"""Refusing a recipe that is wrong, and handing its groups of fields to functions."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from ml_collections import ConfigDict

from cnn_bench.errors import UserError, unknown
from cnn_bench.recipe.fields import FIELDS, MONITORED, OPEN, OPEN_RULES, Rule, base
from cnn_bench.recipe.overrides import fits, refuse_old_name


def validate(config: ConfigDict) -> None:
    """Raise UserError where a field is missing, unknown, of the wrong type or out of range."""
    _check_fields(base(), config)
    for path, field in FIELDS.items():
        group, _, name = path.rpartition('.')
        value = (config[group] if group else config)[name]
        if field.rule and not field.rule.holds(value):
            raise _out_of_range(path, value, field.rule.allowed)
    for path, rule in OPEN_RULES.items():
        group, _, name = path.partition('.')
        if config[group].get(name) is not None and not _holds(rule, config[group][name]):
            raise _out_of_range(path, config[group][name], rule.allowed)
    monitored = MONITORED + tuple(f'ema_{name}' for name in MONITORED if config.ema_decay)
    if config.monitor not in monitored:
        raise _out_of_range('monitor', config.monitor, ', '.join(monitored))


def call(function: Callable, group: str, fields: Mapping[str, Any], *args, **kwargs):
    """`function(*args, **kwargs, **fields)` for a group of a recipe's fields; a field that is None is left out.

    Raises UserError for a field that the function does not take, and for one that it needs and the recipe lacks.
    """
    fields = {name: value for name, value in fields.items() if value is not None}
    parameters = inspect.signature(function).parameters.values()
    names = {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    free = names - set(kwargs) - {p.name for p in list(parameters)[: len(args)]}
    for name in fields:
        if name not in free and not any(p.kind is p.VAR_KEYWORD for p in parameters):
            raise unknown(f'config field {group}.{name} of {function.__name__}', name, free)
    for parameter in parameters:
        if parameter.name in free - set(fields) and parameter.default is parameter.empty:
            raise UserError(f'config.{group}.{parameter.name} is missing; {function.__name__} needs it')
    return function(*args, **kwargs, **fields)


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


def _check_fields(schema: ConfigDict, config: ConfigDict, prefix: str = '', is_open: bool = False) -> None:
    for key in config:
        if key not in schema:
            if is_open:
                continue
            refuse_old_name(f'{prefix}{key}')
            raise unknown('config field', f'{prefix}{key}', [f'{prefix}{k}' for k in schema])
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
