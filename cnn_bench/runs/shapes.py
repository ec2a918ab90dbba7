"""The shape of a run's files: which fields they hold and of which type, so that the code that uses them need not ask.

A shape is a Kind, {field: shape}, [shape] for a list of any length, Each(shape) for an object with any fields, or
Optional(shape) for a field that may be missing or null. Fields that a shape does not name may hold anything.
"""

import datetime
import json
import math
import reprlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cnn_bench.runs import schema
from cnn_bench.runs.columns import COLUMNS, DROPPED, JOINED, KEY, MAIN_ERRORS, Column

DEEPEST = 32  # lists and objects in one another
LARGEST = 2**53  # up to here a float holds every integer
_TOO_DEEP = f'it is nested deeper than {DEEPEST} levels'


@dataclass(frozen=True)
class Kind:
    """A type of value: what it is in words, and whether a value is one."""

    words: str
    holds: Callable[[Any], bool]


@dataclass(frozen=True)
class Each:
    """An object with any fields, whose values have one shape."""

    shape: Any


@dataclass(frozen=True)
class Optional:
    """A field that may be missing or null."""

    shape: Any


def _real(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _between(least: float, most: float) -> Callable[[Any], bool]:
    return lambda value: _real(value) and least <= value <= most


def _is_time(value: Any) -> bool:
    try:
        return datetime.datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        return False


TEXT = Kind('a text', lambda value: isinstance(value, str))
FLAG = Kind('true or false', lambda value: isinstance(value, bool))
COUNT = Kind('an integer from 0 to 2^53', lambda value: isinstance(value, int) and _between(0, LARGEST)(value))
NUMBER = Kind('a number from 0 to 2^53', _between(0, LARGEST))
PERCENT = Kind('a number from 0 to 100', _between(0, 100))
SIGNED = Kind('a number of a size up to 2^53', _between(-LARGEST, LARGEST))
LIST = Kind('a list', lambda value: isinstance(value, list))
TIME = Kind('a time in ISO 8601 with its zone', _is_time)
STATE = Kind(f'finished, {" or ".join(schema.FAILED)}', lambda value: value in ('finished', *schema.FAILED))
# Of metrics.jsonl, which alone may hold NaN and infinity: a loss can become either.
LOGGED = Kind('a number', lambda value: isinstance(value, float) or SIGNED.holds(value))
LOGGED_PERCENT = Kind(f'{PERCENT.words}, or NaN', lambda value: PERCENT.holds(value) or value != value)


def _of_column(known: Column) -> Kind:
    kinds = {'text': TEXT, 'prose': TEXT, 'flag': FLAG, 'count': COUNT}
    return kinds.get(known.kind, PERCENT if known.unit == '%' else NUMBER)


_COLUMNS = {name: Optional(_of_column(known)) for name, known in COLUMNS.items()}
_OF_THE_RUN = [name for name, known in COLUMNS.items() if known.over_seeds in (KEY, DROPPED, JOINED)]
_GIT = Optional({'commit': TEXT, 'dirty': FLAG})
SHAPES = {
    schema.CONFIG: {
        'name': TEXT,
        'seed': COUNT,
        'batch_size': COUNT,
        'total_epochs': NUMBER,
        'total_steps': Optional(COUNT),
        'init_from': Optional(TEXT),
        'dataset': {'name': TEXT},
        'model': {'arch': TEXT, 'width': NUMBER, 'dtype': TEXT},
    },
    schema.PROVENANCE: {
        'git': _GIT,
        'versions': dict.fromkeys(schema.COMPUTING, TEXT),
        'num_devices': COUNT,
        'device_kind': TEXT,
        'started': TIME,
        'earlier_sessions': [{'started': TIME, 'git': _GIT, 'other_code': Optional([TEXT])}],
        'total_steps': Optional(COUNT),
        'total_epochs': NUMBER,
        'data': Optional({'name': Optional(TEXT), 'version': Optional(TEXT), 'fingerprint': TEXT}),
        'network': {**_COLUMNS, 'input_shape': Optional([COUNT])},
        'model': Optional({'arch': TEXT, 'fields': {}}),
        'init': Optional({'arch': TEXT, 'fields': {}}),
        'code': Optional(Each(Each(TEXT))),
        'cpu_cores': Optional(COUNT),
    },
    schema.SUMMARY: {**_COLUMNS, 'state': STATE, 'log_rows_lost': Optional(COUNT)},
}


def parse(text: bytes, finite: bool = True) -> Any:
    """The value of a JSON text in UTF-8.

    Raises ValueError for anything else, and for NaN and infinity, which JSON does not have, unless `finite` is False.
    """
    try:
        value = json.loads(text.decode())
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    _check_plain(value, finite)
    return value


def check(value: Any, shape: Any, at: str = '') -> None:
    """Raise ValueError unless `value` has the `shape`; `at` is its place: 'network.params'."""
    if isinstance(shape, Optional):
        if value is not None:
            check(value, shape.shape, at)
    elif isinstance(shape, Kind):
        if not shape.holds(value):
            raise ValueError(f'{at} is {_short(value)}; it must be {shape.words}')
    elif isinstance(shape, list):
        _check_is(value, list, 'a list', at)
        for number, item in enumerate(value):
            check(item, shape[0], f'{at}[{number}]')
    else:
        _check_is(value, dict, 'an object', at)
        fields = dict.fromkeys(value, shape.shape) if isinstance(shape, Each) else shape
        for name, of_field in fields.items():
            if name not in value and not isinstance(of_field, Optional):
                raise ValueError(f'{at + "." if at else ""}{name} is missing')
            check(value.get(name), of_field, f'{at}.{name}' if at else name)


def check_row(row: Any) -> None:
    """Raise ValueError unless `row` is a row of metrics.jsonl: its kind, step and epoch, and numbers."""
    check(row, {'kind': TEXT, 'step': COUNT, 'epoch': NUMBER})
    for name, value in row.items():
        if name in _OF_THE_RUN:
            raise ValueError(f'{name} is of the run, not of a row')
        if name not in ('kind', 'step', 'epoch'):
            check(value, LOGGED_PERCENT if name.endswith('_pct') else LOGGED, name)


def check_file(name: str, content: Any) -> None:
    """Raise ValueError unless `content` is what a run writes to its file `name`."""
    if name in SHAPES:
        check(content, SHAPES[name])
    if name == schema.SUMMARY and content['state'] == 'finished':
        _check_has_error(content)


def _check_has_error(summary: dict) -> None:
    names = [f'{part}{name}' for name in MAIN_ERRORS for part in ('', 'val_')]
    if all(summary.get(name) is None for name in names):
        raise ValueError(f'{names[0]} is missing; a finished run has one of {", ".join(names)}')


def _check_is(value: Any, kind: type, words: str, at: str) -> None:
    if not isinstance(value, kind):
        raise ValueError(f'{at or "its content"} is {_short(value)}; it must be {words}')


def _check_plain(value: Any, finite: bool, levels: int = DEEPEST) -> None:
    """Raise ValueError for half a character, a number without bounds, and nesting too deep for recursive code."""
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, float):
        if finite and not math.isfinite(value):
            raise ValueError(f'{value} is not a number of JSON')
    elif isinstance(value, dict | list):
        if not levels:
            raise ValueError(_TOO_DEEP)
        for item in [*value, *value.values()] if isinstance(value, dict) else value:
            _check_plain(item, finite, levels - 1)


def _short(value: Any) -> str:
    return 'null' if value is None else reprlib.repr(value)
