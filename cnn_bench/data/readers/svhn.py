"""SVHN, street view house numbers of Netzer et al. 2011 (http://ufldl.stanford.edu/housenumbers/), as cropped digits.

`train_32x32.mat` and `test_32x32.mat`, and where it is there `extra_32x32.mat`, which becomes the split 'extra'. In
them the digit 0 has the label 10. Whole files are in memory: 1.7 GB for extra's 531,131 images.
"""

from pathlib import Path

import numpy as np

from cnn_bench.data.readers.found import Found, Request, of_arrays
from cnn_bench.errors import UserError

FORM = 'SVHN: a directory with train_32x32.mat, test_32x32.mat and, where wanted, extra_32x32.mat'
_FILES = {split: f'{split}_32x32.mat' for split in ('train', 'test', 'extra')}
_DIGITS = tuple('0123456789')


def recognises(path: Path) -> bool:
    """Whether `path` is a directory with one of the files."""
    return any((path / file).is_file() for file in _FILES.values())


def read(path: Path, request: Request) -> Found:
    """The set of a directory of SVHN's files.

    Raises:
      UserError: a file is missing or damaged, or a label is no digit.
    """
    splits = {}
    for split, file in _FILES.items():
        if (path / file).is_file():
            splits[split] = _split(path / file)
        elif split != 'extra':
            raise UserError(f'{path / file} is missing')
    return of_arrays(path, 'SVHN', splits, _DIGITS)


def _split(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 (n, 32, 32, 3) and their digits."""
    from scipy.io import loadmat

    try:
        content = loadmat(path, variable_names=('X', 'y'))
    except Exception as error:  # scipy raises nearly anything for what is damaged
        what = str(error).split('\n')[0] or type(error).__name__
        raise UserError(f'{path} cannot be read: {what}') from None
    for name in ('X', 'y'):
        if name not in content:
            raise UserError(f'{path} has no variable {name}; SVHN has X, the images, and y, the labels')
    images, labels = content['X'], content['y'].ravel()
    if images.ndim != 4 or images.shape[2] != 3 or images.dtype != np.uint8:
        raise UserError(f'{path}: X is {images.dtype} of shape {images.shape}, not uint8 (h, w, 3, n)')
    if labels.dtype.kind not in 'ui':
        raise UserError(f'{path}: y is {labels.dtype}, not integers')
    wrong = labels[(labels < 1) | (labels > 10)]
    if len(wrong):
        raise UserError(f'{path} has a label {wrong[0]}; labels are 1 to 10, and 10 is the digit 0')
    return images.transpose(3, 0, 1, 2), labels % 10
