"""Pictures with masks, for segmentation: a folder of pictures and one of masks for each split.

    train/images/NAME.jpg and train/masks/NAME.png, val/..., test/...      or
    train/NAME.png and trainannot/NAME.png, ...         CamVid, as the SegNet tutorial has it (Brostow et al. 2009)

A mask is a picture of 8 bits, grey or with a palette, in which a pixel is the number of its class; 255 is void, of no
class. `classes.txt` beside the splits names the classes, a line each; a last one that is called void is none, and its
pixels become 255. Known sets need no such file; void is the number behind their classes. Splits are called as in class
folders (`folders`).
"""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cnn_bench.data import pictures
from cnn_bench.data.ahead import ahead
from cnn_bench.data.class_names import check_class_names
from cnn_bench.data.described import SEGMENTATION, VOID
from cnn_bench.data.picture_files import pictures_below
from cnn_bench.data.pictures import Refusal, Refused
from cnn_bench.data.readers.folders import SPLIT_FOLDERS, split_folders
from cnn_bench.data.readers.found import Found, Request
from cnn_bench.data.readers.known_classes import CLASS_NAMES
from cnn_bench.data.readers.picture_stream import load, scan, unreadable_error
from cnn_bench.data.write import Example
from cnn_bench.errors import UserError

FORM = 'pictures with masks: train/images/NAME and train/masks/NAME.png (or train/ and trainannot/), and test/ likewise'
CLASSES = 'classes.txt'
_VOID_NAMES = ('void', 'unlabelled')


def recognises(path: Path) -> bool:
    """Whether `path` has a folder of masks for a split."""
    return any(_mask_folder(path, split) for split in SPLIT_FOLDERS)


def read(path: Path, request: Request) -> Found:
    """The set below `path`. Every picture and mask is decoded when it is written.

    Raises:
      UserError: a picture has no mask or the other way round, their sizes differ, a mask has a class that is not named,
        or a file cannot be read.
    """
    if request.skip_unreadable:
        raise UserError('--skip-unreadable is for pictures without masks')
    there = [name for name in SPLIT_FOLDERS if _mask_folder(path, name)]
    splits = {split: _pairs(path, folder) for split, folder in split_folders(path, there).items()}
    names, void = _classes(path, request.name)
    every = [(picture, 0) for pairs in splits.values() for picture, _ in pairs]
    facts = scan(request.track(every, 'reading headers', len(every)))
    if facts.unreadable:
        raise unreadable_error(facts.unreadable)
    masks = sum(os.path.getsize(mask) for pairs in splits.values() for _, mask in pairs)
    return Found(
        class_names=names,
        image_shape=(*(facts.size or (None, None)), facts.channels),
        sizes={split: len(pairs) for split, pairs in splits.items()},
        total_bytes=facts.total_bytes + masks,
        splits={split: _examples(pairs, facts.channels, len(names), void) for split, pairs in splits.items()},
        source=f'pictures with masks of {path.absolute()}',
        task=SEGMENTATION,
    )


def _mask_folder(path: Path, split: str) -> tuple[Path, Path] | None:
    """The folders of pictures and of masks of a split, where both are there."""
    for images, masks in ((path / split / 'images', path / split / 'masks'), (path / split, path / f'{split}annot')):
        if images.is_dir() and masks.is_dir():
            return images, masks
    return None


def _pairs(path: Path, split: str) -> list[tuple[str, str]]:
    """The picture and the mask of each name in a split's folders, sorted by name."""
    images, masks = (_by_stem(folder) for folder in _mask_folder(path, split))
    for one, other, what in ((images, masks, 'mask'), (masks, images, 'picture')):
        if alone := sorted(one.keys() - other.keys()):
            raise UserError(f'{one[alone[0]]} has no {what} of that name ({len(alone)} such files)')
    if not images:
        raise UserError(f'{path / split} holds no pictures')
    return [(images[stem], masks[stem]) for stem in sorted(images)]


def _by_stem(folder: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in pictures_below(str(folder)):
        if isinstance(item, Refusal):
            raise UserError(f'{item.path} {item.reason}')
        stem = os.path.splitext(os.path.relpath(item, folder))[0]
        if stem in found:
            raise UserError(f'{found[stem]} and {item} have the same name')
        found[stem] = item
    return found


def _classes(path: Path, name: str) -> tuple[tuple[str, ...], int]:
    """The names of the classes, and the number of void: that behind the classes of a known set, or of the last name."""
    file = path / CLASSES
    if not file.is_file():
        if name in CLASS_NAMES:
            return CLASS_NAMES[name], len(CLASS_NAMES[name])
        raise UserError(f'{file} is missing: the names of the classes, a line each')
    names = tuple(line.strip() for line in file.read_text(encoding='utf-8').splitlines() if line.strip())
    check_class_names(str(file), names)
    if not 2 <= len(names) <= VOID:
        raise UserError(f'{file} names {len(names)} classes; a mask can have 2 to {VOID}')
    return (names[:-1], len(names) - 1) if names[-1].lower() in _VOID_NAMES else (names, VOID)


def _examples(pairs: list[tuple[str, str]], channels: int, classes: int, void: int) -> Iterator[Example]:
    def one(pair: tuple[str, str]) -> Example:
        picture, mask = pair
        try:
            example = load(picture, channels, 0)
            numbers = _mask(mask)
        except Refused as refused:
            raise UserError(f'{picture} or its mask {refused}') from None
        if numbers.shape != example.pixels.shape[:2]:
            sizes = ('x'.join(map(str, shape[:2])) for shape in (numbers.shape, example.pixels.shape))
            raise UserError(f'{mask} is {" and its picture ".join(sizes)} pixels; they must have one size')
        numbers = np.where(numbers == void, np.uint8(VOID), numbers)
        strange = np.setdiff1d(numbers, [*range(classes), VOID])
        if strange.size:
            raise UserError(f'{mask} has a pixel of class {strange[0]}; the classes are 0 to {classes - 1}, and {VOID}')
        return Example(example.encoded, example.pixels, numbers, example.oddities)

    for _, made in ahead(one, pairs):
        yield made.result()


def _mask(path: str) -> np.ndarray:
    """The numbers of a mask's pixels, uint8 (h, w); of a palette the places in it. Raises Refused."""
    with pictures.opened(path) as picture:
        if picture.mode not in ('L', 'P'):
            raise Refused(f'has the mode {picture.mode}; a mask is grey or has a palette, of 8 bits')
        return np.array(picture)
