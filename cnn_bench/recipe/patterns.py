"""Patterns that select parts of a network: shell wildcards on paths such as 'stage2/block1/conv1/kernel'.

A pattern matches an array if it matches the array's path or that of a module that contains it: 'stage2/block1' matches
all of that block, 'stage*' every stage, '*/bias' every bias. `*` and `?` also match '/'. Case matters.
"""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

from cnn_bench.errors import unknown

NOT = '!'  # before a pattern: what it matches is deselected


def matches(path: str, pattern: str) -> bool:
    """Whether `pattern` matches `path` or a module that contains it."""
    return any(fnmatchcase(part, pattern) for part in _upwards(path))


def selected(path: str, patterns: Iterable[str]) -> bool:
    """Whether `patterns` select `path`: the last that matches decides. ('*', '!head') selects all but the head."""
    chosen = False
    for pattern in patterns:
        if matches(path, pattern.removeprefix(NOT)):
            chosen = not pattern.startswith(NOT)
    return chosen


def value_of(path: str, table: Sequence[tuple[str, Any]], default: Any) -> Any:
    """The value of the last (pattern, value) of `table` that matches `path`, or the default."""
    values = [value for pattern, value in table if matches(path, pattern)]
    return values[-1] if values else default


def check(patterns: Iterable[str], paths: Iterable[str], field: str) -> None:
    """Raise UserError with the nearest paths if a pattern of a recipe's `field` matches nothing."""
    paths = list(paths)
    for pattern in patterns:
        if not any(matches(path, pattern.removeprefix(NOT)) for path in paths):
            known = {part for path in paths for part in _upwards(path)}
            raise unknown(f'part of the network in config.{field}', pattern.removeprefix(NOT), known)


def _upwards(path: str) -> list[str]:
    parts = path.split('/')
    return ['/'.join(parts[:count]) for count in range(1, len(parts) + 1)]
