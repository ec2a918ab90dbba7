"""What is known of a data set without reading its images, and the cheap check that it is whole."""

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

from cnn_bench.data import locate
from cnn_bench.errors import UserError

FILES = ('dataset_info.json', 'features.json', 'metadata.json', 'label.labels.txt')


@dataclass(frozen=True)
class Shard:
    """One ArrayRecord file of a split: its name, how many images it holds, and its size."""

    file: str
    split: str
    images: int
    bytes: int


@dataclass(frozen=True)
class Info:
    """Facts of a data set; all of them come from its JSON files."""

    name: str
    version: str
    directory: Path
    num_classes: int
    class_names: tuple[str, ...]
    channels: int
    image_shape: tuple[int, int, int] | None  # (h, w, c); None where sizes vary
    sizes: dict[str, int]  # split -> number of images
    mean: tuple[float, ...]  # per channel over all pixels of the train split, in units of 0..1
    std: tuple[float, ...]  # the same pixels' standard deviation
    fingerprint: str  # sha256 of the content, in hex; see fingerprint.py
    shards: tuple[Shard, ...]
    source: str  # what it was prepared from

    @property
    def total_bytes(self) -> int:
        """Size of the shards on disk, in bytes."""
        return sum(shard.bytes for shard in self.shards)

    def of_classes(self, classes: tuple[int, ...]) -> 'Info':
        """The facts with `classes` alone, in that order; () leaves all. Mean, sizes and shards stay those of the whole.

        Raises UserError for a label that there is not.
        """
        for label in classes:
            if label >= self.num_classes:
                raise UserError(f'config.dataset.classes has {label}; {self.name} has {self.num_classes}, from 0')
        names = tuple(self.class_names[label] for label in classes)
        return replace(self, num_classes=len(classes), class_names=names) if classes else self

    def shard_of(self, split: str, index: int) -> Shard:
        """The shard that holds the image `index` of `split`."""
        for shard in self.shards:
            if shard.split == split:
                if index < shard.images:
                    return shard
                index -= shard.images
        raise IndexError(f'{split} has no image {index}')


def info(name: str, data_dir: str | os.PathLike | None = None) -> Info:
    """The facts of the set `name`, from its JSON files; the files' existence and sizes are checked.

    Raises:
      UserError: there is no such set, or it is half-written or damaged; the message names the file.
    """
    directory = locate.find(name, data_dir)
    return read_info(name, directory, data_dir)


def read_info(name: str, directory: Path, data_dir: str | os.PathLike | None = None) -> Info:
    """`info` of the set in `directory`, for a caller that has found it."""
    if directory.name != locate.VERSION:
        raise UserError(
            f'data set {name!r} in {directory} was not written by cnn-bench and lacks the facts that it needs (mean, '
            f'std, fingerprint); to prepare it: `{locate.prepare_command(name, data_dir)}`'
        )
    for file in FILES:
        if not (directory / file).is_file():
            raise damaged(name, directory, file, 'is missing', data_dir)
    described = _json(name, directory, 'dataset_info.json', data_dir)
    facts = _json(name, directory, 'metadata.json', data_dir)
    try:
        result = _assemble(name, directory, described, facts)
    except (KeyError, TypeError, ValueError, AttributeError):
        what = 'does not hold what `cnn-bench data prepare` writes (mean, std, fingerprint)'
        raise damaged(name, directory, 'metadata.json', what, data_dir) from None
    for shard in result.shards:
        path = directory / shard.file
        if not path.is_file():
            raise damaged(name, directory, shard.file, 'is missing', data_dir)
        if path.stat().st_size != shard.bytes:
            what = f'has {path.stat().st_size:,} bytes, not the {shard.bytes:,} that were written'
            raise damaged(name, directory, shard.file, what, data_dir)
    return result


def _assemble(name: str, directory: Path, described: dict, facts: dict) -> Info:
    """The Info in TFDS's dataset_info.json and our metadata.json, as they are parsed."""
    shards = []
    for split in described['splits']:
        for number, images in enumerate(split['shardLengths']):
            file = shard_file(described['name'], split['name'], number)
            shards.append(Shard(file, split['name'], int(images), facts['shard_bytes'][file]))
    sizes = {shard.split: 0 for shard in shards}
    for shard in shards:
        sizes[shard.split] += shard.images
    return Info(
        name=name,
        version=described['version'],
        directory=directory,
        num_classes=len(facts['class_names']),
        class_names=tuple(facts['class_names']),
        channels=facts['channels'],
        image_shape=tuple(facts['image_shape']) if facts['image_shape'] else None,
        sizes=sizes,
        mean=tuple(facts['mean']),
        std=tuple(facts['std']),
        fingerprint=facts['fingerprint'],
        shards=tuple(shards),
        source=facts['source'],
    )


def shard_file(name: str, split: str, number: int) -> str:
    """The name of a shard, as TFDS's SequentialWriter makes it."""
    return f'{name}-{split}.array_record-{number:05d}'


def damaged(name: str, directory: Path, file: str, what: str, data_dir=None) -> UserError:
    """The error for a set one of whose files is not as it was written."""
    if locate.is_packaged(directory):
        cure = 'it comes with cnn_bench: install that again'
    else:
        cure = f'to prepare it again: `{locate.prepare_command(name, data_dir, overwrite=True)}`'
    return UserError(f'data set {name!r} is damaged: {directory / file} {what}; {cure}')


def _json(name: str, directory: Path, file: str, data_dir) -> dict:
    try:
        return json.loads((directory / file).read_text())
    except (ValueError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise damaged(name, directory, file, f'cannot be read ({reason})', data_dir) from None
