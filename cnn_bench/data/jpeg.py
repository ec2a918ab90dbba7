"""Decoding JPEG files fast, with libjpeg-turbo through simplejpeg, at full size to the pixels that Pillow gives.

simplejpeg takes a third less time than Pillow: it writes the pixels once, into memory that the caller lends. What it
refuses (other formats, unusual subsamplings, damaged files) is left to Pillow.
"""

import threading

import numpy as np

SCALES = (8, 4, 2, 1)  # at which decoding is faster than at full size; libjpeg-turbo has others, which are slower
_KEPT_BYTES = 32 << 20  # of a buffer; larger pictures get memory of their own
_COLOURS = {1: 'GRAY', 3: 'RGB'}


class Buffer:
    """Memory for the pixels of one picture per thread, used again for the next: fresh memory costs page faults.

    It can be pickled; the copy is empty.
    """

    def __init__(self):
        self._of_thread = threading.local()

    def __reduce__(self):
        return Buffer, ()

    def of(self, count: int) -> np.ndarray:
        """At least `count` bytes, uint8, which this thread's next call may hand out again."""
        if count > _KEPT_BYTES:
            return np.empty(count, np.uint8)
        held = getattr(self._of_thread, 'held', None)
        if held is None or len(held) < count:
            held = self._of_thread.held = np.empty(count, np.uint8)
        return held


def size(encoded: bytes) -> tuple[int, int] | None:
    """Height and width of a JPEG file that `decode` can probably read; None for any other bytes."""
    import simplejpeg

    try:
        return simplejpeg.decode_jpeg_header(encoded)[:2]
    except ValueError:
        return None


def decode(
    encoded: bytes, channels: int, buffer: Buffer | None = None, scale: int = 1
) -> np.ndarray | None:
    """The pixels of a JPEG file, uint8 (h, w, channels), 1 channel or 3; None where simplejpeg refuses the file.

    At full size they are those of Pillow. A file that decodes only with a warning is refused, and so are colours where
    one channel is asked for; a grey file fills three channels.

    Args:
      encoded: the bytes of the file.
      channels: of the result.
      buffer: where the pixels are put; the next call with it overwrites them. None: memory of their own.
      scale: decode at 1 / scale of the size, rounded up, `scale` one of SCALES. What a block of pixels has in fine
        detail is left out before they are computed, much like a mean.
    """
    import simplejpeg

    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(encoded)
        if channels == 1 and colours != 'Gray':  # simplejpeg would drop the colours
            return None
        height, width = -(-height // scale), -(-width // scale)
        smaller = {'min_height': height, 'min_width': width, 'min_factor': scale} if scale > 1 else {}
        return simplejpeg.decode_jpeg(
            encoded, _COLOURS[channels], buffer=buffer and buffer.of(height * width * channels), **smaller
        )
    except ValueError:
        return None


def scale_for(box: tuple[int, int, int, int], target: tuple[int, int]) -> int:
    """The smallest scale at which a box (left, top, right, bottom) still has `target` (h, w) pixels."""
    left, top, right, bottom = box
    return next((s for s in SCALES if right - left >= s * target[1] and bottom - top >= s * target[0]), 1)
