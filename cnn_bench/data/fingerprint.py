"""The fingerprint of a data set, its mean and its standard deviation, computed in one pass over the images.

The fingerprint is a sha256 over the class names and over every label and image, in the order of the splits. It hashes
what changes only if the data change: of a PNG the pixels, since encoders differ between library versions; of a JPEG the
bytes, since decoders do.
"""

import hashlib
import math
from collections.abc import Iterable

import numpy as np
from PIL import Image

JPEG_MAGIC = b'\xff\xd8\xff'


class Tally:
    """Labels, hash and histogram per channel of a split, added up image by image."""

    def __init__(self, channels: int):
        self.images = 0
        self.labels: list[int] = []  # of images that have no mask
        self.histogram = np.zeros((channels, 256), np.int64)
        self._hash = hashlib.sha256()

    def add(self, encoded: bytes, label: int | np.ndarray, pixels: np.ndarray) -> None:
        """Add an image: the bytes of its file, its label or mask (uint8 (h, w)), and its pixels, uint8 (h, w, c)."""
        self.images += 1
        self.labels += [label] if isinstance(label, int) else []
        # Pillow's histogram is several times as fast as sums of pixels and squares in numpy.
        image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
        self.histogram += np.reshape(image.histogram(), (-1, 256))
        self._hash.update(label.to_bytes(4, 'little') if isinstance(label, int) else _digest(b'', label))
        self._hash.update(_digest(encoded, pixels))

    def hexdigest(self) -> str:
        """The fingerprint of the split."""
        return self._hash.hexdigest()

    def mean(self) -> list[float]:
        """Per channel, in units of 0..1."""
        return [total / n / 255 for n, total, _ in self._moments()]

    def std(self) -> list[float]:
        """Per channel, in units of 0..1, of the population. The sums are integers and therefore exact."""
        return [math.sqrt(n * squares - total**2) / n / 255 for n, total, squares in self._moments()]

    def _moments(self) -> list[tuple[int, int, int]]:
        """Number of pixels, their sum and the sum of their squares, per channel."""
        return [
            tuple(sum(count * value**power for value, count in enumerate(channel)) for power in range(3))
            for channel in self.histogram.tolist()
        ]


def fingerprint(class_names: Iterable[str], tallies: dict[str, Tally]) -> str:
    """The fingerprint of a set, from its class names and splits; it does not depend on the order of the splits."""
    lines = list(class_names)
    lines += [f'{split} {tally.images} {tally.hexdigest()}' for split, tally in sorted(tallies.items())]
    return hashlib.sha256('\n'.join(lines).encode()).hexdigest()


def statistics(tallies: dict[str, Tally]) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of the training images; of a set that has none, of those of its first split."""
    tally = tallies.get('train') or next(iter(tallies.values()))
    return tally.mean(), tally.std()


def _digest(encoded: bytes, pixels: np.ndarray) -> bytes:
    if encoded.startswith(JPEG_MAGIC):
        return hashlib.sha256(encoded).digest()
    return hashlib.sha256(f'{pixels.shape}'.encode() + pixels.tobytes()).digest()
