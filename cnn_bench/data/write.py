"""Writing a data set as TFDS ArrayRecord shards: as a stream, which needs little memory, and all or nothing.

This uses TFDS's SequentialWriter, since its GeneratorBasedBuilder collects a split before writing it and needs
TensorFlow's file system beyond 1 GB.
"""

import contextlib
import importlib.metadata
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnn_bench.data import labels
from cnn_bench.data.described import CLASSIFICATION, SEGMENTATION, shard_file
from cnn_bench.data.fingerprint import Tally, fingerprint, statistics
from cnn_bench.data.locate import UNFINISHED, VERSION
from cnn_bench.data.pictures import encode_png
from cnn_bench.errors import UserError
from cnn_bench.files import cannot_write, try_lock


@dataclass(frozen=True)
class Example:
    """An image to be written: the bytes of its file, its pixels (uint8 (h, w, c)), its class or its mask (uint8 (h, w),
    a class for each pixel), and what was odd about the file that it comes from, in words that can follow a number of
    pictures."""

    encoded: bytes
    pixels: np.ndarray
    label: int | np.ndarray
    oddities: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """The facts of a new set. `image_shape` is (h, w, c), with None for h and w if sizes vary; `class_ids` are WordNet
    ids, where the classes have any."""

    name: str
    class_names: tuple[str, ...]
    image_shape: tuple[int | None, int | None, int]
    images_per_shard: int
    source: str
    license: str | None = None
    class_ids: tuple[str, ...] = ()
    reduced: dict[str, int] | None = None  # how larger pictures were made smaller; see reduce.py
    task: str = CLASSIFICATION  # or SEGMENTATION: whose examples have masks


def write(directory: Path, plan: Plan, splits: dict[str, Iterable[Example]]) -> None:
    """Write the examples of each split in their order, and the facts about the set, to the empty `directory`.

    Raises:
      UserError: it cannot be written.
    """
    import tensorflow_datasets as tfds

    if plan.task == SEGMENTATION:
        label = tfds.features.Image(shape=(*plan.image_shape[:2], 1), encoding_format='png')
    else:
        label = tfds.features.ClassLabel(names=list(plan.class_names))
    features = tfds.features.FeaturesDict({'image': tfds.features.Image(shape=plan.image_shape), 'label': label})
    identity = tfds.core.dataset_info.DatasetIdentity(
        name=plan.name, version=tfds.core.Version(VERSION), data_dir=os.fspath(directory), module_name=''
    )
    described = tfds.core.DatasetInfo(
        builder=identity,
        features=features,
        supervised_keys=('image', 'label'),
        disable_shuffling=True,
        license=plan.license,
    )
    writer = tfds.core.SequentialWriter(described, plan.images_per_shard, file_format='array_record')
    writer._serializer = _same_bytes_each_time(features)
    writer.initialize_splits(list(splits))
    tallies = {split: Tally(plan.image_shape[-1]) for split in splits}
    oddities: Counter[str] = Counter()
    try:
        for split, examples in splits.items():
            writer.add_examples({split: _counted(examples, tallies[split], oddities)})
        writer.close_all()
    except RuntimeError as error:  # from ArrayRecord, such as no space left
        raise cannot_write(directory, error) from None
    _check_counts(directory, described)
    for split, tally in tallies.items():
        if plan.task == CLASSIFICATION:
            labels.write(directory, split, tally.labels)
    (directory / 'metadata.json').write_text(_metadata(directory, plan, tallies, oddities))


def _same_bytes_each_time(features):
    """TFDS's serializer of examples, made deterministic: protobuf otherwise orders the two fields of an example
    differently from process to process. That affects no reader, only whether files can be reproduced."""
    from tensorflow_datasets.core.example_serializer import ExampleSerializer

    class Deterministic(ExampleSerializer):
        def serialize_example(self, example: dict) -> bytes:
            return self.get_tf_example(example).SerializeToString(deterministic=True)

    return Deterministic(features.get_serialized_info())


