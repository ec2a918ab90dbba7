"""What every reader of weight files checks, and how it refuses."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from cnn_bench.errors import UserError

Arrays = dict[str, np.ndarray]


def check_values(path: Path, values: Iterable[int], most_values: int) -> None:
    """Raise UserError where arrays of so many `values` each have more than `most_values` together."""
    if (total := sum(values)) > most_values:
        raise unreadable(path, f'its arrays have {total:,} numbers; at most {most_values:,} are expected')


def named(path: Path, pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The pairs as a dictionary. Raises UserError for two of one name."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise unreadable(path, f'it has two arrays of the name {name}')
        found[name] = value
    return found


def needed(module: str, path: Path, otherwise: str = "pip install 'cnn_bench[pretrained]'") -> Any:
    """The library that reads `path`. Raises UserError where it is not installed, with what to do `otherwise`."""
    try:
        return __import__(module)
    except ImportError as error:
        raise UserError(f'{path} cannot be read without {module}: {otherwise}') from error


def unreadable(path: Path, why: Any) -> UserError:
    """The error for a file that cannot be read because of `why`, an exception or a text, of which a line is kept."""
    reason = next(iter(str(why).strip().splitlines()), '') or type(why).__name__
    return UserError(f'{path} cannot be read: {reason[:200]}')
