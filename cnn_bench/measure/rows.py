"""DIR/rows.jsonl: the results, a row per case with the columns of `columns`. The file is always whole."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnn_bench.errors import UserError
from cnn_bench.files import write_atomically
from cnn_bench.measure.cases import KEY, key
from cnn_bench.measure.columns import COLUMNS
from cnn_bench.measure.turns import read_lines

if TYPE_CHECKING:
    import pandas as pd

FILE = 'rows.jsonl'


def read(directory: Path) -> dict[tuple, dict]:
    """Key -> row, in the order of the file; empty where there is none. Raises UserError for a damaged file."""
    path = directory / FILE
    found = read_lines(path)
    for number, row in enumerate(found, 1):
        if missing := [name for name in ('status', *KEY) if name not in row]:
            raise UserError(f'{path} is damaged in line {number}: no {missing[0]}')
        if any(isinstance(value, list | dict) for value in key(row)):
            raise UserError(f'{path} is damaged in line {number}: its key is no text or number')
    return {key(row): row for row in found}


def write(directory: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Replace the file; at every moment it is the old or the new one."""
    text = ''.join(json.dumps({name: row.get(name) for name in COLUMNS}) + '\n' for row in rows)
    write_atomically(directory / FILE, lambda file: file.write(text.encode()))


def load(directory: str | Path) -> 'pd.DataFrame':
    """The rows of a directory of `cnn-bench measure` as a table with the columns of `columns.COLUMNS`.

    Numbers that are not known are NaN. Raises UserError where there is no such directory, or its file is damaged.
    """
    import pandas as pd

    directory = Path(directory)
    if not (directory / FILE).is_file():
        raise UserError(f'{directory} holds no {FILE}: `cnn-bench measure NAME --out {directory}` writes it')
    table = pd.DataFrame(list(read(directory).values()), columns=list(COLUMNS))
    numbers = [name for name, column in COLUMNS.items() if column.kind in ('count', 'number')]
    try:
        return table.astype(dict.fromkeys(numbers, float))
    except (TypeError, ValueError) as error:
        raise UserError(f'{directory / FILE} is damaged: {error}') from error
