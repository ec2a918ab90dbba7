"""Picture files, on the disk or out of an archive, as the examples of a set, decoded a few ahead in threads.

A set is greyscale if all its images are, else RGB. JPEG and PNG files of that mode with 8 bits per channel are stored
unchanged, and so are greyscale JPEG files of an RGB set. All others are converted to PNG of that mode as `pictures`
reads them: other formats, palettes, transparent parts (which become white), CMYK, 16 bits, images with an EXIF
rotation, and other greyscale images in an RGB set.

Some four pictures per core are in memory at a time, as files and as pixels.
"""

import io
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from cnn_bench.data import exif, pictures
from cnn_bench.data.ahead import ahead
from cnn_bench.data.pictures import Refused
from cnn_bench.data.write import Example
from cnn_bench.errors import UserError

CONVERTED = 'converted to PNG'  # of the oddities of an example
_SHOWN = 5  # unreadable files in the message
_KINDS = {'.jpg': 'JPEG', '.jpeg': 'JPEG', '.png': 'PNG'}  # that are stored unchanged, by the suffix of their names


@dataclass(frozen=True)
class Packed:
    """A picture file that lies in an archive: what to call it in messages, and its content."""

    name: str
    content: bytes


Source = str | Packed  # a path, or what an archive holds; str, since a million of Path take 0.5 GB
File = tuple[Source, int]  # and the class of the image


def name_of(source: Source) -> str:
    """What messages call a picture."""
    return source.name if isinstance(source, Packed) else source


@dataclass(frozen=True)
class Scan:
    """Facts from the headers of all files: the channels of the set, the size (h, w) if all images share it or None, the
    total size in bytes, and the names of files that cannot be opened."""

    channels: int
    size: tuple[int, int] | None
    total_bytes: int
    unreadable: frozenset[str]


def scan(files: Iterable[File]) -> Scan:
    """Read the header of every file."""
    grey, sizes, total, unreadable = True, set(), 0, set()
    for source, _ in files:
        try:
            with pictures.opened(_openable(source)) as picture:
                total += len(source.content) if isinstance(source, Packed) else os.path.getsize(source)
                grey = grey and pictures.is_grey(picture)
                sizes.add(picture.size if pictures.orientation(picture) >= 5 else picture.size[::-1])
        except Refused:
            unreadable.add(name_of(source))
    return Scan(1 if grey else 3, sizes.pop() if len(sizes) == 1 else None, total, frozenset(unreadable))


def examples(files: Iterable[File], channels: int, unreadable: Callable[[str], None]) -> Iterator[Example]:
    """The images of the files in order. `unreadable` is called with the name of a file that cannot be decoded, which is
    left out."""
    for (source, _), made in ahead(lambda file: load(file[0], channels, file[1]), files):
        try:
            yield made.result()
        except Refused:
            unreadable(name_of(source))


def load(source: Source, channels: int, label: int = 0) -> Example:
    """What a set with `channels` stores for a picture file, its pixels, uint8 (h, w, c), and what is odd about it.

    Raises `pictures.Refused`.
    """
    with pictures.opened(_openable(source)) as picture:
        encoded = source.content if isinstance(source, Packed) else Path(source).read_bytes()
        picture.load()
        keep = _keep(picture, encoded, channels)
        odd = tuple(_oddities(name_of(source), picture, encoded, channels))
        pixels = pictures.pixels(picture, channels)
    if not keep:
        buffer = io.BytesIO()
        Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels).save(buffer, format='PNG')
        encoded = buffer.getvalue()
    return Example(encoded, pixels, label, odd + (CONVERTED,) * (not keep))


def unreadable_error(names: Iterable[str]) -> UserError:
    """The error for pictures that cannot be read, which names the first."""
    names = sorted(names)
    shown = ', '.join(names[:_SHOWN]) + (', ...' if len(names) > _SHOWN else '')
    return UserError(f'{len(names)} unreadable image(s), nothing was written: {shown}')


def _openable(source: Source) -> str | bytes:
    return source.content if isinstance(source, Packed) else source


def _keep(picture: Image.Image, encoded: bytes, channels: int) -> bool:
    """Whether the file can be stored unchanged."""
    return (
        picture.format in ('JPEG', 'MPO', 'PNG')  # MPO: a JPEG file with several images
        and (picture.mode == {1: 'L', 3: 'RGB'}[channels] or (picture.format == 'JPEG' and picture.mode == 'L'))
        and 'transparency' not in picture.info
        and pictures.orientation(picture) == 1
        and not _is_deep(picture, encoded)
    )


def _oddities(name: str, picture: Image.Image, encoded: bytes, channels: int) -> Iterator[str]:
    """What is odd about a picture of a set with `channels`, in words that can follow a number of pictures."""
    suffix = os.path.splitext(name)[1]
    kind = 'JPEG' if picture.format == 'MPO' else picture.format
    said, kept = _KINDS.get(suffix.lower()), _KINDS.values()
    if kind not in kept:
        yield kind
    if said != kind and (said or kind in kept):
        yield f'{kind} named {suffix}' if suffix else f'{kind} without suffix'
    if picture.mode == 'CMYK':
        yield 'CMYK'
    if channels == 3 and pictures.is_grey(picture):
        yield 'greyscale'
    if picture.mode == 'P':
        yield 'with a palette'
    if picture.has_transparency_data:
        yield 'transparent'
    if _is_deep(picture, encoded):
        yield 'of 16 bits'
    if pictures.orientation(picture) != 1:
        yield 'turned as EXIF says'
    if exif.is_damaged(picture.info.get('exif') or b''):
        yield 'with bad EXIF (ignored)'


def _is_deep(picture: Image.Image, encoded: bytes) -> bool:
    """Whether a PNG has 16 bits per channel, by its header: Pillow's mode does not tell."""
    return picture.format == 'PNG' and encoded[24] == 16
