"""Class folders of images: SPLIT/CLASS/IMAGE, the layout of ImageNet and of most private collections.

The splits are `train/` and `test/`. Without `test/`, `val/` or `validation/` is the test split; besides `test/`, it is
the split 'validation'. Classes are the folders of `train/`, sorted by name; `picture_files` finds the files below them.

A set is greyscale if all its images are, else RGB. JPEG and PNG files of that mode with 8 bits per channel are stored
unchanged. All others are converted to PNG of that mode as `pictures` reads them: other formats, palettes, transparent
parts (which become white), CMYK, 16 bits, images with an EXIF rotation, and greyscale images in an RGB set.
"""

import io
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from PIL import Image

from cnn_bench.data import pictures
from cnn_bench.data.class_names import check_class_names
from cnn_bench.data.picture_files import SUFFIXES, pictures_below
from cnn_bench.data.pictures import Refusal, Refused
from cnn_bench.data.readers.found import Found, Request
from cnn_bench.data.write import Example
from cnn_bench.errors import UserError

FORM = (
    'class folders of images: train/CLASS/IMAGE and test/CLASS/IMAGE (val/ instead of test/, or as a split beside it)'
)
LAYOUT = 'expected: train/CLASS/IMAGE and test/CLASS/IMAGE (or val/ instead of test/)'
_VALIDATION = ('val', 'validation')
_SHOWN = 5  # unreadable files in the message
File = tuple[str, int]  # path and class of an image; str, since a million of Path take 0.5 GB


@dataclass(frozen=True)
class Listing:
    """The image files of a directory by split, the classes, and the number of files that were skipped."""

    splits: dict[str, list[File]]
    class_names: tuple[str, ...]
    skipped: int

    def without(self, unreadable: set[str]) -> 'Listing':
        """The listing without some files. Raises UserError where a class of train/, or a split, would be left empty."""
        splits = {split: [file for file in files if file[0] not in unreadable] for split, files in self.splits.items()}
        left = {label for _, label in splits['train']}
        for label, name in enumerate(self.class_names):
            if label not in left:
                raise UserError(f'no image of class {name!r} in train/ can be read')
        for split, files in splits.items():
            if not files:
                raise UserError(f'no image of the split {split} can be read')
        return Listing(splits, self.class_names, self.skipped + len(unreadable))


@dataclass(frozen=True)
class Scan:
    """Facts from the headers of all files: the channels of the set, the size (h, w) if all images share it or None, the
    total size in bytes, and the files that cannot be opened."""

    channels: int
    size: tuple[int, int] | None
    total_bytes: int
    unreadable: frozenset[str]


def recognises(path: Path) -> bool:
    """Whether `path` has a directory that is called like a split."""
    return any((path / name).is_dir() for name in ('train', 'test', *_VALIDATION))


def read(path: Path, request: Request) -> Found:
    """The set in the class folders below `path`. Every file is opened at once, and decoded when it is written.

    With `request.skip_unreadable`, every file is decoded here too, to find those that are left out.

    Raises:
      UserError: the layout is another, or files cannot be read.
    """
    listing = list_files(path)
    if request.skip_unreadable:
        bad: set[str] = set()
        for split, files in listing.splits.items():
            for _ in examples(request.track(files, f'reading {split}', len(files)), 3, bad.add):
                pass
        for file in sorted(bad):
            request.skip_unreadable(file)
        listing = listing.without(bad)
    sizes = {split: len(files) for split, files in listing.splits.items()}
    facts = scan(request.track(chain(*listing.splits.values()), 'reading headers', sum(sizes.values())))
    unreadable = set(facts.unreadable)
    if unreadable:  # decode the others too, to name all unreadable files at once
        files = [file for file in chain(*listing.splits.values()) if file[0] not in unreadable]
        for _ in examples(request.track(files, 'reading', len(files)), facts.channels, unreadable.add):
            pass
        raise _unreadable(unreadable)

    def images(split: str) -> Iterator[Example]:
        yield from examples(listing.splits[split], facts.channels, unreadable.add)
        if unreadable and split == list(listing.splits)[-1]:
            raise _unreadable(unreadable)

    others = f' ({listing.skipped} other files skipped)' * (listing.skipped > 0)
    return Found(
        class_names=listing.class_names,
        image_shape=(*(facts.size or (None, None)), facts.channels),
        sizes=sizes,
        total_bytes=facts.total_bytes,
        splits={split: images(split) for split in listing.splits},
        source=f'class folders of {path.absolute()}{others}',
    )


