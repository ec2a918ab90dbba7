"""Finding data sets: in the data directory, in the layout of TFDS (NAME/VERSION/), or packaged with cnn_bench."""

import os
import re
import shlex
from difflib import get_close_matches
from pathlib import Path

from cnn_bench.errors import UserError
from cnn_bench.text import check_one_line

PACKAGED = Path(__file__).parent / 'packaged'
VERSION = '1.0.0'  # of the sets that are prepared here
UNFINISHED = '.incomplete'  # suffix of a directory that is being written
ENVIRONMENT = 'CNN_BENCH_DATA'
NAME = re.compile(r'[a-z][a-z0-9_]*')  # of a set, and of its splits
_VERSION = re.compile(r'\d+\.\d+\.\d+')


def data_directory(given: str | os.PathLike | None = None) -> Path:
    """The data directory: `given`, else $CNN_BENCH_DATA, else that of TFDS, $TFDS_DATA_DIR or ~/tensorflow_datasets.

    Raises UserError for a path that is not text, which ArrayRecord cannot open.
    """
    default = os.environ.get('TFDS_DATA_DIR') or os.path.join('~', 'tensorflow_datasets')
    directory = Path(given or os.environ.get(ENVIRONMENT) or default).expanduser()
    check_one_line('the data directory', str(directory))
    return directory


def names(data_dir: str | os.PathLike | None = None) -> dict[str, Path]:
    """Name -> directory of every set: packaged, or in the data directory, complete or not. Prepared sets take
    precedence over packaged ones of the same name.

    Raises:
      UserError: the data directory cannot be read.
    """
    found = {}
    for root in (PACKAGED, data_directory(data_dir)):
        try:
            for directory in root.iterdir() if root.is_dir() else ():
                if NAME.fullmatch(directory.name) and directory.is_dir() and (version := _version(directory)):
                    found[directory.name] = version
        except OSError as error:
            raise UserError(f'data directory {root}: cannot read {error.filename}: {error.strerror}') from None
    return dict(sorted(found.items()))


def find(name: str, data_dir: str | os.PathLike | None = None) -> Path:
    """The directory of the set `name`, whose content is not checked.

    Raises:
      UserError: there is no such set, or preparing it was interrupted.
    """
    check_name(name)
    found = names(data_dir)
    if name not in found:
        near = get_close_matches(name, found, n=3, cutoff=0.5)
        hint = f'did you mean {" or ".join(near)}?' if near else f'there are: {", ".join(found)}'
        raise UserError(
            f'data set {name!r} is neither prepared (looked in {data_directory(data_dir)}) nor packaged; '
            f'{hint}; to prepare it: `{prepare_command(name, data_dir)}`'
        )
    if found[name].name.endswith(UNFINISHED):
        raise UserError(
            f'data set {name!r} is half-written: {found[name]} was left by a prepare that did not finish; '
            f'to prepare it again: `{prepare_command(name, data_dir)}`'
        )
    return found[name]


def check_name(name: str) -> None:
    """Raise UserError for a name that TFDS could not use in file names."""
    if not NAME.fullmatch(name):
        raise UserError(f'{name!r} cannot name a data set: lower-case letters, digits and _, starting with a letter')


def is_packaged(directory: Path) -> bool:
    """Whether `directory` is that of a packaged set."""
    return directory.is_relative_to(PACKAGED)


def prepare_command(name: str, data_dir: str | os.PathLike | None = None, overwrite: bool = False) -> str:
    """The command that prepares `name`, for messages."""
    command = f'cnn-bench data prepare {name} --from DIR'
    if data_dir:
        command += f' --data-dir {shlex.quote(os.fspath(data_dir))}'
    return command + ' --overwrite' * overwrite


def _version(directory: Path) -> Path | None:
    """The version prepared by cnn-bench, else one written by TFDS, else the remains of an interrupted prepare."""
    entries = sorted(entry for entry in directory.iterdir() if entry.is_dir())
    whole = [entry for entry in entries if _VERSION.fullmatch(entry.name)]
    ours = [entry for entry in whole if entry.name == VERSION]
    unfinished = [entry for entry in entries if entry.name.endswith(UNFINISHED)]
    return next(iter(ours + whole + unfinished), None)
