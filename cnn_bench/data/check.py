"""The full check of a data set: read and decode every image, and compute its fingerprint again."""

import os
from collections.abc import Iterator

import numpy as np

from cnn_bench.data import labels
from cnn_bench.data.described import CLASSIFICATION, SEGMENTATION, VOID
from cnn_bench.data.facts import Info, damaged, info
from cnn_bench.data.fingerprint import Tally, fingerprint, statistics
from cnn_bench.data.progress import Track, untracked
from cnn_bench.data.split import Split

_CHUNK = 64  # images per read


def check(name: str, data_dir: str | os.PathLike | None = None, track: Track = untracked) -> Info:
    """Read the whole set `name`, compare it with its recorded facts, and return these.

    Raises:
      UserError: there is no such set, or it is half-written or damaged; the message has the first defect.
    """
    facts = info(name, data_dir)
    tallies = {}
    for split, size in facts.sizes.items():
        tallies[split] = Tally(facts.channels)
        for encoded, label, pixels in track(_records(Split(facts, split, data_dir)), f'checking {split}', size):
            found = np.setdiff1d(label, [VOID]) if facts.task == SEGMENTATION else np.array([label])
            if found.size and not 0 <= found.min() <= found.max() < facts.num_classes:
                raise damaged(name, facts.directory, '', f'has a label {found.max()} in {split}', data_dir)
            tallies[split].add(encoded, label, pixels)
        kept = Split(facts, split, data_dir).labels() if facts.task == CLASSIFICATION else np.array([])
        if kept.tolist() != tallies[split].labels:
            raise damaged(name, facts.directory, labels.name(split), 'has other labels than the images', data_dir)
    found = fingerprint(facts.class_names, tallies)
    if found != facts.fingerprint:
        what = f'does not hold what was written: fingerprint {found[:12]}..., not {facts.fingerprint[:12]}...'
        raise damaged(name, facts.directory, '', what, data_dir)
    if statistics(tallies) != (list(facts.mean), list(facts.std)):
        raise damaged(name, facts.directory, 'metadata.json', 'has another mean or std than the images', data_dir)
    return facts


def _records(split: Split) -> Iterator[tuple[bytes, int | np.ndarray, np.ndarray]]:
    """Every image's bytes, label or mask, and pixels."""
    for start in range(0, len(split), _CHUNK):
        indices = list(range(start, min(start + _CHUNK, len(split))))
        for index, record in zip(indices, split.encoded(indices), strict=True):
            label = record['label']
            label = split.decode_mask(index, label) if isinstance(label, bytes) else label
            yield record['image'], label, split.decode(index, record['image'])
