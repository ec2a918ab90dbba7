"""Reading picture files of any kind as arrays of pixels. A file that cannot be read is refused with the reason.

A file's content decides its kind, not its name. EXIF orientation is applied; transparent parts become white; of 16 bits
the upper 8 are kept; of an animation the first frame is read.
"""

import contextlib
import io
import os
import stat
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, PngImagePlugin, UnidentifiedImageError

LIMIT_PIXELS = 2**25  # 33.5 million: an 8K screen
PROGRESSIVE_PIXELS = 2 * LIMIT_PIXELS  # of a progressive JPEG, whose coefficients are all kept whatever its scale
MOST_PIXELS = 178_956_970  # Pillow's own bound against decompression bombs
FORMATS = ('JPEG', 'PNG', 'WEBP', 'GIF', 'BMP', 'TIFF', 'PPM')  # no others: some run programs
TIFF_MAGIC = (b'II*\0', b'MM\0*', b'II+\0', b'MM\0+')
TEXT_BYTES = 64 << 20  # of comments in a PNG; by default Pillow refuses a picture with more than one MiB of them
_ORIENTATION = 0x0112  # EXIF's tag
_GREY = ('1', 'L', 'LA', 'La', 'I', 'I;16', 'I;16B', 'I;16L')
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_STDERR = threading.Lock()  # one thread at a time may replace it

PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY = TEXT_BYTES
# For good, as threads share the filters: of what Pillow warns, what matters is refused here.
warnings.filterwarnings('ignore', module=r'PIL\.')


class Refused(Exception):
    """A picture cannot be used; the message says why, without its name."""


@dataclass(frozen=True)
class Refusal:
    """A picture that could not be used, and why."""

    path: str
    reason: str


def read(path: str | Path, channels: int) -> np.ndarray:
    """The picture in a file as uint8 (h, w, channels), 1 channel or 3. Raises Refused.

    Memory is bounded: at most LIMIT_PIXELS are decoded at once, some 500 MB. Larger JPEG files are decoded at a half, a
    quarter or an eighth of their size, up to MOST_PIXELS; larger files of other kinds are refused.
    """
    with opened(path) as picture:
        _bound(picture)
        return pixels(picture, channels)


@contextlib.contextmanager
def opened(source: str | Path | bytes) -> Iterator[Image.Image]:
    """The picture in a file, given by its path or as its content, for Pillow to decode in the `with` block.

    Raises Refused, also for errors in the block.
    """
    try:
        with _quiet(source), _open(source) as picture:
            yield picture
    except Refused:
        raise
    except Image.DecompressionBombError as error:
        raise Refused(f'has more than {MOST_PIXELS:,} pixels, the most of any file') from error
    except Exception as error:  # Pillow's decoders raise nearly anything for damaged files
        reason = ' '.join(str(error).split())[:200] or type(error).__name__
        raise Refused(f'cannot be decoded: {reason}') from error


def encode_png(pixels: np.ndarray) -> bytes:
    """Pixels, uint8 (h, w, 1) or (h, w, 3), as the smallest PNG that Pillow writes."""
    buffer = io.BytesIO()
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(buffer, format='PNG', optimize=True)
    return buffer.getvalue()


def decode(encoded: bytes) -> np.ndarray:
    """The pixels of an encoded image as a data set stores it, greyscale or RGB: uint8 (h, w, 1) or (h, w, 3).

    Raises:
      OSError, SyntaxError or ValueError: the bytes are not a complete image.
    """
    with Image.open(io.BytesIO(encoded)) as image:
        pixels = np.asarray(image)
    return pixels[:, :, None] if pixels.ndim == 2 else pixels


def pixels(picture: Image.Image, channels: int) -> np.ndarray:
    """A picture's pixels as uint8 (h, w, channels), 1 channel or 3, upright and without transparency."""
    picture.load()  # first: it may turn a TIFF by itself, and reading EXIF would hide its errors
    turn = orientation(picture)
    picture = _plain(picture)
    if picture.mode in ('LA', 'RGBA'):
        picture = Image.alpha_composite(Image.new('RGBA', picture.size, 'white'), picture.convert('RGBA'))
    picture = picture.convert('L' if channels == 1 else 'RGB')
    if turn != 1:
        picture = picture.transpose(_TURNS[turn])
    array = np.array(picture)
    return array[:, :, None] if channels == 1 else array


def is_grey(picture: Image.Image) -> bool:
    """Whether the picture has no colours, by its mode."""
    return picture.mode in _GREY


def orientation(picture: Image.Image) -> int:
    """EXIF's orientation, 1 to 8; 1 where the picture has none, another number, or it cannot be read."""
    try:
        said = picture.getexif().get(_ORIENTATION, 1)
    except Exception:  # damaged EXIF; the pixels may be whole
        return 1
    return said if said in _TURNS else 1


def with_channels(image: np.ndarray, channels: int) -> np.ndarray:
    """An image uint8 (h, w, c), c 1 or 3, with `channels` channels: colours become greys (ITU-R 601), greys repeat."""
    if image.shape[2] == channels:
        return image
    if channels == 1:
        return np.asarray(Image.fromarray(image).convert('L'))[:, :, None]
    return np.repeat(image, channels, axis=2)


@contextlib.contextmanager
def _quiet(source: str | Path | bytes) -> Iterator[None]:
    """Keep libtiff's messages about damaged files off stderr, where it writes past Python."""
    if not _is_tiff(source):
        yield
        return
    with _STDERR:
        kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            os.close(nowhere)


def _is_tiff(source: str | Path | bytes) -> bool:
    if isinstance(source, bytes):
        return source.startswith(TIFF_MAGIC)
    if not os.path.isfile(source):  # opening a pipe would wait for a writer
        return False
    try:
        with open(source, 'rb') as file:
            return file.read(4) in TIFF_MAGIC
    except OSError:  # said by `_open`
        return False


def _open(source: str | Path | bytes) -> Image.Image:
    try:
        if not isinstance(source, bytes) and not stat.S_ISREG(os.stat(source).st_mode):
            raise Refused('is not a file')
        if not (len(source) if isinstance(source, bytes) else os.path.getsize(source)):
            raise Refused('is empty')
        return Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=FORMATS)
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
    grey = is_grey(picture)
    if picture.has_transparency_data:
        return picture.convert('LA' if grey else 'RGBA')
    return picture.convert('L' if grey else 'RGB')
