"""Facts about a data set that are known without reading its images, and the quick check that it is complete."""

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

from cnn_bench.data import locate
from cnn_bench.data.described import CLASSIFICATION, FILES, Unfit, read_description, shard_file
from cnn_bench.errors import UserError


@dataclass(frozen=True)
class Shard:
    """An ArrayRecord file of a split: its name, number of images, and size."""

    file: str
    split: str
    images: int
    bytes: int


@dataclass(frozen=True)
class Info:
    """Facts about a data set, from its JSON files."""

    name: str
    version: str
    directory: Path
    num_classes: int
    class_names: tuple[str, ...]
    channels: int
    image_shape: tuple[int, int, int] | None  # (h, w, c); None if sizes vary
    sizes: dict[str, int]  # split -> number of images
    mean: tuple[float, ...]  # per channel over all pixels of the train split, or else the first, in units of 0..1
    std: tuple[float, ...]  # standard deviation of the same pixels
    fingerprint: str  # sha256 of the content, in hex; see fingerprint.py
    shards: tuple[Shard, ...]
    source: str  # the files it was prepared from
    class_ids: tuple[str, ...] = ()  # WordNet ids of the classes, where they have any
    oddities: dict[str, int] = field(default_factory=dict)  # what was odd about picture files, and in how many
    reduced: dict[str, int] | None = None  # 'shorter_side' and 'quality' that larger pictures were stored with
    task: str = CLASSIFICATION  # or SEGMENTATION: a label is a mask, a class for each pixel

    @property
    def total_bytes(self) -> int:
        """Size of the shards on disk, in bytes."""
        return sum(shard.bytes for shard in self.shards)

    def of_classes(self, classes: tuple[int, ...]) -> 'Info':
        """The facts for `classes` only, in that order, or for all if it is empty. Mean, sizes and shards do not change.

        Raises UserError for an unknown label.
        """
        for label in classes:
            if label >= self.num_classes:
                raise UserError(
                    f'config.dataset.classes has {label}; the classes of {self.name} are 0 to {self.num_classes - 1}'
                )
        names = tuple(self.class_names[label] for label in classes)
        ids = tuple(self.class_ids[label] for label in classes) if self.class_ids else ()
        return replace(self, num_classes=len(classes), class_names=names, class_ids=ids) if classes else self

    def shard_of(self, split: str, index: int) -> Shard:
        """The shard with image `index` of `split`."""
        for shard in self.shards:
            if shard.split == split:
                if index < shard.images:
                    return shard
                index -= shard.images
        raise IndexError(f'{split} has no image {index}')


def info(name: str, data_dir: str | os.PathLike | None = None) -> Info:
    """The facts about the set `name`, from its JSON files; checks that all files exist and have their sizes.

    Raises:
      UserError: there is no such set, or it is half-written or damaged; the message names the file.
    """
    directory = locate.find(name, data_dir)
    return read_info(name, directory, data_dir)


def read_info(name: str, directory: Path, data_dir: str | os.PathLike | None = None) -> Info:
    """`info` for a caller that knows the directory of the set."""
    if directory.name != locate.VERSION:
        raise UserError(
            f'data set {name!r} in {directory} was not written by cnn-bench and lacks facts that it needs (mean, '
            f'std, fingerprint); to prepare it: `{locate.prepare_command(name, data_dir)}`'
        )
    for file in FILES:
        if not (directory / file).is_file():
            raise damaged(name, directory, file, 'is missing', data_dir)
    try:
        described, facts = read_description(directory)
    except Unfit as unfit:
        raise damaged(name, directory, unfit.file, str(unfit), data_dir) from None
    result = _assemble(name, directory, described, facts)
    for shard in result.shards:
        path = directory / shard.file
        if not path.is_file():
            raise damaged(name, directory, shard.file, 'is missing', data_dir)
        if path.stat().st_size != shard.bytes:
            what = f'has {path.stat().st_size:,} bytes, not the {shard.bytes:,} that were written'
            raise damaged(name, directory, shard.file, what, data_dir)
    return result


def _assemble(name: str, directory: Path, described: dict, facts: dict) -> Info:
    """The Info from the checked content of TFDS's dataset_info.json and of our metadata.json."""
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
        class_ids=tuple(facts.get('class_ids', ())),
        oddities=facts.get('oddities', {}),
        reduced=facts.get('reduced'),
        task=facts.get('task', CLASSIFICATION),
    )


def damaged(name: str, directory: Path, file: str, what: str, data_dir=None) -> UserError:
    """The error for a set with a file that is not as it was written."""
    if locate.is_packaged(directory):
        cure = 'it comes with cnn_bench: reinstall that'
    else:
        cure = f'to prepare it again: `{locate.prepare_command(name, data_dir, overwrite=True)}`'
    return UserError(f'data set {name!r} is damaged: {directory / file} {what}; {cure}')
