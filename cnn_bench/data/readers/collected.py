"""A set whose pictures lie in directories and archives with their classes: counted at first, then read as a stream."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cnn_bench.data import synsets
from cnn_bench.data.class_names import check_class_names
from cnn_bench.data.picture_files import SUFFIXES
from cnn_bench.data.readers.entries import Entry
from cnn_bench.data.readers.found import Found, Request
from cnn_bench.data.readers.picture_stream import File, examples, unreadable_error
from cnn_bench.data.write import Example
from cnn_bench.errors import UserError

Member = tuple[Entry, str]  # a picture and the id of its class
Members = Callable[[], Iterator[Member]]  # goes through those of a split, each time from the beginning


@dataclass(frozen=True)
class Classes:
    """The classes of a set in their order: their ids in the source, and their names."""

    ids: tuple[str, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Counted:
    """Number of pictures of each class, and their bytes, by split."""

    images: dict[str, Counter]
    total_bytes: int

    def ids(self) -> tuple[str, ...]:
        """The classes of the training pictures, or where there are none of all, sorted."""
        return tuple(sorted(self.images['train'] if 'train' in self.images else set().union(*self.images.values())))


def is_picture(entry: Entry) -> bool:
    """Whether it is called as a picture file is."""
    return entry.name.lower().endswith(SUFFIXES)


def count(path: Path, splits: Mapping[str, Members], request: Request) -> Counted:
    """Go through all entries without reading the pictures. Raises UserError for a split without any."""
    images, total = {}, 0
    for split, members in splits.items():
        images[split] = Counter()
        for entry, class_id in request.track(members(), f'counting {split}', None):
            images[split][class_id] += 1
            total += entry.size
        if not images[split]:
            raise UserError(f'{path} has no pictures of the split {split}')
    return Counted(images, total)


def of_wordnet_ids(ids: Sequence[str], words: Mapping[str, str] | None = None) -> Classes:
    """The classes with these ids, called as `synsets.names_of` says."""
    return Classes(tuple(ids), synsets.names_of(ids, words))


def collect(
    path: Path,
    source: str,
    splits: Mapping[str, Members],
    counted: Counted,
    classes: Classes,
    image_shape: tuple[int | None, int | None, int],
    request: Request,
) -> Found:
    """The set of these splits, whose pictures are read once, as they are written.

    A picture that cannot be decoded is left out where `request` allows, else the set is refused when all were read.

    Raises:
      UserError: a picture belongs to no class, or has another size than all are said to have; a class has no training
        picture, or all of them are unreadable.
    """
    check_class_names(str(path), classes.names)
    for split, of_class in counted.images.items():
        strangers = sorted(set(of_class) - set(classes.ids))
        if strangers:
            what = 'is none of the set' if split == 'train' else 'has no training pictures'
            raise UserError(f'{path}: the class {strangers[0]!r} of {split} {what}')
    label_of = {class_id: label for label, class_id in enumerate(classes.ids)}
    unreadable: list[str] = []

    def skip(name: str) -> None:
        unreadable.append(name)
        if request.skip_unreadable:
            request.skip_unreadable(name)

    def files(split: str) -> Iterator[File]:
        for entry, class_id in splits[split]():
            yield entry.source(), label_of[class_id]

    def images(split: str) -> Iterator[Example]:
        seen = set()
        for example in examples(files(split), image_shape[2], skip):
            if None not in image_shape and example.pixels.shape != image_shape:
                raise UserError(f'{path}: a picture of {split} has the shape {example.pixels.shape}, not {image_shape}')
            seen.add(example.label)
            yield example
        if unreadable and not request.skip_unreadable and split == list(splits)[-1]:
            raise unreadable_error(unreadable)
        if request.skip_unreadable:
            _check_left(split, counted.images[split], label_of, seen, classes)

    return Found(
        class_names=classes.names,
        class_ids=classes.ids if synsets.are_wordnet_ids(classes.ids) else (),
        image_shape=image_shape,
        sizes={split: of_class.total() for split, of_class in counted.images.items()},
        total_bytes=counted.total_bytes,
        splits={split: images(split) for split in splits},
        source=source,
    )


def _check_left(split: str, before: Counter, label_of: Mapping[str, int], seen: set[int], classes: Classes) -> None:
    """Raise UserError where a class of train, or a whole split, has no picture left."""
    if not seen:
        raise UserError(f'no image of the split {split} can be read')
    for class_id in before if split == 'train' else ():
        if label_of[class_id] not in seen:
            raise UserError(f'no image of class {classes.names[label_of[class_id]]!r} in train can be read')
