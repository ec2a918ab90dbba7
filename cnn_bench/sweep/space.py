"""The space that is searched for the values of a variant: {field of the recipe: Range}.

An experiment writes it as `TUNE = {'optimizer.learning_rate': log(1e-3, 1), 'batch_size': choice(32, 64)}`, a command
line as `--tune 'optimizer.learning_rate=log(0.001,1)'`. A field whose value in the recipe is a whole number gets whole
numbers.
"""

import ast
import dataclasses
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from ml_collections import ConfigDict

from cnn_bench.errors import UserError
from cnn_bench.runs.tuning import Range

FORMS = 'log(LOW,HIGH), linear(LOW,HIGH) or choice(A,B,...)'


def log(low: float, high: float) -> Range:
    """From `low` to `high`, evenly by the logarithm. Raises UserError unless 0 < low < high."""
    return _between('log', low, high, log=True)


def linear(low: float, high: float) -> Range:
    """From `low` to `high`, evenly. Raises UserError unless low < high."""
    return _between('linear', low, high, log=False)


def choice(*values: Any) -> Range:
    """One of several different values: numbers, texts, True, False or None."""
    if len(values) < 2 or len({repr(value) for value in values}) < len(values):
        raise UserError(f'choice({_listed(values)}) must list at least two different values')
    for value in values:
        if not (value is None or isinstance(value, bool | str) or _is_number(value)):
            raise UserError(f'choice({_listed(values)}) has {value!r}, which is no number, text, True, False or None')
    return Range(choices=values)


MAKERS = {'log': log, 'linear': linear, 'choice': choice}


def parse(arguments: Iterable[str]) -> dict[str, Range]:
    """{field: Range} of arguments such as 'optimizer.learning_rate=log(0.001,1)'. No code in them is run.

    In a choice, what is no Python literal is a text: `choice(sgd,adamw)`. Raises UserError where an argument has
    another form or names a field again.
    """
    space = {}
    for argument in arguments:
        field, _, text = argument.partition('=')
        called = re.fullmatch(r'\s*(\w+)\((.*)\)\s*', text)
        if not field or not called or called[1] not in MAKERS:
            raise UserError(f'--tune {argument!r} is not FIELD=RANGE; a range is {FORMS}')
        if field in space:
            raise UserError(f'--tune names {field} twice')
        values = [_literal(part) for part in called[2].split(',')]
        if called[1] != 'choice' and len(values) != 2:
            raise UserError(f'--tune {argument!r}: {called[1]} takes two numbers, LOW and HIGH')
        try:
            space[field] = MAKERS[called[1]](*values)
        except UserError as error:
            raise UserError(f'--tune {field}: {error}') from error
    return space


def check(space: object, whence: str) -> dict[str, Range]:
    """`space` itself, as `whence` gives it. Raises UserError unless it is {field: Range}, with a field at least."""
    if not isinstance(space, Mapping) or not space or not all(isinstance(r, Range) for r in space.values()):
        raise UserError(f'{whence} must be {{field: range}}, with at least one field; a range is {FORMS}')
    return dict(space)


def own_value(config: ConfigDict, field: str) -> Any:
    """The value of a field 'a.b' in a recipe; None where it has none."""
    for name in field.split('.'):
        config = config.get(name) if isinstance(config, ConfigDict) else None
    return config


def fitted(given: Range, own: Any, field: str) -> Range:
    """The range for a field whose own value is `own`, with whole bounds where that is a whole number.

    Raises UserError where the range does not hold `own`, or where it should be of whole numbers and is not.
    """
    if given.choices:
        if not any(_same(own, value) for value in given.choices):
            raise _without_own(field, own, given)
        return given
    if not _is_number(own) or not given.low <= own <= given.high:
        raise _without_own(field, own, given)
    if not isinstance(own, int):
        return dataclasses.replace(given, low=float(given.low), high=float(given.high))
    if given.low != int(given.low) or given.high != int(given.high):
        raise UserError(f'the range of {field} is {shown(given)}; its bounds must be whole numbers')
    return dataclasses.replace(given, low=int(given.low), high=int(given.high))


def ends(given: Range) -> tuple:
    """The values of a range that must be valid for all to be: its bounds, or each choice."""
    return given.choices or (given.low, given.high)


def shown(given: Range) -> str:
    """The range as it is written: 'log(0.001, 1)'."""
    if given.choices:
        return f'choice({_listed(given.choices)})'
    return f'{"log" if given.log else "linear"}({given.low:g}, {given.high:g})'


def listed(space: Mapping[str, Range]) -> str:
    """A space as it is written: 'optimizer.learning_rate=log(0.001, 1), batch_size=choice(32, 64)'."""
    return ', '.join(f'{field}={shown(given)}' for field, given in space.items())


def _between(name: str, low: Any, high: Any, *, log: bool) -> Range:
    if not (_is_number(low) and _is_number(high) and low < high and (low > 0 or not log)):
        needed = '0 < LOW < HIGH' if log else 'LOW < HIGH'
        raise UserError(f'{name}({low!r}, {high!r}) must be two numbers, {needed}')
    return Range(low, high, log)


def _without_own(field: str, own: Any, given: Range) -> UserError:
    has = f'has no {field}' if own is None else f'has {field}={own!r}, which {shown(given)} does not hold'
    return UserError(f'the recipe {has}; the first trial is the recipe as it is: set --config.{field} within its range')


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _same(own: Any, value: Any) -> bool:
    return own == value and isinstance(own, bool) == isinstance(value, bool)


def _literal(text: str) -> Any:
    text = text.strip()
    if text.lower() in ('true', 'false'):
        return text.lower() == 'true'
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text


def _listed(values: Iterable) -> str:
    return ', '.join(map(repr, values))
