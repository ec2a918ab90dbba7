"""Class folders of images: SPLIT/CLASS/IMAGE, the layout of ImageNet and of most private collections.

The splits are `train/` and `test/`. Without `test/`, `val/` or `validation/` is the test split; besides `test/`, it is
the split 'validation'. Classes are the folders of `train/`, sorted by name. Files are found at any depth below the
class and sorted by path; hidden files and suffixes other than SUFFIXES are skipped.

A set is greyscale if all its images are, else RGB. JPEG and PNG files of that mode with 8 bits per channel are stored
unchanged. All others are converted to PNG of that mode: other formats, palettes, alpha (dropped), CMYK, 16 bits (the
upper 8 are kept), images with an EXIF rotation (which is applied), and greyscale images in an RGB set.
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
LAYOUT = 'expected: train/CLASS/IMAGE and test/CLASS/IMAGE (or val/ instead of test/)'
_GREY = ('1', 'L', 'LA', 'I', 'I;16', 'I;16B', 'I;16L')
_ORIENTATION = 0x0112  # EXIF's tag
_UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)  # what Pillow raises

File = tuple[str, int]  # path and class of an image; str, since a million of Path take 0.5 GB


@dataclass(frozen=True)
class Listing:
    """The image files of a directory by split, the classes, and the number of files that were skipped."""

    splits: dict[str, list[File]]
    class_names: tuple[str, ...]
    skipped: int


@dataclass(frozen=True)
class Scan:
    """Facts from the headers of all files: the channels of the set, the size (h, w) if all images share it or None, the
    total size in bytes, and the files that cannot be opened."""

    channels: int
    size: tuple[int, int] | None
    total_bytes: int
    unreadable: frozenset[str]


def list_files(source: Path) -> Listing:
    """The image files below `source`.

    Raises:
      UserError: the layout is another, a class is empty, or a class is missing in `train/`.
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
    """The images of the files in order, decoded a few ahead in threads. `unreadable` is called with the path of a file
    that cannot be decoded, which is left out."""
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
    """The bytes that a set with `channels` stores for an image file, and the pixels, uint8 (h, w, c)."""
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
    """Whether the file can be stored unchanged."""
    sixteen_bits = image.format == 'PNG' and encoded[24] == 16  # the bit depth, which Pillow's mode does not tell
    return (
        image.format in ('JPEG', 'MPO', 'PNG')  # MPO: a JPEG file with several images
        and image.mode == {1: 'L', 3: 'RGB'}[channels]
        and 'transparency' not in image.info
        and image.getexif().get(_ORIENTATION, 1) == 1
        and not sixteen_bits
    )


def _convert(image: Image.Image, channels: int) -> np.ndarray:
    """The pixels as 8-bit greyscale (h, w) or RGB (h, w, 3), rotated as EXIF says."""
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith('I'):  # 16 bits, which Pillow would clip
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    return np.asarray(image.convert('L' if channels == 1 else 'RGB'))


def _classes(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith('.'))


def _images(folder: Path) -> tuple[list[str], int]:
    """The image files below `folder`, sorted by path, and the number of other files that are not hidden."""
    paths, others = [], 0
    for directory, _, names in os.walk(folder):
        for name in names:
            if name.lower().endswith(SUFFIXES) and not name.startswith('.'):
                paths.append(os.path.join(directory, name))
            elif not name.startswith('.'):
                others += 1
    return sorted(paths), others
