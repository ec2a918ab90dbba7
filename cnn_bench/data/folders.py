"""Class folders of images: SPLIT/CLASS/image.jpg, as ImageNet is distributed and as most people keep their own.

The splits are `train/` and `test/`; where there is no `test/`, `val/` or `validation/` is the test split,
and beside a `test/` it is the split 'validation'. Classes are the folders of `train/`, in the order of
their names. Files are taken at any depth below the class, in the order of their paths; hidden files and
other kinds than SUFFIXES are passed over.

A set is greyscale if all its images are, else RGB. A file is stored as it is if it is a JPEG or PNG of
that mode with 8 bits per channel. Everything else becomes a PNG of that mode: other formats, palettes,
alpha (dropped), CMYK, 16 bits (the upper 8 are kept), images that EXIF says are to be turned (they are
turned), greyscale ones in an RGB set.
"""

import io
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from cnn_bench.data.write import Example
from cnn_bench.errors import UserError

SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.webp', '.pgm', '.ppm')
LAYOUT = 'expected: train/CLASS/image.jpg and test/CLASS/image.jpg (or val/ for test/)'
_GREY = ('1', 'L', 'LA', 'I', 'I;16', 'I;16B', 'I;16L')
_ORIENTATION = 0x0112  # EXIF's tag
_UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)  # what Pillow raises

File = tuple[str, int]  # an image's path, and its class; no Path, of which a million take 0.5 GB


@dataclass(frozen=True)
class Listing:
    """The image files of a directory: split -> files; their classes; how many other files were passed over."""

    splits: dict[str, list[File]]
    class_names: tuple[str, ...]
    passed_over: int


@dataclass(frozen=True)
class Scan:
    """What the headers say: the channels of the set, the one size (h, w) of all images or None, the
    files' total size in bytes, and the files that cannot be opened."""

    channels: int
    size: tuple[int, int] | None
    total_bytes: int
    unreadable: frozenset[str]


def list_files(source: Path) -> Listing:
    """The image files below `source`.

    Raises:
      UserError: the folders are not as the module's docstring says, a class is empty, or one is only in a
        test split.
    """
    folders = {split: source / split for split in ('train', 'test')}
    validation = next((source / name for name in ('val', 'validation') if (source / name).is_dir()), None)
    if validation:
        folders['validation' if folders['test'].is_dir() else 'test'] = validation
    for folder in folders.values():
        if not folder.is_dir():
            raise UserError(f'{source} has no {folder.name}/ directory; {LAYOUT}')
        if not _classes(folder):
            raise UserError(f'{folder} has no class folders; {LAYOUT}')
    class_names = tuple(_classes(folders['train']))
    splits, passed_over = {}, 0
    for split, folder in folders.items():
        strangers = [name for name in _classes(folder) if name not in class_names]
        if strangers:
            raise UserError(f'{folder / strangers[0]} is no class of {folders["train"]}')
        splits[split] = []
        for label, name in enumerate(class_names):
            paths, others = _images(folder / name)
            passed_over += others
            if not paths and (split == 'train' or (folder / name).is_dir()):
                raise UserError(f'{folder / name} holds no images ({" ".join(SUFFIXES)})')
            splits[split] += [(path, label) for path in paths]
    return Listing(splits, class_names, passed_over)


def scan(files: Iterable[File]) -> Scan:
    """Open every file and read its header; see Scan."""
    modes, sizes, total, unreadable = set(), set(), 0, set()
    for path, _ in files:
        try:
            total += os.path.getsize(path)
            with Image.open(path) as image:
                turned = image.getexif().get(_ORIENTATION, 1) >= 5
                modes.add(image.mode)
                sizes.add(image.size if turned else image.size[::-1])
        except _UNREADABLE:
            unreadable.add(path)
    channels = 1 if all(mode in _GREY for mode in modes) else 3
    return Scan(channels, sizes.pop() if len(sizes) == 1 else None, total, frozenset(unreadable))


def examples(files: Iterable[File], channels: int, unreadable: Callable[[str], None]) -> Iterator[Example]:
    """The files' images in order, decoded in threads of which few are ahead. A file that cannot be
    decoded is passed over and handed to `unreadable`."""
    threads = os.cpu_count() or 1
    waiting: deque = deque()
    with ThreadPoolExecutor(threads) as pool:

        def finished() -> Iterator[Example]:
            (path, label), future = waiting.popleft()
            try:
                yield Example(*future.result(), label)
            except _UNREADABLE:
                unreadable(path)

        for file in files:
            waiting.append((file, pool.submit(load, file[0], channels)))
            if len(waiting) > 4 * threads:
                yield from finished()
        while waiting:
            yield from finished()


def load(path: str, channels: int) -> tuple[bytes, np.ndarray]:
    """What a set of that many channels stores of an image file, and its pixels, uint8 (h, w, c)."""
    encoded = Path(path).read_bytes()
    with Image.open(io.BytesIO(encoded)) as image:
        image.load()
        if _keep(image, encoded, channels):
            pixels = np.asarray(image)
        else:
            pixels = _convert(image, channels)
            buffer = io.BytesIO()
            Image.fromarray(pixels).save(buffer, format='PNG')
            encoded = buffer.getvalue()
    return encoded, pixels[:, :, None] if pixels.ndim == 2 else pixels


def _keep(image: Image.Image, encoded: bytes, channels: int) -> bool:
    """Whether the file can be stored as it is."""
    sixteen_bits = image.format == 'PNG' and encoded[24] == 16  # the header's bit depth; Pillow says RGB for both
    return (
        image.format in ('JPEG', 'MPO', 'PNG')  # MPO: a JPEG with others behind it
        and image.mode == {1: 'L', 3: 'RGB'}[channels]
        and 'transparency' not in image.info
        and image.getexif().get(_ORIENTATION, 1) == 1
        and not sixteen_bits
    )


def _convert(image: Image.Image, channels: int) -> np.ndarray:
    """The pixels as 8-bit greyscale (h, w) or RGB (h, w, 3), turned as EXIF says."""
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith('I'):  # 16 bits, which Pillow would clip
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    return np.asarray(image.convert('L' if channels == 1 else 'RGB'))


def _classes(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith('.'))


def _images(folder: Path) -> tuple[list[str], int]:
    """The image files below `folder`, in the order of their paths, and the number of others that are not hidden."""
    paths, others = [], 0
    for directory, _, names in os.walk(folder):
        for name in names:
            if name.lower().endswith(SUFFIXES) and not name.startswith('.'):
                paths.append(os.path.join(directory, name))
            elif not name.startswith('.'):
                others += 1
    return sorted(paths), others
