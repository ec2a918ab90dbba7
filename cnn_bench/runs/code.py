"""The code that a run was made by: digests of files, by which a difference can be named, and a dirty tree's patch.

The record in provenance.json, under `code`, holds for each of these roles {file: digest}, the first digits of sha256:

    modules       the modules of this package that training the network imports, directly or through each other: an
                  edit to another network, or to a chart, is no other code
    network       the file of a network outside this package
    recipe        the recipe's file, and
    experiment    the experiment's; these two decide nothing but config.json, which says more than they do
"""

import ast
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from cnn_bench.python_file import digest

PACKAGE = Path(__file__).parents[1]
COMPUTING = ('modules', 'network')  # roles whose code decides what a run with a given config computes


def modules(names: Iterable[str], package: Path = PACKAGE) -> dict[str, str]:
    """The digests of modules of `package` ('training.session') and of all of it that they import, by file."""
    found: dict[Path, str] = {}
    todo = [path for name in names for path in _files(package, name)]
    while todo:
        path = todo.pop()
        if path not in found:
            found[path] = digest(path)
            todo += [below for name in _imported(path, package.name, found[path]) for below in _files(package, name)]
    return {path.relative_to(package.parent).as_posix(): found[path] for path in sorted(found)}


def file(path: str | Path) -> dict[str, str]:
    """The record of one file; empty where it cannot be read."""
    try:
        return {str(Path(path).absolute()): digest(path)}
    except OSError:
        return {}


def changed(
    then: Mapping[str, Mapping[str, str]], now: Mapping[str, Mapping[str, str]], roles: Iterable[str] = COMPUTING
) -> list[str]:
    """The files of `roles` in which two records differ: another digest, one more or one less.

    A file that moved counts only for its content, as does a role that one of the two does not record.
    """
    names: set[str] = set()
    for role in roles:
        there, here = then.get(role) or {}, now.get(role) or {}
        if role == 'modules':
            names |= {name for name in {*there, *here} if there and here and there.get(name) != here.get(name)}
        elif there and here and sorted(there.values()) != sorted(here.values()):
            names |= set(here)
    return sorted(names)


def patch(directory: Path = PACKAGE) -> str:
    """What `git apply` must do to the commit to get the Python files of the repository that holds `directory`.

    Files that git does not track are part of it unless it ignores them. Empty in a clean tree and outside of git.
    """
    try:
        root = _git(directory, 'rev-parse', '--show-toplevel').strip()
        tracked = _git(root, 'diff', 'HEAD', '--binary', '--no-ext-diff', '--no-color', '--', '*.py')
        new = _git(root, 'ls-files', '--others', '--exclude-standard', '-z', '--', '*.py').split('\0')
        diff = ('diff', '--no-index', '--binary', '--no-ext-diff', '--no-color', '--', '/dev/null')
        return tracked + ''.join(_git(root, *diff, name, differs=True) for name in new if name)
    except (OSError, subprocess.CalledProcessError):
        return ''


def _git(directory: str | Path, *arguments: str, differs: bool = False) -> str:
    command = ['git', '-C', str(directory), *arguments]
    done = subprocess.run(command, capture_output=True, check=not differs)
    if differs and done.returncode not in (0, 1):
        raise subprocess.CalledProcessError(done.returncode, command)
    return done.stdout.decode(errors='surrogateescape')


def _files(package: Path, name: str) -> list[Path]:
    """The files of the module `name` ('training.session') and of the packages that hold it; none if it is no module."""
    parts = name.split('.') if name else []
    file, below = package.joinpath(*parts[:-1], f'{parts[-1]}.py') if parts else package, package.joinpath(*parts)
    if not file.is_file() and not (below / '__init__.py').is_file():
        return []
    above = [package.joinpath(*parts[:depth]) / '__init__.py' for depth in range(len(parts) + 1)]
    return [path for path in (file, *above) if path.is_file()]


@lru_cache(1024)
def _imported(path: Path, package: str, content: str) -> tuple[str, ...]:
    """The names below `package` that the file with this digest imports; some are no modules but parts of one."""
    return tuple(_names(ast.parse(path.read_bytes()), package))


def _names(tree: ast.Module, package: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split('.')[0] == package:
            module = node.module.partition('.')[2]
            yield module
            yield from (f'{module}.{alias.name}'.removeprefix('.') for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (a.name.partition('.')[2] for a in node.names if a.name.split('.')[0] == package)
