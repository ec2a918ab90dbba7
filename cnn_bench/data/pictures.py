"""Reading picture files of any kind as arrays of pixels. A file that cannot be read is refused with the reason.

A file's content decides its kind, not its name. EXIF orientation is applied; transparent parts become white, where
`cnn-bench data prepare` drops alpha; of 16 bits the upper 8 are kept; of an animation the first frame is read.

Memory is bounded: at most LIMIT_PIXELS are decoded at once, some 500 MB. Larger JPEG files are decoded at a half, a
quarter or an eighth of their size, up to MOST_PIXELS; larger files of other kinds are refused.
"""

import contextlib
import os
import stat
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from cnn_bench.data.folders import SUFFIXES

LIMIT_PIXELS = 2**25  # 33.5 million: an 8K screen
PROGRESSIVE_PIXELS = 2 * LIMIT_PIXELS  # of a progressive JPEG, whose coefficients are all kept whatever its scale
MOST_PIXELS = 178_956_970  # Pillow's own bound against decompression bombs
FORMATS = ('JPEG', 'PNG', 'WEBP', 'GIF', 'BMP', 'TIFF', 'PPM')  # no others: some run programs
TIFF_MAGIC = (b'II*\0', b'MM\0*', b'II+\0', b'MM\0+')
NAMED = (*SUFFIXES, '.gif', '.tif', '.tiff', '.pbm', '.pnm')  # what is taken from a folder
_ORIENTATION = 0x0112  # EXIF's tag
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class Refused(Exception):
    """A picture cannot be used; the message says why, without its name."""


@dataclass(frozen=True)
class Refusal:
    """A picture that could not be used, and why."""

    path: str
    reason: str


def listed(names: Iterable[str | Path]) -> Iterator[str | Refusal]:
    """Yield the named picture files and those below the named folders, in order of their paths.

    In folders, hidden files and files without an ending of NAMED are skipped, and links to folders are not followed. A
    folder that holds no picture or cannot be read yields a Refusal.
    """
    for name in map(os.fspath, names):
        if not os.path.isdir(name):
            yield name
            continue
        found = False
        for item in _below(name):
            found = True
            yield item
        if not found:
            yield Refusal(name, f'holds no pictures ({" ".join(NAMED)})')


def _below(folder: str) -> Iterator[str | Refusal]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        yield Refusal(folder, f'cannot be read: {error.strerror}')
        return
    for entry in entries:
        if entry.name.startswith('.'):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _below(entry.path)
        elif entry.name.lower().endswith(NAMED):
            yield entry.path


def read(path: str | Path, channels: int) -> np.ndarray:
    """The picture in a file as uint8 (h, w, channels), 1 channel or 3. Raises Refused."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # Pillow's: what matters of them is refused below
            with _quiet(path), _open(path) as picture:
                _bound(picture)
                picture.load()
                return _pixels(picture, channels)
    except Refused:
        raise
    except Image.DecompressionBombError as error:
        raise Refused(f'has more than {MOST_PIXELS:,} pixels, the most of any file') from error
    except Exception as error:  # Pillow's decoders raise nearly anything for damaged files
        reason = ' '.join(str(error).split())[:200] or type(error).__name__
        raise Refused(f'cannot be decoded: {reason}') from error


def with_channels(image: np.ndarray, channels: int) -> np.ndarray:
    """An image uint8 (h, w, c), c 1 or 3, with `channels` channels: colours become greys (ITU-R 601), greys repeat."""
    if image.shape[2] == channels:
        return image
    if channels == 1:
        return np.asarray(Image.fromarray(image).convert('L'))[:, :, None]
    return np.repeat(image, channels, axis=2)


def _pixels(picture: Image.Image, channels: int) -> np.ndarray:
    turn = _orientation(picture)
    picture = _plain(picture)
    if picture.mode in ('LA', 'RGBA'):
        picture = Image.alpha_composite(Image.new('RGBA', picture.size, 'white'), picture.convert('RGBA'))
    picture = picture.convert('L' if channels == 1 else 'RGB')
    if turn in _TURNS:
        picture = picture.transpose(_TURNS[turn])
    pixels = np.array(picture)
    return pixels[:, :, None] if channels == 1 else pixels


@contextlib.contextmanager
def _quiet(path: str | Path) -> Iterator[None]:
    """Keep what libtiff writes of damaged files off stderr: it goes there by itself, past Python."""
    if not _is_tiff(path):
        yield
        return
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _is_tiff(path: str | Path) -> bool:
    if not os.path.isfile(path):  # opening a pipe would wait for a writer
        return False
    try:
        with open(path, 'rb') as file:
            return file.read(4) in TIFF_MAGIC
    except OSError:  # said by `_open`
        return False


def _open(path: str | Path) -> Image.Image:
    try:
        facts = os.stat(path)
        if not stat.S_ISREG(facts.st_mode):
            raise Refused('is not a file')
        if not facts.st_size:
            raise Refused('is empty')
        return Image.open(path, formats=FORMATS)
    except UnidentifiedImageError as error:
        raise Refused(f'is no picture that can be read ({", ".join(FORMATS)})') from error
    except (FileNotFoundError, NotADirectoryError) as error:
        raise Refused('is not there') from error
    except PermissionError as error:
        raise Refused('may not be read') from error


def _bound(picture: Image.Image) -> None:
    """Have a large JPEG decoded smaller. Raises Refused for what would take too much memory."""
    width, height = picture.size
    limit = LIMIT_PIXELS
    if picture.format in ('JPEG', 'MPO'):
        if picture.info.get('progressive') and width * height > PROGRESSIVE_PIXELS:
            raise Refused(
                f'is a progressive JPEG of {width}x{height} pixels; at most {PROGRESSIVE_PIXELS:,} are decoded'
            )
        part = next((part for part in (1, 2, 4, 8) if width * height <= limit * part**2), 8)
        if part > 1:
            picture.draft(None, (width // part, height // part))
    if picture.width * picture.height > limit:
        raise Refused(f'has {width}x{height} pixels; at most {limit:,} are decoded at once')


def _plain(picture: Image.Image) -> Image.Image:
    """The picture in one of the modes L, LA, RGB, RGBA: 8 bits each."""
    mode = picture.mode
    if mode == 'F' or (mode == 'I' and picture.format not in ('PNG', 'PPM')):
        raise Refused('has pixels of 32 bits, and does not say between which numbers they lie')
    if mode.startswith('I'):  # 16 bits, which Pillow would clip
        return Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    grey = mode in ('1', 'L', 'LA', 'La')
    if picture.has_transparency_data:
        return picture.convert('LA' if grey else 'RGBA')
    return picture.convert('L' if grey else 'RGB')


def _orientation(picture: Image.Image) -> int:
    try:
        return picture.getexif().get(_ORIENTATION, 1)
    except Exception:  # of damaged EXIF, as above; the pixels may be whole
        return 1
