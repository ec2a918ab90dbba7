"""Running a Python file that a user wrote: a recipe, an experiment or a network."""

import ast
import hashlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from cnn_bench.errors import UserError, unknown

DIGITS = 12  # of sha256, in records: `sha256sum FILE | cut -c 1-12`


def defines(path: Path, name: str) -> bool:
    """Whether a Python file defines a function of that name, or imports one, by its text alone: nothing is run.

    False too where there is no such file or it is no Python.
    """
    try:
        body = ast.parse(path.read_bytes()).body
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    functions = {node.name for node in body if isinstance(node, ast.FunctionDef)}
    imported = (alias.asname or alias.name for node in body if isinstance(node, ast.ImportFrom) for alias in node.names)
    return name in functions | set(imported)


@contextmanager
def execute(path: Path, kind: str) -> Iterator[ModuleType]:
    """The module that the file `path`, a `kind` of file such as 'recipe', defines.

    What goes wrong in it, while it loads or in the `with` block that calls its functions, becomes a one-line UserError,
    and so does a path that is no Python file.
    """
    if not path.is_file():
        near = sorted(str(p) for p in path.parent.glob('*.py') if p.is_file()) if path.parent.is_dir() else []
        raise unknown(kind, str(path), near)
    if path.suffix != '.py':
        raise UserError(f'the {kind} {path} is no Python file; its name must end in .py')
    own = hashlib.sha256(str(path.absolute()).encode()).hexdigest()[:DIGITS]  # files in two places may share a name
    spec = importlib.util.spec_from_file_location(f'{kind}_{path.stem}_{own}', path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look up the types of their fields
    try:
        spec.loader.exec_module(module)
        yield module
    except UserError:
        raise
    except ModuleNotFoundError as error:
        moved = ' (recipes start from `cnn_bench.recipe` now)' if error.name == 'cnn_bench.training.recipe' else ''
        raise UserError(f'the {kind} {path} does not load: {error}{moved}') from error
    except (Exception, SystemExit) as error:
        raise UserError(f'the {kind} {path} does not load: {type(error).__name__}: {error}') from error


def digest(path: str | Path) -> str:
    """The first digits of the sha256 of a file, by which a change of it shows. Raises OSError where there is none."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:DIGITS]


def file_of(spec: str) -> Path | None:
    """The path in 'path/to/file.py:Name'; None in 'package.module:Name' and in anything else."""
    place, _, _ = spec.rpartition(':')
    return Path(place) if place.endswith('.py') else None


def absolute(spec: str) -> str:
    """'path/to/file.py:Name' with an absolute path, so that it is found from elsewhere; anything else as it is."""
    path, name = file_of(spec), spec.rpartition(':')[2]
    return spec if path is None else f'{os.path.abspath(path.expanduser())}:{name}'
