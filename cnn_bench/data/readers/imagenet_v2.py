"""ImageNet-V2, new test pictures for ImageNet's classes (Recht et al. 2019): imagenetv2-matched-frequency.tar.gz,
-threshold0.7 and -top-images, or the directories that they unpack to, imagenetv2-...-format-val/CLASS/*.jpeg.

CLASS is the number of the class, 0 to 999, in ImageNet's usual order. The set has the split test alone, to evaluate
on, and all of ImageNet's classes.
"""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from cnn_bench.data import synsets
from cnn_bench.data.readers.collected import Member, collect, count, is_picture, of_wordnet_ids
from cnn_bench.data.readers.entries import entries, first_names, is_archive, subfolders
from cnn_bench.data.readers.found import Found, Request
from cnn_bench.errors import UserError

FORM = 'ImageNet-V2: imagenetv2-matched-frequency.tar.gz (-threshold0.7, -top-images), or the directory it unpacks to'
_NAME = re.compile(r'imagenet-?v2', re.IGNORECASE)
_NUMBER = re.compile(r'0|[1-9]\d{0,2}')


def recognises(path: Path) -> bool:
    """Whether `path` is an archive called as ImageNet-V2's or with such a folder, or a directory whose folders are
    called 0 to 999, or some of these where its own name is ImageNet-V2's."""
    if is_archive(path):
        return any(map(_NAME.match, (path.name, *first_names(path, 1))))
    folders = subfolders(path)
    named = bool(_NAME.match(path.name)) or len(folders) == len(synsets.imagenet_names())
    return named and bool(folders) and all(map(_NUMBER.fullmatch, folders))


def read(path: Path, request: Request) -> Found:
    """The set of a directory or an archive.

    Raises:
      UserError: the archive is damaged, or a picture lies in a folder whose name is no class.
    """
    ids = list(synsets.imagenet_names())
    splits = {'test': partial(_test, path, ids)}
    counted = count(path, splits, request)
    source = f'ImageNet-V2 of {path.absolute()} (no training pictures)'
    return collect(path, source, splits, counted, of_wordnet_ids(ids), (None, None, 3), request)


def _test(path: Path, ids: list[str]) -> Iterator[Member]:
    for entry in entries(path):
        if is_picture(entry):
            folder = entry.name.split('/')[-2:-1]
            if not folder or not _NUMBER.fullmatch(folder[0]):
                raise UserError(f'{entry.where} lies in no folder 0 to {len(ids) - 1}, as those of ImageNet-V2 do')
            yield entry, ids[int(folder[0])]
