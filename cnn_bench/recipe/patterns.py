"""Patterns by which a recipe names parts of a network: shell wildcards on paths such as 'stage2/block1/conv1/kernel'.

A pattern matches an array where it matches its path or that of a module that it lies in: 'stage2' and 'stage2/block1'
match all of stage2/block1, '*/bias' every bias, 'stage*' every stage. `*` and `?` also match '/'. Case counts.
"""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

from cnn_bench.errors import unknown

BUT = '!'  # before a pattern: what it matches is taken out again


def matches(path: str, pattern: str) -> bool:
    """Whether `pattern` matches `path` or one of the modules that it lies in."""
    return any(fnmatchcase(part, pattern) for part in _upwards(path))


def selected(path: str, patterns: Iterable[str]) -> bool:
    """Whether the last of `patterns` that matches `path` has no `!`: ('*', '!head') selects all but the head."""
    chosen = False
    for pattern in patterns:
        if matches(path, pattern.removeprefix(BUT)):
            chosen = not pattern.startswith(BUT)
    return chosen


def value_of(path: str, table: Sequence[tuple[str, Any]], default: Any) -> Any:
    """The value of the last (pattern, value) of `table` that matches `path`, or the default."""
    values = [value for pattern, value in table if matches(path, pattern)]
    return values[-1] if values else default


def check(patterns: Iterable[str], paths: Iterable[str], field: str) -> None:
    """Raise UserError, with the nearest paths, where one of the patterns of a recipe's `field` matches nothing."""
    paths = list(paths)
    for pattern in patterns:
        if not any(matches(path, pattern.removeprefix(BUT)) for path in paths):
            known = {part for path in paths for part in _upwards(path)}
            raise unknown(f'part of the network in config.{field}', pattern.removeprefix(BUT), known)


def _upwards(path: str) -> list[str]:
    parts = path.split('/')
    return ['/'.join(parts[:count]) for count in range(1, len(parts) + 1)]