def list_files(source: Path) -> Listing:
    """The image files below `source`.

    Raises:
      UserError: the layout is another, a class is empty, or a class is missing in `train/`.
    """
    folders = {split: source / split for split in ('train', 'test')}
    validation = next((source / name for name in _VALIDATION if (source / name).is_dir()), None)
    if validation:
        folders['validation' if folders['test'].is_dir() else 'test'] = validation
    for folder in folders.values():
        if not folder.is_dir():
            raise UserError(f'{source} has no {folder.name}/ directory; {LAYOUT}')
        if not _classes(folder):
            raise UserError(f'{folder} has no class folders; {LAYOUT}')
    class_names = tuple(_classes(folders['train']))
    check_class_names(str(folders['train']), class_names)
    splits, skipped = {}, 0
    for split, folder in folders.items():
        strangers = [name for name in _classes(folder) if name not in class_names]
        if strangers:
            raise UserError(f'{folder / strangers[0]} is not a class of {folders["train"]}')
        splits[split] = []
        for label, name in enumerate(class_names):
            paths, others = _images(folder / name)
            skipped += others
            if not paths and (split == 'train' or (folder / name).is_dir()):
                raise UserError(f'{folder / name} has no images ({" ".join(SUFFIXES)})')
            splits[split] += [(path, label) for path in paths]
    return Listing(splits, class_names, skipped)


def scan(files: Iterable[File]) -> Scan:
    """Read the header of every file."""
    grey, sizes, total, unreadable = True, set(), 0, set()
    for path, _ in files:
        try:
            with pictures.opened(path) as picture:
                total += os.path.getsize(path)
                grey = grey and pictures.is_grey(picture)
                sizes.add(picture.size if pictures.orientation(picture) >= 5 else picture.size[::-1])
        except Refused:
            unreadable.add(path)
    return Scan(1 if grey else 3, sizes.pop() if len(sizes) == 1 else None, total, frozenset(unreadable))


def examples(files: Iterable[File], channels: int, unreadable: Callable[[str], None]) -> Iterator[Example]:
    """The images of the files in order, decoded a few ahead in threads. `unreadable` is called with the path of a file
    that cannot be decoded, which is left out."""
    threads = os.cpu_count() or 1
    waiting: deque = deque()
    with ThreadPoolExecutor(threads) as pool:

        def finished() -> Iterator[Example]:
            (path, label), future = waiting.popleft()
            try:
                yield Example(*future.result(), label)
            except Refused:
                unreadable(path)

        for file in files:
            waiting.append((file, pool.submit(load, file[0], channels)))
            if len(waiting) > 4 * threads:
                yield from finished()
        while waiting:
            yield from finished()


def load(path: str, channels: int) -> tuple[bytes, np.ndarray]:
    """The bytes that a set with `channels` stores for an image file, and the pixels, uint8 (h, w, c).

    Raises `pictures.Refused`.
    """
    with pictures.opened(path) as picture:
        encoded = Path(path).read_bytes()
        picture.load()
        keep = _keep(picture, encoded, channels)
        pixels = pictures.pixels(picture, channels)
    if not keep:
        buffer = io.BytesIO()
        Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels).save(buffer, format='PNG')
        encoded = buffer.getvalue()
    return encoded, pixels


def _keep(picture: Image.Image, encoded: bytes, channels: int) -> bool:
    """Whether the file can be stored unchanged."""
    sixteen_bits = picture.format == 'PNG' and encoded[24] == 16  # the bit depth, which Pillow's mode does not tell
    return (
        picture.format in ('JPEG', 'MPO', 'PNG')  # MPO: a JPEG file with several images
        and (picture.mode == {1: 'L', 3: 'RGB'}[channels] or (picture.format == 'JPEG' and picture.mode == 'L'))
        and 'transparency' not in picture.info
        and pictures.orientation(picture) == 1
        and not sixteen_bits
    )


def _classes(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith('.'))


def _images(folder: Path) -> tuple[list[str], int]:
    """The image files below `folder`, and the number of other files that are not hidden."""
    if not folder.is_dir():
        return [], 0
    others: list[str] = []
    found = list(pictures_below(str(folder), others.append))
    refused = [item for item in found if isinstance(item, Refusal)]
    if refused:
        raise UserError(f'{refused[0].path} {refused[0].reason}')
    return found, len(others)


def _unreadable(paths: Iterable[str]) -> UserError:
    paths = sorted(paths)
    shown = ', '.join(paths[:_SHOWN]) + (', ...' if len(paths) > _SHOWN else '')
    return UserError(f'{len(paths)} unreadable image(s), nothing was written: {shown}')
