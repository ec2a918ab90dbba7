"""Preparing a data set from IDX files or from class folders of images, so that it can be opened by name."""

import os
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TypeVar

from cnn_bench.data import folders, idx, locate, write
from cnn_bench.data.facts import Info, info
from cnn_bench.errors import UserError, printable

T = TypeVar('T')
# (items, description, number of items or None) -> the same items
Track = Callable[[Iterable[T], str, int | None], Iterable[T]]

SHARD_BYTES = 128 * 2**20  # about the size of a shard
_SHOWN = 5  # unreadable files in the message


def untracked(items: Iterable[T], description: str, total: int | None) -> Iterable[T]:
    """The items, without showing progress."""
    return items


def prepare(
    name: str,
    source: str | os.PathLike,
    data_dir: str | os.PathLike | None = None,
    *,
    overwrite: bool = False,
    track: Track = untracked,
    skip_unreadable: Callable[[str], None] | None = None,
) -> Info:
    """Write the data set `name` to the data directory and return its facts.

    Only a few images are in memory at a time (or all of the IDX files). The set appears when it is complete; after an
    error, nothing has changed.

    Args:
      name: the name of the set, from which the class names of known sets of IDX files are taken.
      source: a directory with the four IDX files, or with class folders (see folders.py).
      data_dir: the data directory; see `locate.data_directory`.
      overwrite: replace an existing set of that name.
      track: shows the progress over items that it passes on.
      skip_unreadable: leave out image files that cannot be read, calling this with each path. By default a single one
        is an error. Every file is decoded once more to find them.

    Raises:
      UserError: the source has another layout or unreadable files, or the set cannot be written.
    """
    locate.check_name(name)
    if (locate.PACKAGED / name).exists():
        raise UserError(f'{name!r} is the name of a packaged data set; choose another')
    source = Path(source).expanduser()
    if not source.is_dir():
        raise UserError(f'{source} is not a directory; --from takes one with IDX files or class folders')
    directory = locate.data_directory(data_dir) / name / locate.VERSION
    if directory.exists() and not overwrite:  # `staged` checks this too, but only after reading the source
        raise write.exists(directory)
    try:
        if idx.is_idx(source):
            _from_idx(name, source, directory, overwrite, track)
        else:
            _from_folders(name, source, directory, overwrite, track, skip_unreadable)
    except OSError as error:
        where = error.filename or directory
        raise UserError(f'{name} could not be prepared: {where}: {error.strerror}') from None
    return info(name, data_dir)


def _from_idx(name: str, source: Path, directory: Path, overwrite: bool, track: Track) -> None:
    arrays = {split: idx.read(source, split) for split in idx.PREFIXES}
    shapes = {images.shape[1:] for images, _ in arrays.values()}
    if len(shapes) > 1:
        raise UserError(f'{source}: train and t10k images differ in size')
    first = min(int(labels.min()) for _, labels in arrays.values())
    first = first if first == 1 else 0  # some sets, such as EMNIST's letters, count their labels from 1
    arrays = {split: (images, labels - first) for split, (images, labels) in arrays.items()}
    num_classes = 1 + max(int(labels.max()) for _, labels in arrays.values())
    class_names = idx.class_names(name, num_classes, first)
    if num_classes > len(class_names):
        raise UserError(f'{source}: label {num_classes - 1} where {name} has {len(class_names)} classes')
    empty = sorted(set(range(num_classes)) - set(arrays['train'][1].tolist()))
    if empty:
        raise UserError(f'{source}: no training image has label {empty[0] + first}')
    total = sum(images.nbytes for images, _ in arrays.values())
    count = sum(len(images) for images, _ in arrays.values())
    plan = write.Plan(
        name=name,
        class_names=class_names,
        image_shape=(*shapes.pop(), 1),
        images_per_shard=_per_shard(count, total),
        source=printable(f'IDX files of {source.absolute()}'),
    )
    splits = {
        split: track(idx.examples(images, labels), f'writing {split}', len(images))
        for split, (images, labels) in arrays.items()
    }
    with write.staged(directory, overwrite) as stage:
        write.write(stage, plan, splits)


def _from_folders(
    name: str,
    source: Path,
    directory: Path,
    overwrite: bool,
    track: Track,
    skip_unreadable: Callable[[str], None] | None,
) -> None:
    listing = folders.list_files(source)
    if skip_unreadable:
        bad: set[str] = set()
        for split, files in listing.splits.items():
            for _ in folders.examples(track(files, f'reading {split}', len(files)), 3, bad.add):
                pass
        for path in sorted(bad):
            skip_unreadable(path)
        listing = listing.without(bad)
    count = sum(map(len, listing.splits.values()))
    scan = folders.scan(track(chain(*listing.splits.values()), 'reading headers', count))
    others = f' ({listing.skipped} other files skipped)' * (listing.skipped > 0)
    unreadable = set(scan.unreadable)

    def images(split: str) -> Iterator[write.Example]:
        files = track(listing.splits[split], f'writing {split}', len(listing.splits[split]))
        readable = (file for file in files if file[0] not in unreadable)
        yield from folders.examples(readable, scan.channels, unreadable.add)
        if unreadable and split == list(listing.splits)[-1]:
            raise _unreadable(unreadable)

    if unreadable:  # write nothing, but decode the others too, to name all unreadable files at once
        for _ in chain.from_iterable(map(images, listing.splits)):
            pass
    plan = write.Plan(
        name=name,
        class_names=listing.class_names,
        image_shape=(*(scan.size or (None, None)), scan.channels),
        images_per_shard=_per_shard(count, scan.total_bytes),
        source=printable(f'class folders of {source.absolute()}{others}'),
    )
    with write.staged(directory, overwrite) as stage:
        write.write(stage, plan, {split: images(split) for split in listing.splits})


def _per_shard(count: int, total_bytes: int) -> int:
    return max(1, count * SHARD_BYTES // max(1, total_bytes))


def _unreadable(paths: Iterable[str]) -> UserError:
    paths = sorted(paths)
    shown = ', '.join(paths[:_SHOWN]) + (', ...' if len(paths) > _SHOWN else '')
    return UserError(f'{len(paths)} unreadable image(s), nothing was written: {shown}')
