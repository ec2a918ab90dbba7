"""DIR/turns.jsonl: each round of each case as it was timed, a line each, written when it ends.

Rows are made of it. A command that is killed goes on with what is here. Kinds of lines: `prepared` (what a process
answered when it had compiled a case) and `turn` (the durations of the calls of a round).
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cnn_bench.errors import UserError
from cnn_bench.files import naming
from cnn_bench.measure.cases import key

FILE = 'turns.jsonl'


class Turns:
    """The file, read when it is opened. `of` has the lines of a case that this code made."""

    def __init__(self, directory: Path):
        """Raises UserError for a damaged file; half a line at its end, from a process that was killed, is removed."""
        self._path = directory / FILE
        self._lines: dict[tuple, list[dict]] = {}
        for line in read_lines(self._path, cut=True):
            self._keep(line)

    def add(self, line: Mapping[str, Any]) -> None:
        """Append a line, on the disk when this returns."""
        text = json.dumps(line, separators=(',', ':')).encode() + b'\n'
        size = self._path.stat().st_size if self._path.exists() else 0
        with naming(self._path), open(self._path, 'ab', buffering=0) as file:
            try:
                rest = memoryview(text)
                while rest:
                    rest = rest[file.write(rest) :]
                os.fsync(file.fileno())
            except OSError:  # a full disk: half a line helps nobody
                os.ftruncate(file.fileno(), size)
                raise
        self._keep(dict(line))

    def of(self, name: tuple, made_by: tuple[str, str]) -> tuple[list[dict], list[dict]]:
        """(lines `prepared`, lines `turn`) of a key that have this `code` and these `versions`, as JSON."""
        lines = [line for line in self._lines.get(name, ()) if by(line) == made_by]
        return tuple([line for line in lines if line['kind'] == kind] for kind in ('prepared', 'turn'))

    def _keep(self, line: dict) -> None:
        self._lines.setdefault(key(line), []).append(line)


def by(row: Mapping[str, Any]) -> tuple[str, str]:
    """(digest of the code, versions as JSON) that a row or a line was made by."""
    return row.get('code') or '', json.dumps(row.get('versions') or {}, sort_keys=True)


def read_lines(path: Path, cut: bool = False) -> list[dict]:
    """The objects of a file of JSON lines; none where there is no file. Raises UserError where it is damaged.

    With `cut`, what follows the last end of a line is removed from the file.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    whole = content[: content.rfind(b'\n') + 1]
    if cut and whole != content:
        os.truncate(path, len(whole))
    lines = []
    for number, line in enumerate(whole.splitlines() if cut else content.splitlines(), 1):
        try:
            lines.append(json.loads(line))
            if not isinstance(lines[-1], dict):
                raise ValueError
        except (ValueError, RecursionError):
            raise UserError(
                f'{path} is damaged in line {number}: no object of JSON; remove the line, or measure into another --out'
            ) from None
    return lines
