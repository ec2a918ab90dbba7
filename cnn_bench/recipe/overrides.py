"""Setting fields of a recipe by name, from the command line, an experiment or a stage."""

import ast
from typing import Any

from ml_collections import ConfigDict

from cnn_bench.errors import UserError, unknown
from cnn_bench.recipe.fields import OPEN, RENAMED


def parse_overrides(arguments: list[str], flag: str = '--config.') -> dict[str, str]:
    """{'a.b': 'value'} from the command line's `--config.a.b=value` arguments; raises UserError for any other."""
    overrides = {}
    for argument in arguments:
        field, equals, value = argument.removeprefix(flag).partition('=')
        if not argument.startswith(flag) or not equals or not field:
            raise UserError(f'{argument!r} is not an argument; fields are set with {flag}FIELD=VALUE')
        overrides[field] = value
    return overrides


def override(config: ConfigDict, field: str, value: Any) -> None:
    """Set the field 'a.b' of a recipe.

    Text is read as a Python literal unless the field is text. Raises UserError for an unknown field or a value of the
    wrong type.
    """
    refuse_old_name(field)
    *groups, last = field.split('.')
    node = config
    for group in groups:
        if group not in node or not isinstance(node[group], ConfigDict):
            raise unknown('config field', field, _paths(config))
        node = node[group]
    if last not in node and not (groups and groups[0] in OPEN):
        raise unknown('config field', field, _paths(config))
    old = node.get(last)
    if isinstance(old, ConfigDict):
        raise UserError(f'config.{field} holds fields; set one of {", ".join(f"{field}.{k}" for k in old)}')
    if isinstance(value, str) and not isinstance(old, str):
        value = _literal(value)
    if old is not None and value is not None:
        if not fits(value, old):
            raise UserError(f'config.{field} is {value!r}; it takes a value of type {type(old).__name__}')
        value = type(old)(value)
    with node.ignore_type():
        node[last] = value


def refuse_old_name(field: str) -> None:
    """Raise UserError with the new name of a field that was renamed."""
    if field in RENAMED:
        raise UserError(f'config.{field} is called config.{RENAMED[field]} now')


def fits(value: Any, default: Any) -> bool:
    """Whether a value has the type of a field's default; whole numbers are taken where a float is expected."""
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(value, bool) and isinstance(default, bool)
    if isinstance(default, float):
        return isinstance(value, int | float)
    return isinstance(value, type(default))


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
