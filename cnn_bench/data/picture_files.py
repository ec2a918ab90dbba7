"""Which files of a folder are pictures: one rule for `data prepare` and `predict`."""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from cnn_bench.data.pictures import Refusal

SUFFIXES = (*('.jpg', '.jpeg', '.png', '.bmp', '.webp', '.pgm', '.ppm', '.pbm', '.pnm', '.gif', '.tif', '.tiff'),)


def unreported(path: str) -> None:
    """Ignores a skipped file."""


def pictures_below(folder: str, skipped: Callable[[str], None] = unreported) -> Iterator[str | Refusal]:
    """Yield the picture files at any depth below `folder`, in order of their paths, by name in each folder.

    Hidden files and folders and files with other suffixes than SUFFIXES are skipped; `skipped` is called with the
    paths of those files that are not hidden. Links are followed, but no folder is entered a second time on the way
    down. A folder that cannot be read yields a Refusal.
    """
    yield from _below(folder, skipped, (os.path.realpath(folder),))


def _below(folder: str, skipped: Callable[[str], None], above: tuple[str, ...]) -> Iterator[str | Refusal]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        yield Refusal(folder, f'cannot be read: {error.strerror}')
        return
    for entry in entries:
        if entry.name.startswith('.'):
            continue
        if entry.is_dir():
            real = os.path.realpath(entry.path)
            if real not in above:
                yield from _below(entry.path, skipped, (*above, real))
        elif entry.name.lower().endswith(SUFFIXES):
            yield entry.path
        else:
            skipped(entry.path)


def named_pictures(names: Iterable[str | Path]) -> Iterator[str | Refusal]:
    """Yield the named files and the picture files below the named folders.

    A folder without pictures yields a Refusal.
    """
    for name in map(os.fspath, names):
        if not os.path.isdir(name):
            yield name
            continue
        found = False
        for item in pictures_below(name):
            found = True
            yield item
        if not found:
            yield Refusal(name, f'holds no pictures ({" ".join(SUFFIXES)})')
