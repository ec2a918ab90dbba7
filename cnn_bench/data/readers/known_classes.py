"""Names of the classes of sets whose files hold only numbers."""

import string

import numpy as np

from cnn_bench.errors import UserError

_BALANCED = tuple(string.digits + string.ascii_uppercase + 'abdefghnqrt')  # the others look like their capitals

CLASS_NAMES = {
    'fashion_mnist': (
        'T-shirt/top',
        'Trouser',
        'Pullover',
        'Dress',
        'Coat',
        'Sandal',
        'Shirt',
        'Sneaker',
        'Bag',
        'Ankle boot',
    ),
    'camvid': (
        *('Sky', 'Building', 'Pole', 'Road', 'Pavement', 'Tree', 'SignSymbol', 'Fence', 'Car', 'Pedestrian'),
        'Bicyclist',
    ),
    'kmnist': ('o', 'ki', 'su', 'tsu', 'na', 'ha', 'ma', 'ya', 're', 'wo'),
    'emnist_balanced': _BALANCED,
    'emnist_bymerge': _BALANCED,
    'emnist_byclass': tuple(string.digits + string.ascii_uppercase + string.ascii_lowercase),
    'emnist_letters': tuple(string.ascii_uppercase),
}
FROM_1 = ('emnist_letters',)  # their labels count from 1


def class_names(name: str, num_classes: int, first: int = 0) -> tuple[str, ...]:
    """The class names of the set `name` if they are known, else its labels from `first` on: '0', '1', ..."""
    return CLASS_NAMES.get(name) or tuple(map(str, range(first, first + num_classes)))


def from_labels(where: object, name: str, splits: dict[str, tuple]) -> tuple[tuple[str, ...], dict[str, tuple]]:
    """The class names of the set `name`, and its splits of images and labels with the labels counted from 0.

    A set that is not known has a class for each label, called by it. Labels may count from 1: those of sets FROM_1, and
    any whose lowest label is 1.

    Raises:
      UserError: of a set that is not known, a class has no training image.
    """
    lowest = min(int(labels.min()) for _, labels in splits.values())
    first = 1 if lowest == 1 or (lowest > 1 and name in FROM_1) else 0
    splits = {split: (images, labels.astype(np.int64) - first) for split, (images, labels) in splits.items()}
    there = set(splits['train'][1].tolist())
    count = 1 + max(int(labels.max()) for _, labels in splits.values())
    if name not in CLASS_NAMES:
        empty = next((label for label in range(count) if label not in there), None)
        if empty is not None:
            raise UserError(f'{where}: no training image has label {empty + first}')
    return class_names(name, count, first), splits
