"""The crops of one picture that published evaluations average over. All are uint8 (h, w, c); none is mirrored.

Offsets of centres are rounded as `preprocessing.centre` rounds them.
"""

import numpy as np

from cnn_bench.data.preprocessing import centre, resize


def five_crops(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(5, h, w, c) of `size` (h, w): top left, top right, bottom left, bottom right and centre of an image.

    With their mirrors these are the ten crops of Krizhevsky et al. 2012, whose image is the central square of the
    resized picture (`central_square`), and which He et al. 2016 call standard. Torchvision's `TenCrop` on a `Resize`
    takes the corners of the whole picture instead: there, give the whole picture. Raises ValueError for an image that
    is smaller than `size`.
    """
    (height, width), (bottom, right) = size, (image.shape[0] - size[0], image.shape[1] - size[1])
    if min(bottom, right) < 0:
        raise ValueError(f'no crops of {height}x{width} in an image of {image.shape[0]}x{image.shape[1]}')
    corners = [image[top : top + height, left : left + width] for top in (0, bottom) for left in (0, right)]
    return np.stack([*corners, centre(image, size)])


def central_square(image: np.ndarray) -> np.ndarray:
    """The largest square at the centre of an image."""
    return centre(image, (min(image.shape[:2]),) * 2)


def three_squares(image: np.ndarray) -> np.ndarray:
    """(3, s, s, c), the largest squares at the left, centre and right of an image, or top, centre and bottom of one
    that is higher than wide."""
    side = min(image.shape[:2])
    upright = image.shape[0] > side
    last = image[-side:] if upright else image[:, -side:]
    return np.stack([image[:side, :side], central_square(image), last])


def googlenet_crops(image: np.ndarray, size: tuple[int, int], interpolation: str = 'bilinear') -> np.ndarray:
    """(18, h, w, c): `five_crops` of each of an image's `three_squares`, and each square resized to `size` (h, w).

    At four scales and with their mirrors these are the 144 crops of Szegedy et al. 2015, section 7.
    """
    crops = []
    for square in three_squares(image):
        whole = resize(square, (0, 0, *square.shape[1::-1]), size, interpolation)
        crops += [five_crops(square, size), whole[None]]
    return np.concatenate(crops)
