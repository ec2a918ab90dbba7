"""What a reader is asked for and what it returns, and returning arrays of pixels and labels after checking them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnn_bench.data.described import CLASSIFICATION
from cnn_bench.data.pictures import encode_png
from cnn_bench.data.progress import Track
from cnn_bench.data.readers import known_classes
from cnn_bench.data.write import Example
from cnn_bench.errors import UserError


@dataclass(frozen=True)
class Request:
    """What `prepare` asks of a reader: the name of the new set, which may tell the names of its classes; how progress
    is shown; and what is called with the path of each picture file that cannot be read, where those may be left out."""

    name: str
    track: Track
    skip_unreadable: Callable[[str], None] | None = None


@dataclass(frozen=True)
class Found:
    """A data set as a reader found it: its facts, checked, and its images, which are encoded as they are written.

    `image_shape` is (h, w, c), with None for h and w if sizes vary. `sizes` and `total_bytes` are about what the shards
    will hold and take: pictures may turn out to be unreadable, and be left out. `class_ids` are WordNet ids.
    """

    class_names: tuple[str, ...]
    image_shape: tuple[int | None, int | None, int]
    sizes: dict[str, int]
    total_bytes: int
    splits: dict[str, Iterable[Example]]
    source: str
    class_ids: tuple[str, ...] = ()
    task: str = CLASSIFICATION


def of_arrays(
    where: Path, form: str, splits: dict[str, tuple], class_names: tuple[str, ...] | None = None, name: str = ''
) -> Found:
    """The set whose splits are pairs of images, uint8 (n, h, w) or (n, h, w, 1 or 3), and labels, integers (n,).

    The images are an array, or anything with `shape` and `len` that can be iterated over. Without class names, those of
    the set `name` are taken, or the labels themselves; see known_classes.py.

    Raises:
      UserError: numbers of images and labels differ, a label is out of range, or images differ in size.
    """
    for split, (images, labels) in splits.items():
        if len(images) != len(labels) or not len(images):
            raise UserError(f'{where}: {len(images)} {split} images with {len(labels)} labels')
    if class_names is None:
        class_names, splits = known_classes.from_labels(where, name, splits)
    shapes = {}
    for split, (images, labels) in splits.items():
        wrong = np.flatnonzero((labels < 0) | (labels >= len(class_names)))
        if len(wrong):
            raise UserError(
                f'{where}: image {wrong[0]} of {split} has label {labels[wrong[0]]}; '
                f'the {len(class_names)} classes have labels 0 to {len(class_names) - 1}'
            )
        height, width, *channels = images.shape[1:]
        shapes[split] = (height, width, *(channels or (1,)))
    if len(set(shapes.values())) > 1:
        raise UserError(f'{where}: images differ in size: {", ".join(f"{s} {x}" for s, x in shapes.items())}')
    shape = shapes['train']
    sizes = {split: len(labels) for split, (_, labels) in splits.items()}
    return Found(
        class_names=class_names,
        image_shape=shape,
        sizes=sizes,
        total_bytes=sum(sizes.values()) * int(np.prod(shape)),
        splits={split: examples(images, labels) for split, (images, labels) in splits.items()},
        source=f'{form} of {where.absolute()}',
    )


def examples(images: Iterable[np.ndarray], labels: np.ndarray) -> Iterator[Example]:
    """Each image, uint8 (h, w) or (h, w, 1 or 3), as a PNG, with its label."""
    for image, label in zip(images, labels, strict=True):
        pixels = np.ascontiguousarray(image.reshape(*image.shape[:2], -1))
        yield Example(encode_png(pixels), pixels, int(label))
