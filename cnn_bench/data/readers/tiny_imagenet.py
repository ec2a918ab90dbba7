"""Tiny ImageNet (Le & Yang 2015, Stanford's CS231n): tiny-imagenet-200.zip, or the directory that it unpacks to.

Pictures of 64x64: train/ID/images/*.JPEG, and val/images/*.JPEG with their ids in val/val_annotations.txt, which become
the split test. Those of test/ have no public labels and are left out. The 200 classes are the WordNet ids, sorted,
called as ImageNet's are, or by the first of their words in words.txt.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from cnn_bench.data import synsets
from cnn_bench.data.readers.collected import Member, collect, count, is_picture, of_wordnet_ids
from cnn_bench.data.readers.entries import contents, entries, first_names, is_archive
from cnn_bench.data.readers.found import Found, Request
from cnn_bench.errors import UserError

FORM = 'Tiny ImageNet: tiny-imagenet-200.zip, or the directory that it unpacks to'
_IDS, _WORDS, _LABELS = 'wnids.txt', 'words.txt', 'val_annotations.txt'
_SHAPE = (64, 64, 3)
_FOLDER = 'tiny-imagenet'  # with which names of the archive and its only folder begin
_FIRST = 3  # files of an archive that are looked at


def recognises(path: Path) -> bool:
    """Whether `path` is a directory with the set's file of ids, or an archive with that or called as the set."""
    if path.is_dir():
        return (path / _IDS).is_file() and (path / 'train').is_dir()
    names = (path.name, *first_names(path, _FIRST)) if is_archive(path) else ()
    return any(name.startswith(_FOLDER) or name.rpartition('/')[2] == _IDS for name in names)


def read(path: Path, request: Request) -> Found:
    """The set of a directory or an archive.

    Raises:
      UserError: a file is missing or damaged, or a validation picture has no label.
    """
    texts = contents(path, {_IDS, _WORDS, _LABELS})
    for file in (_IDS, _LABELS):
        if file not in texts:
            raise UserError(f'{path} has no {file}, as Tiny ImageNet has')
    ids = sorted(texts[_IDS].decode('utf-8', 'replace').split())
    if not synsets.are_wordnet_ids(ids):
        raise UserError(f'{path}: {_IDS} holds something else than WordNet ids')
    rows = (line.split('\t') for line in texts[_LABELS].decode('utf-8', 'replace').splitlines())
    labels = {row[0]: row[1] for row in rows if len(row) > 1}
    splits = {'train': partial(_train, path), 'test': partial(_val, path, labels)}
    counted = count(path, splits, request)
    if counted.images['test'].total() != len(labels):
        raise UserError(f'{path} has {counted.images["test"].total():,} pictures in val/, and {len(labels):,} labels')
    for wordnet_id in ids:
        if wordnet_id not in counted.images['train']:
            raise UserError(f'{path} has no pictures in train/{wordnet_id}/images')
    words = synsets.parse_words(f'{path}: {_WORDS}', texts.get(_WORDS, b''))
    source = f'Tiny ImageNet of {path.absolute()} (val/ as test; test/, which has no labels, left out)'
    return collect(path, source, splits, counted, of_wordnet_ids(ids, words), _SHAPE, request)


def _train(path: Path) -> Iterator[Member]:
    for entry in entries(path):
        folders = entry.name.split('/')[:-1]
        if is_picture(entry) and folders[-3:-2] == ['train']:  # train/ID/images
            yield entry, folders[-2]


def _val(path: Path, labels: dict[str, str]) -> Iterator[Member]:
    for entry in entries(path):
        *folders, file = entry.name.split('/')
        if is_picture(entry) and folders[-2:] == ['val', 'images']:
            if file not in labels:
                raise UserError(f'{entry.where} has no label in {_LABELS}')
            yield entry, labels[file]
