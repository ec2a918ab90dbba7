"""Class folders of images in an archive: [ANY/]train/CLASS/IMAGE and val/CLASS/IMAGE in a .tar, .tar.gz, .tgz or .zip.

So Imagenette and Imagewoof (https://github.com/fastai/imagenette) are handed out. Splits and names of classes are those
of `folders`. A compressed archive is decompressed once to read the headers of its pictures, and once for each split.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from cnn_bench.data.readers import folders
from cnn_bench.data.readers.collected import Classes, Counted, Member, collect, is_picture
from cnn_bench.data.readers.entries import entries, first_names, is_archive
from cnn_bench.data.readers.found import Found, Request
from cnn_bench.data.readers.picture_stream import File, scan, unreadable_error

FORM = 'an archive of class folders, .tar, .tar.gz, .tgz or .zip, such as imagenette2-320.tgz'
_FIRST = 5  # files that are looked at
_TOP = 2  # folders that may be above those of the splits


def recognises(path: Path) -> bool:
    """Whether the first files of an archive lie in class folders of splits."""
    return is_archive(path) and any(_place(name) for name in first_names(path, _FIRST))


def read(path: Path, request: Request) -> Found:
    """The set of an archive.

    Raises:
      UserError: it is damaged, a split is missing, or pictures cannot be read.
    """
    images: dict[str, Counter] = defaultdict(Counter)

    def counted_files() -> Iterator[File]:
        for entry in entries(path):
            if is_picture(entry) and (place := _place(entry.name)):
                images[place[0]][place[1]] += 1
                yield entry.source(), 0

    facts = scan(request.track(counted_files(), 'reading headers', None))
    if facts.unreadable and not request.skip_unreadable:
        raise unreadable_error(facts.unreadable)
    folder_of = folders.split_folders(path, images)
    counted = Counted({split: images[folder] for split, folder in folder_of.items()}, facts.total_bytes)
    splits = {split: partial(_members, path, folder) for split, folder in folder_of.items()}
    classes = Classes(counted.ids(), folders.names_of(counted.ids()))
    shape = (*(facts.size or (None, None)), facts.channels)
    return collect(path, f'class folders of {path.absolute()}', splits, counted, classes, shape, request)


def _place(name: str) -> tuple[str, str] | None:
    """The folder of a split and the class of a picture, from its name in the archive."""
    parts = name.split('/')
    for depth, part in enumerate(parts[:-2][: _TOP + 1]):
        if part in folders.SPLIT_FOLDERS:
            return part, parts[depth + 1]
    return None


def _members(path: Path, folder: str) -> Iterator[Member]:
    for entry in entries(path):
        place = _place(entry.name) if is_picture(entry) else None
        if place and place[0] == folder:
            yield entry, place[1]
