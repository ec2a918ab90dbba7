"""Class folders of images: SPLIT/CLASS/IMAGE, the layout of ImageNet and of most private collections.

The splits are `train/` and `test/`. Without `test/`, `val/` or `validation/` is the test split; besides `test/`, it is
the split 'validation'. Classes are the folders of `train/`, sorted by name; where all are WordNet ids, the classes get
the names of these. `picture_files` finds the files below them, `picture_stream` says how they are stored.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from cnn_bench.data import synsets
from cnn_bench.data.class_names import check_class_names
from cnn_bench.data.picture_files import SUFFIXES, pictures_below
from cnn_bench.data.pictures import Refusal
from cnn_bench.data.readers.found import Found, Request
from cnn_bench.data.readers.picture_stream import File, examples, scan, unreadable_error
from cnn_bench.data.write import Example
from cnn_bench.errors import UserError

FORM = (
    'class folders of images: train/CLASS/IMAGE and test/CLASS/IMAGE (val/ instead of test/, or as a split beside it)'
)
LAYOUT = 'expected: train/CLASS/IMAGE and test/CLASS/IMAGE (or val/ instead of test/)'
_VALIDATION = ('val', 'validation')
SPLIT_FOLDERS = ('train', 'test', *_VALIDATION)


@dataclass(frozen=True)
class Listing:
    """The image files of a directory by split, the classes, and the number of files that were skipped."""

    splits: dict[str, list[File]]
    class_names: tuple[str, ...]
    skipped: int

    def without(self, unreadable: set[str]) -> 'Listing':
        """The listing without some files. Raises UserError where a class of train/, or a split, would be left empty."""
        splits = {split: [file for file in files if file[0] not in unreadable] for split, files in self.splits.items()}
        left = {label for _, label in splits['train']}
        for label, name in enumerate(self.class_names):
            if label not in left:
                raise UserError(f'no image of class {name!r} in train/ can be read')
        for split, files in splits.items():
            if not files:
                raise UserError(f'no image of the split {split} can be read')
        return Listing(splits, self.class_names, self.skipped + len(unreadable))


def recognises(path: Path) -> bool:
    """Whether `path` has a directory that is called like a split."""
    return any((path / name).is_dir() for name in SPLIT_FOLDERS)


def read(path: Path, request: Request) -> Found:
    """The set in the class folders below `path`. Every file is opened at once, and decoded when it is written.

    With `request.skip_unreadable`, every file is decoded here too, to find those that are left out.

    Raises:
      UserError: the layout is another, or files cannot be read.
    """
    listing = list_files(path)
    if request.skip_unreadable:
        bad: set[str] = set()
        for split, files in listing.splits.items():
            for _ in examples(request.track(files, f'reading {split}', len(files)), 3, bad.add):
                pass
        for file in sorted(bad):
            request.skip_unreadable(file)
        listing = listing.without(bad)
    sizes = {split: len(files) for split, files in listing.splits.items()}
    facts = scan(request.track(chain(*listing.splits.values()), 'reading headers', sum(sizes.values())))
    unreadable = set(facts.unreadable)
    if unreadable:  # decode the others too, to name all unreadable files at once
        files = [file for file in chain(*listing.splits.values()) if file[0] not in unreadable]
        for _ in examples(request.track(files, 'reading', len(files)), facts.channels, unreadable.add):
            pass
        raise unreadable_error(unreadable)

    def images(split: str) -> Iterator[Example]:
        yield from examples(listing.splits[split], facts.channels, unreadable.add)
        if unreadable and split == list(listing.splits)[-1]:
            raise unreadable_error(unreadable)

    others = f' ({listing.skipped} other files skipped)' * (listing.skipped > 0)
    return Found(
        class_names=names_of(listing.class_names),
        class_ids=listing.class_names if synsets.are_wordnet_ids(listing.class_names) else (),
        image_shape=(*(facts.size or (None, None)), facts.channels),
        sizes=sizes,
        total_bytes=facts.total_bytes,
        splits={split: images(split) for split in listing.splits},
        source=f'class folders of {path.absolute()}{others}',
    )


def split_folders(source: Path, there: Collection[str]) -> dict[str, str]:
    """Split -> its folder, of the folders of splits that are there.

    Raises UserError where there is no training or no test split.
    """
    folder_of = {split: split for split in ('train', 'test')}
    validation = next((name for name in _VALIDATION if name in there), None)
    if validation:
        folder_of['validation' if 'test' in there else 'test'] = validation
    for folder in folder_of.values():
        if folder not in there:
            raise UserError(f'{source} has no {folder}/ directory; {LAYOUT}')
    return folder_of


def names_of(folders: Sequence[str]) -> tuple[str, ...]:
    """The names of classes: those of their folders, or where all these are WordNet ids what they stand for."""
    return synsets.names_of(folders) if synsets.are_wordnet_ids(folders) else tuple(folders)


def list_files(source: Path) -> Listing:
    """The image files below `source`.

    Raises:
      UserError: the layout is another, a class is empty, or a class is missing in `train/`.
    """
    there = [name for name in SPLIT_FOLDERS if (source / name).is_dir()]
    folders = {split: source / folder for split, folder in split_folders(source, there).items()}
    for folder in folders.values():
        if not _classes(folder):
            raise UserError(f'{folder} has no class folders; {LAYOUT}')
    class_names = tuple(_classes(folders['train']))
    check_class_names(str(folders['train']), class_names)
    splits, skipped = {}, 0
    for split, folder in folders.items():
        strangers = [name for name in _classes(folder) if name not in class_names]
        if strangers:
            raise UserError(f'{folder / strangers[0]} is not a class of {folders["train"]}')
        splits[split] = []
        for label, name in enumerate(class_names):
            paths, others = _images(folder / name)
            skipped += others
            if not paths and (split == 'train' or (folder / name).is_dir()):
                raise UserError(f'{folder / name} has no images ({" ".join(SUFFIXES)})')
            splits[split] += [(path, label) for path in paths]
    return Listing(splits, class_names, skipped)


def _classes(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith('.'))


def _images(folder: Path) -> tuple[list[str], int]:
    """The image files below `folder`, and the number of other files that are not hidden."""
    if not folder.is_dir():
        return [], 0
    others: list[str] = []
    found = list(pictures_below(str(folder), others.append))
    refused = [item for item in found if isinstance(item, Refusal)]
    if refused:
        raise UserError(f'{refused[0].path} {refused[0].reason}')
    return found, len(others)
