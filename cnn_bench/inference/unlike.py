"""Whether a picture looks unlike the images that a network was trained on, by the mean and the spread of its pixels.

Normalised as for the network, the training images have mean 0 and spread 1 as a whole. Single ones lie around that: of
the 12,000 packaged images of Fashion-MNIST the means go from -0.7 to 1.3 and the spreads from 0.2 to 1.3.
"""

import numpy as np

from cnn_bench.data.preprocessing import Preprocessing
from cnn_bench.pretrained.layout import IMAGENET_MEAN, IMAGENET_STD

MEAN = 1.5  # a picture whose normalised mean is farther from 0 is brighter or darker than the training images
SPREAD = 0.1  # a picture whose normalised standard deviation, within its channels, is smaller is almost one colour
STATISTIC = 0.1, 0.49  # standard deviations that images from 0 to 1 have; others are a convention, not measured


def remark(image: np.ndarray, preprocessing: Preprocessing) -> str:
    """What is unlike the training images in `image` uint8 (h, w, c), as the network takes it; empty where nothing is.

    Where mean and standard deviation of `preprocessing` are a convention, such as 0.5 and 0.5, ImageNet's are taken.
    """
    mean, std = (np.array(value) for value in (preprocessing.mean, preprocessing.std))
    if not ((std >= STATISTIC[0]) & (std <= STATISTIC[1])).all():
        mean, std = np.array(IMAGENET_MEAN), np.array(IMAGENET_STD)
    pixels = (image.reshape(-1, image.shape[2]) / 255 - mean) / std
    average, spread = pixels.mean(), np.sqrt(pixels.var(axis=0).mean())
    if spread < SPREAD:
        return f'almost one colour (spread {spread:.2f} of that of the training images)'
    if abs(average) > MEAN:
        kind, cause = ('brighter', ', is it inverted, or on white?') if average > 0 else ('darker', '')
        return f'much {kind} than the training images (by {abs(average):.1f} of their standard deviations){cause}'
    return ''
