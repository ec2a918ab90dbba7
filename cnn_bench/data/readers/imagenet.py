"""ImageNet (ILSVRC 2012) as it is handed out, by image-net.org and by Kaggle, read as a stream without unpacking.

  train  ILSVRC2012_img_train.tar, which holds a tar for each class, or that unpacked: train/nXXXXXXXX.tar or
         train/nXXXXXXXX/*.JPEG, also in Kaggle's ILSVRC/Data/CLS-LOC
  test   ILSVRC2012_img_val.tar or a directory val, both flat, with their labels in a file (see ilsvrc.py); or class
         folders in val. ImageNet's own test pictures have no public labels

The classes are the WordNet ids of the training pictures, sorted, which is the usual order. The validation pictures
alone make a set of the split test, to evaluate on. An archive is passed over once to count its pictures by the headers
of the tar (a million headers take about a minute) and read once.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from cnn_bench.data import synsets
from cnn_bench.data.readers import ilsvrc
from cnn_bench.data.readers.collected import Member, Members, collect, count, is_picture, of_wordnet_ids
from cnn_bench.data.readers.entries import entries, first_names, subfolders
from cnn_bench.data.readers.found import Found, Request
from cnn_bench.errors import UserError

FORM = (
    'ImageNet: a directory with ILSVRC2012_img_train.tar, ILSVRC2012_img_val.tar and ILSVRC2012_devkit_t12.tar.gz (or '
    "LOC_val_solution.csv), or the directory that Kaggle's archive unpacks to"
)
_TRAIN, _VAL = 'ILSVRC2012_img_train.tar', 'ILSVRC2012_img_val.tar'
_VAL_PICTURE = re.compile(r'ILSVRC2012_val_\d{8}')


def recognises(path: Path) -> bool:
    """Whether `path` is one of the tars, or a directory with them or with what they unpack to, except where that is
    nothing but class folders of both splits."""
    if path.is_file():
        return path.name in (_TRAIN, _VAL)
    if any((path / file).is_file() for file in (_TRAIN, _VAL)) or (path / ilsvrc.KAGGLE).is_dir():
        return True
    train, val = path / 'train', path / 'val'
    if _is_of_class_tars(train):
        return True
    return val.is_dir() and (_is_flat(val) or (not train.exists() and _are_synsets(val)))


def read(path: Path, request: Request) -> Found:
    """The set in a directory, or in that of a tar.

    Raises:
      UserError: a part is missing, an archive is damaged, or a validation picture has no label.
    """
    root = path.parent if path.is_file() else path
    train, val = _part(root, _TRAIN, 'train'), _part(root, _VAL, 'val')
    if not val:
        raise UserError(
            f'{root} has no {_VAL}, the validation pictures, which become the split test; image-net.org hands it out; '
            f'a directory val/ or {ilsvrc.KAGGLE}/val serves too'
        )
    truth = ilsvrc.read_truth(root)
    if truth is None and not (val.is_dir() and _are_synsets(val)):
        raise UserError(f'{root} has no labels of the validation pictures; it takes {ilsvrc.WHERE}')
    splits: dict[str, Members] = {'train': lambda: _train(train)} if train else {}
    splits['test'] = lambda: _val(val, truth)
    counted = count(root, splits, request)
    # A directory may hold some classes only, but a tar that ends between two pictures looks whole.
    if truth and val.is_file() and counted.images['test'].total() != len(truth.of_picture):
        raise UserError(
            f'{val} has {counted.images["test"].total():,} pictures, and {truth.file} {len(truth.of_picture):,} labels'
        )
    classes = of_wordnet_ids(counted.ids(), truth.words if truth else None)
    source = f'ImageNet of {root.absolute()}' + ' (no training pictures)' * (train is None)
    return collect(root, source, splits, counted, classes, (None, None, 3), request)


def _part(root: Path, archive: str, folder: str) -> Path | None:
    return next(
        (part for part in (root / archive, root / ilsvrc.KAGGLE / folder, root / folder) if part.exists()), None
    )


def _train(path: Path) -> Iterator[Member]:
    for entry in entries(path):
        wordnet_id = entry.name.split('/')[0]
        if not is_picture(entry):
            continue
        if not synsets.WORDNET_ID.fullmatch(wordnet_id):
            raise UserError(f'{entry.where} is in no folder or tar that is called by a WordNet id, such as n01440764')
        yield entry, wordnet_id


def _val(path: Path, truth: ilsvrc.Truth | None) -> Iterator[Member]:
    for entry in entries(path):
        if not is_picture(entry):
            continue
        folder, _, file = entry.name.rpartition('/')
        stem, folder = file.rpartition('.')[0], folder.rpartition('/')[2]
        wordnet_id = truth.of_picture.get(stem) if truth else None
        if wordnet_id is None and synsets.WORDNET_ID.fullmatch(folder):
            wordnet_id = folder
        if wordnet_id is None:
            raise UserError(f'{entry.where} has no label' + f' in {truth.file}' * (truth is not None))
        yield entry, wordnet_id


def _is_flat(val: Path) -> bool:
    """Whether the first files of a directory are called as ImageNet's validation pictures are."""
    return any(map(_VAL_PICTURE.match, first_names(val, 1)))


def _is_of_class_tars(train: Path) -> bool:
    return any(synsets.WORDNET_ID.fullmatch(file.stem) for file in train.glob('n*.tar'))


def _are_synsets(folder: Path) -> bool:
    """Whether a directory holds folders, all called by WordNet ids."""
    return synsets.are_wordnet_ids(subfolders(folder))
