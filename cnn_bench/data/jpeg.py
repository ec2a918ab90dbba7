"""Decoding JPEG files fast, with libjpeg-turbo through simplejpeg, to the pixels that Pillow gives at full size.

simplejpeg takes a third less time than Pillow: it writes the pixels once, into memory that the caller lends. A crop
takes less still: rows below it are not decoded, and a large one is decoded at a half, a quarter or an eighth of its
size. What simplejpeg refuses (other formats, unusual subsamplings, damaged files) is left to Pillow.
"""

import threading

import numpy as np

SCALES = (8, 4, 2, 1)  # at which decoding is faster than at full size; libjpeg-turbo has others, which are slower
_KEPT_BYTES = 32 << 20  # of a buffer; larger pictures get memory of their own
_COLOURS = {1: 'GRAY', 3: 'RGB'}
_END = b'\xff\xd9'
_FRAMES = (0xC0, 0xC1)  # markers of sequential pictures: one pass from top to bottom
_SEGMENTS = (0xC4, 0xDB, 0xDD, *range(0xE0, 0xF0), 0xFE)  # what may stand before them: tables, application data
_WORTH = 16  # rows, a block's at most: leaving out fewer saves nothing


class Buffer:
    """Memory for one file and its pixels per thread, used again for the next: fresh memory costs page faults.

    It can be pickled; the copy is empty.
    """

    def __init__(self):
        self._of_thread = threading.local()

    def __reduce__(self):
        return Buffer, ()

    def of(self, use: str, count: int) -> np.ndarray:
        """At least `count` bytes, uint8, which this thread's next call for the same `use` may hand out again."""
        held = getattr(self._of_thread, use, None)
        if held is not None and len(held) >= count:
            return held
        made = np.empty(count, np.uint8)
        if count <= _KEPT_BYTES:
            setattr(self._of_thread, use, made)
        return made


def size(encoded: bytes) -> tuple[int, int] | None:
    """Height and width of a JPEG file that `decode` can probably read; None for any other bytes."""
    import simplejpeg

    try:
        return simplejpeg.decode_jpeg_header(encoded)[:2]
    except ValueError:
        return None


def decode(encoded: bytes, channels: int, buffer: Buffer | None = None) -> np.ndarray | None:
    """The pixels of a JPEG file, uint8 (h, w, channels), 1 channel or 3, as Pillow gives them; None where simplejpeg
    refuses the file.

    A file that decodes only with a warning is refused, and so are colours where one channel is asked for; a grey file
    fills three channels. With a `buffer` the pixels lie there, and the thread's next call with it overwrites them.
    """
    return _decoded(encoded, channels, buffer, 1, strict=True)


def decode_part(encoded: bytes, channels: int, buffer: Buffer, rows: int, scale: int = 1) -> np.ndarray | None:
    """At least the upper `rows` rows of the pixels that `decode` gives, for less work, at 1 / scale of the size.

    `scale` is one of SCALES; a size that it does not divide is rounded up, and `rows` are counted before. At a scale
    above 1 fine detail of a block is left out before its pixels are computed, which is much like a mean. Warnings about
    damage do not count where rows are left out. The pixels lie in `buffer`.
    """
    shortened = _shortened(encoded, rows + 2 * scale, buffer)  # two more, as colours are interpolated between rows
    return _decoded(encoded if shortened is None else shortened, channels, buffer, scale, strict=shortened is None)


def _decoded(
    encoded: bytes | np.ndarray, channels: int, buffer: Buffer | None, scale: int, strict: bool
) -> np.ndarray | None:
    import simplejpeg

    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(encoded)
        if channels == 1 and colours != 'Gray':  # simplejpeg would drop the colours
            return None
        height, width = -(-height // scale), -(-width // scale)
        memory = buffer.of('pixels', height * width * channels) if buffer else None
        smaller = {'min_height': height, 'min_width': width, 'min_factor': scale} if scale > 1 else {}
        return simplejpeg.decode_jpeg(encoded, _COLOURS[channels], buffer=memory, strict=strict, **smaller)
    except ValueError:
        return None


def _shortened(encoded: bytes, rows: int, buffer: Buffer) -> np.ndarray | None:
    """The file in `buffer`, uint8 (n,), with a header that tells of only so many `rows`; None where it cannot be so.

    The decoder then stops there: libjpeg-turbo's functions for parts of a picture have no binding. A file without its
    end is left as it is, so that it is refused.
    """
    if encoded[-2:] != _END:
        return None
    at = 2
    while at + 9 < len(encoded) and encoded[at] == 0xFF and encoded[at + 1] in _SEGMENTS:
        at += 2 + int.from_bytes(encoded[at + 2 : at + 4], 'big')
    if at + 9 >= len(encoded) or encoded[at] != 0xFF or encoded[at + 1] not in _FRAMES:
        return None
    if int.from_bytes(encoded[at + 5 : at + 7], 'big') < rows + _WORTH:
        return None
    file = buffer.of('file', len(encoded))[: len(encoded)]
    file[:] = np.frombuffer(encoded, np.uint8)
    file[at + 5 : at + 7] = divmod(rows, 256)
    return file


def scale_for(box: tuple[int, int, int, int], target: tuple[int, int]) -> int:
    """The largest of SCALES at which a box (left, top, right, bottom) still has `target` (h, w) pixels."""
    left, top, right, bottom = box
    return next((s for s in SCALES if right - left >= s * target[1] and bottom - top >= s * target[0]), 1)
