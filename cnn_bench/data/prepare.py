"""Preparing a data set from files as they are found (see `readers`), so that it can be opened by name."""

import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from cnn_bench.data import locate, readers, write
from cnn_bench.data.facts import Info, info
from cnn_bench.data.progress import Track, untracked
from cnn_bench.data.readers.found import Found, Request
from cnn_bench.data.reduce import Reduction
from cnn_bench.errors import UserError, printable

SHARD_BYTES = 128 * 2**20  # about the size of a shard


def prepare(
    name: str,
    source: str | os.PathLike,
    data_dir: str | os.PathLike | None = None,
    *,
    overwrite: bool = False,
    track: Track = untracked,
    skip_unreadable: Callable[[str], None] | None = None,
    reduction: Reduction | None = None,
) -> Info:
    """Write the data set `name` to the data directory and return its facts.

    Of picture files, in folders or archives, and of .npz files only a few images are in memory at a time, of other
    forms all. The set appears when it is complete; after an error, nothing has changed.

    Args:
      name: the name of the set, from which the class names of known sets are taken where the files have none.
      source: a directory or a file of one of the forms in `readers`.
      data_dir: the data directory; see `locate.data_directory`.
      overwrite: replace an existing set of that name.
      track: shows the progress over items that it passes on.
      skip_unreadable: leave out picture files that cannot be read, calling this with the name of each. By default a
        single one is an error. Those of class folders are decoded once more to find them.
      reduction: make larger pictures smaller; the set's facts say so.

    Raises:
      UserError: the source has no known form or is damaged, or the set cannot be written.
    """
    locate.check_name(name)
    if (locate.PACKAGED / name).exists():
        raise UserError(f'{name!r} is the name of a packaged data set; choose another')
    source = Path(source).expanduser()
    directory = locate.data_directory(data_dir) / name / locate.VERSION
    if directory.exists() and not overwrite:  # `staged` checks this too, but only after reading the source
        raise write.exists(directory)
    try:
        reader = readers.recognise(source)
        if skip_unreadable and reader not in readers.OF_PICTURES:
            raise UserError(f'--skip-unreadable is for picture files in folders and archives; {source} has none')
        found = reader.read(source, Request(name, track, skip_unreadable))
        splits = {
            split: track(reduction.all(examples) if reduction else examples, f'writing {split}', found.sizes[split])
            for split, examples in found.splits.items()
        }
        with write.staged(directory, overwrite) as stage:
            write.write(stage, _plan(name, found, reduction), splits)
    except OSError as error:
        where = error.filename or directory
        raise UserError(f'{name} could not be prepared: {where}: {error.strerror}') from None
    return info(name, data_dir)


def _plan(name: str, found: Found, reduction: Reduction | None) -> write.Plan:
    images = sum(found.sizes.values())
    return write.Plan(
        name=name,
        class_names=found.class_names,
        class_ids=found.class_ids,
        image_shape=reduction.shape(found.image_shape) if reduction else found.image_shape,
        images_per_shard=max(1, images * SHARD_BYTES // max(1, found.total_bytes)),
        source=printable(found.source),
        reduced=asdict(reduction) if reduction else None,
        task=found.task,
    )
