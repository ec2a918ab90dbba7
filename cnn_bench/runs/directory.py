"""One run directory: created once, appended to, finished with its summary."""

import itertools
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cnn_bench.errors import UserError
from cnn_bench.files import cannot_write, naming, write_atomically
from cnn_bench.runs import schema, shapes

OLD_KINDS = {'eval': schema.TEST}  # of rows in metrics.jsonl that earlier versions wrote


def complete_steps(directory: Path) -> list[int]:
    """The steps of the complete checkpoints in a directory, which need not exist, oldest first."""
    found = directory.iterdir() if directory.is_dir() else ()
    return sorted(int(path.name) for path in found if path.name.isascii() and path.name.isdecimal())


class RunDirectory:
    """Reads and writes the files of schema.py below `path`. Nothing is created before `create`."""

    def __init__(self, path: str | Path):
        self.path = Path(path).absolute()

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def create(self) -> None:
        """Make the directory unless it exists. Raises UserError where it cannot be written."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path):
                pass
        except OSError as error:
            raise cannot_write(f'to the run directory {self.path}', error) from error

    def read(self, name: str) -> Any:
        """The content of one of the JSON files; None where it is missing.

        Raises UserError where it is damaged or does not hold what a run writes (`shapes`).
        """
        try:
            content = shapes.parse((self / name).read_bytes())
            shapes.check_file(name, content)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError) as error:
            raise UserError(f'{self / name} cannot be read: {error}') from error
        return content

    def config(self) -> dict:
        """The content of config.json. Raises UserError where it is missing or damaged."""
        content = self.read(schema.CONFIG)
        if content is None:
            raise UserError(f'{self.path} is not a run: it has no {schema.CONFIG}')
        return content

    def write(self, name: str, content: Any) -> None:
        """Write one of the JSON files, whole or not at all."""
        text = json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + '\n'
        write_atomically(self / name, lambda file: file.write(text.encode()))

    def write_text(self, name: str, text: str) -> None:
        """Write a file of text, whole or not at all; remove it where the text is empty."""
        if text:
            write_atomically(self / name, lambda file: file.write(text.encode(errors='surrogateescape')))
        else:
            (self / name).unlink(missing_ok=True)

    def append(self, rows: list[dict]) -> None:
        """Add rows to metrics.jsonl."""
        with naming(self / schema.METRICS), open(self / schema.METRICS, 'a') as file:
            file.writelines(json.dumps(row) + '\n' for row in rows)

    def metrics(self) -> list[dict]:
        """The rows of metrics.jsonl without an unfinished last line. Raises UserError where a row is damaged."""
        try:
            lines = (self / schema.METRICS).read_bytes().split(b'\n')[:-1]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise UserError(f'{self / schema.METRICS} cannot be read: {error.strerror}') from error
        rows = [self._row(number, line) for number, line in enumerate(lines, 1)]
        for number, (before, row) in enumerate(itertools.pairwise(rows), 2):
            if row['step'] < before['step'] or row['epoch'] < before['epoch']:
                raise UserError(
                    f'line {number} of {self / schema.METRICS} is of an earlier step than the line before it'
                )
        return rows

    def _row(self, number: int, line: bytes) -> dict:
        try:
            row = shapes.parse(line, finite=False)
            shapes.check_row(row)
            row['kind'] = OLD_KINDS.get(row['kind'], row['kind'])
        except ValueError as error:
            raise UserError(f'line {number} of {self / schema.METRICS} is not a row of metrics: {error}') from error
        return row

    def rewind(self, step: int) -> int:
        """Drop the rows of metrics.jsonl after the checkpoint of `step`, which will be written again; return how many
        are left.

        The evaluation of a step comes after its checkpoint, its training row before.
        """
        rows = [row for row in self.metrics() if (row['step'], row['kind'] != 'train') <= (step, False)]
        kept = ''.join(json.dumps(row) + '\n' for row in rows)
        write_atomically(self / schema.METRICS, lambda file: file.write(kept.encode()))
        return len(rows)

    def saved_steps(self) -> list[int]:
        """The steps of the checkpoints, the newest last."""
        return complete_steps(self / schema.CHECKPOINTS)

    def write_arrays(self, name: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Replace the file `name` by a compressed archive of `arrays`."""
        write_atomically(self / name, lambda opened: np.savez_compressed(opened, **arrays))


class ReadOnlyRunDirectory(RunDirectory):
    """The run directory for all processes of a run but the one that writes it: writing does nothing."""

    def create(self) -> None:
        """Nothing."""

    def write(self, name: str, content: object) -> None:
        """Nothing."""

    def write_text(self, name: str, text: str) -> None:
        """Nothing."""

    def append(self, rows: list[dict]) -> None:
        """Nothing."""

    def rewind(self, step: int) -> int:
        """Nothing."""
        return 0

    def write_arrays(self, name: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Nothing."""