def _counted(examples: Iterable[Example], tally: Tally, oddities: Counter[str]) -> Iterator[dict]:
    for example in examples:
        oddities.update(example.oddities)
        tally.add(example.encoded, example.label, example.pixels)
        label = example.label
        yield {'image': example.encoded, 'label': label if isinstance(label, int) else encode_png(label[:, :, None])}


def _check_counts(directory: Path, described) -> None:
    """Check the number of records in each shard."""
    from array_record.python.array_record_module import ArrayRecordReader

    for split in described.splits.values():
        for number, images in enumerate(split.shard_lengths):
            path = directory / shard_file(described.name, split.name, number)
            reader = ArrayRecordReader(os.fspath(path))
            held = reader.num_records() if reader.ok() else 0
            reader.close()
            if held != images:
                raise UserError(f'{path} has {held} of {images} images after writing')


def _metadata(directory: Path, plan: Plan, tallies: dict[str, Tally], oddities: Counter[str]) -> str:
    """metadata.json, which TFDS reads as `builder.info.metadata`: the facts of `Info`."""
    height, width, channels = plan.image_shape
    mean, std = statistics(tallies)
    facts = {
        **({'task': plan.task} if plan.task != CLASSIFICATION else {}),
        'class_names': plan.class_names,
        **({'class_ids': plan.class_ids} if plan.class_ids else {}),
        'channels': channels,
        'image_shape': plan.image_shape if height and width else None,
        'mean': mean,
        'std': std,
        'fingerprint': fingerprint(plan.class_names, tallies),
        'shard_bytes': {file.name: file.stat().st_size for file in sorted(directory.glob('*.array_record-*'))},
        'source': plan.source,
        **({'oddities': dict(oddities.most_common())} if oddities else {}),
        **({'reduced': plan.reduced} if plan.reduced else {}),
        'written_with': {
            package: importlib.metadata.version(package)
            for package in ('array_record', 'pillow', 'tensorflow-datasets')
        },
    }
    return json.dumps(facts, indent=1) + '\n'


@contextlib.contextmanager
def staged(final: Path, overwrite: bool = False) -> Iterator[Path]:
    """Yield an empty directory beside `final`, which replaces `final` at the end of the `with` block.

    If the block raises, the directory is removed and `final` does not change; if the process dies, the directory stays
    under a name that is never opened, and the next call reuses it.

    Raises:
      UserError: `final` exists and `overwrite` is False, another process is preparing it, or it cannot be written.
    """
    if final.exists() and not overwrite:
        raise exists(final)
    stage = final.with_name(final.name + UNFINISHED)
    made = [path for path in (stage, *stage.parents) if not path.exists()]
    try:
        stage.mkdir(parents=True, exist_ok=True)
        handle = os.open(stage, os.O_RDONLY)
    except OSError as error:
        _remove(made)
        raise cannot_write(stage, error) from None
    try:
        if not try_lock(handle):  # so that no other process takes it for one left by a dead process
            raise UserError(f'another process is writing {stage}')
        try:
            _empty(stage)
            yield stage
            _move(stage, final)
        except BaseException:
            _empty(stage)
            _remove([stage, *made])
            raise
    finally:
        os.close(handle)


def exists(final: Path) -> UserError:
    """The error for an existing set."""
    return UserError(f'{final} exists already; --overwrite replaces it')


def _empty(directory: Path) -> None:
    for entry in directory.iterdir() if directory.exists() else ():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def _remove(directories: Iterable[Path]) -> None:
    """Remove those of the directories, innermost first, that are empty."""
    for directory in directories:
        with contextlib.suppress(OSError):
            directory.rmdir()


def _move(stage: Path, final: Path) -> None:
    """Replace `final` by `stage`; after an error `final` is unchanged."""
    old = final.with_name(final.name + '.old' + UNFINISHED)
    shutil.rmtree(old, ignore_errors=True)
    if final.exists():
        final.rename(old)
    try:
        stage.rename(final)
    except BaseException:
        if old.exists():
            old.rename(final)
        raise
    shutil.rmtree(old, ignore_errors=True)
