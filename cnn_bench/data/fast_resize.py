"""Resizing crops for training with OpenCV: some three times as fast as Pillow's, and nearly the same pixels.

Pillow's filters grow with the factor by which an image shrinks; OpenCV's have a fixed size, so that they leave out
pixels and give aliases. Here an axis that shrinks is resized to a multiple of the target first, and means of so many
pixels follow. From Pillow's antialiased result the pixels of photographs differ on average by 0.2 (enlarged) to 1 of
255 with 'bilinear' and by 0.4 to 1.3 with 'bicubic', whose kernel has another constant (-0.75, Pillow's -0.5). Random
crops of 224 from 500x375 pictures: 0.6 and 0.9 on average. Crops that are decoded smaller (`jpeg.scale_for`) are a
little sharper than Pillow's: 2 to 4.
"""

import functools
import math
from typing import Any

import numpy as np

from cnn_bench.data import preprocessing
from cnn_bench.data.preprocessing import Box

_PLAIN = 1.15  # factor up to which an axis shrinks without a mean: there the mean would differ more from Pillow's
_MOST = 3  # pixels in a mean per axis, as photographs rarely need more; beyond that Pillow resizes


def resize_into(out: np.ndarray, image: np.ndarray, box: Box, interpolation: str = 'bilinear') -> None:
    """Resize the part `box` of an image, uint8 (h, w, c), to the size of `out`, uint8 (h, w, c), and put it there.

    The box is (left, top, right, bottom) in whole pixels; `interpolation` is 'bilinear' or 'bicubic'.
    """
    cv2 = _opencv()
    left, top, right, bottom = box
    height, width = out.shape[:2]
    if (bottom - top, right - left) == (height, width):
        out[:] = image[top:bottom, left:right]
        return
    means = [max(1, math.ceil(side / _PLAIN)) for side in ((bottom - top) / height, (right - left) / width)]
    if max(means) > _MOST:
        out[:] = preprocessing.resize(image, box, (height, width), interpolation)
        return
    part, target = image[top:bottom, left:right], out
    if image.shape[2] == 1:
        part, target = part[:, :, 0], out[:, :, 0]
    kernel = {'bilinear': cv2.INTER_LINEAR, 'bicubic': cv2.INTER_CUBIC}[interpolation]
    if means == [1, 1]:
        cv2.resize(part, (width, height), dst=target, interpolation=kernel)
    else:
        larger = cv2.resize(part, (width * means[1], height * means[0]), interpolation=kernel)
        cv2.resize(larger, (width, height), dst=target, interpolation=cv2.INTER_AREA)


@functools.cache
def _opencv() -> Any:
    """OpenCV without threads of its own: the stream's threads are as many as there are cores already."""
    import cv2

    cv2.setNumThreads(1)
    return cv2
