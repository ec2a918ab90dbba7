"""The labels of ImageNet's validation pictures (ILSVRC 2012), as they are handed out, and the words of its synsets.

ILSVRC2012_devkit_t12.tar.gz   the development kit, or the directory that it unpacks to. Its ground truth numbers
                               classes in an order of its own, which meta.mat maps to WordNet ids
LOC_val_solution.csv           Kaggle's: ImageId,PredictionString, which begins with the WordNet id
"""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from cnn_bench.data import synsets
from cnn_bench.data.readers.entries import contents
from cnn_bench.errors import UserError

DEVKIT = 'ILSVRC2012_devkit_t12'
KAGGLE = Path('ILSVRC', 'Data', 'CLS-LOC')  # of pictures, in the directory that Kaggle's archive unpacks to
SOLUTION, MAPPING = 'LOC_val_solution.csv', 'LOC_synset_mapping.txt'
_TRUTH, _META = 'ILSVRC2012_validation_ground_truth.txt', 'meta.mat'
WHERE = (
    f"{DEVKIT}.tar.gz of image-net.org (or the directory that it unpacks to), or {SOLUTION} of Kaggle's "
    'imagenet-object-localization-challenge'
)


@dataclass(frozen=True)
class Truth:
    """WordNet id of each validation picture by its name without suffix, the file that says so, and words of synsets."""

    of_picture: dict[str, str]
    file: Path
    words: dict[str, str]


def read_truth(directory: Path) -> Truth | None:
    """The labels in a directory, or where Kaggle has them above ILSVRC/Data/CLS-LOC; None where there are none.

    Raises UserError for a file that is damaged.
    """
    of_kaggle = directory.absolute().parts[-3:] == KAGGLE.parts
    for place in (directory, *([directory.absolute().parents[2]] if of_kaggle else [])):
        words = _words(place / MAPPING)
        if (place / SOLUTION).is_file():
            return Truth(_of_solution(place / SOLUTION), place / SOLUTION, words)
        kits = (place / f'{DEVKIT}.tar.gz', place / f'{DEVKIT}.tgz', place / f'{DEVKIT}.tar', place / DEVKIT)
        kit = next((kit for kit in kits if kit.exists()), place if (place / 'data' / _META).is_file() else None)
        if kit:
            found, its_words = _of_kit(kit if kit.is_file() else _inner(kit))
            return Truth(found, kit, {**its_words, **words})
    return None


def _inner(kit: Path) -> Path:
    """The folder of the kit's data, so that a large directory is not searched."""
    return kit / 'data' if (kit / 'data').is_dir() else kit


def _words(path: Path) -> dict[str, str]:
    return synsets.parse_words(path, path.read_bytes()) if path.is_file() else {}


def _of_solution(path: Path) -> dict[str, str]:
    """Raises UserError for a row that is not as Kaggle's are."""
    try:
        rows = list(csv.reader(io.StringIO(path.read_text(encoding='utf-8-sig'))))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f'{path} cannot be read: {error}') from None
    found = {}
    for number, row in enumerate(rows[1:], 2):
        wordnet_id = row[1].split(' ')[0] if len(row) == 2 else ''
        if not synsets.WORDNET_ID.fullmatch(wordnet_id):
            raise UserError(f'{path}: line {number} is no ImageId,PredictionString that begins with a WordNet id')
        found[row[0]] = wordnet_id
    return found


def _of_kit(path: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Labels and words in the development kit."""
    content = contents(path, {_TRUTH, _META})
    for file in (_TRUTH, _META):
        if file not in content:
            raise UserError(f'{path} has no {file}; it takes the whole development kit')
    ids, words = _meta(f'{path}: {_META}', content[_META])
    found = {}
    for number, line in enumerate(content[_TRUTH].decode('utf-8', 'replace').split(), 1):
        if line not in ids:
            raise UserError(f'{path}: {_TRUTH}: line {number} is {line[:20]!r}, which is no class in {_META}')
        found[f'ILSVRC2012_val_{number:08d}'] = ids[line]
    return found, words


def _meta(where: str, content: bytes) -> tuple[dict[str, str], dict[str, str]]:
    """ILSVRC 2012's number -> WordNet id, and WordNet id -> words. meta.mat has more synsets than are classes."""
    from scipy.io import loadmat

    try:
        rows = loadmat(io.BytesIO(content), squeeze_me=True)['synsets']
        rows = [(int(row['ILSVRC2012_ID']), str(row['WNID']), str(row['words'])) for row in rows.ravel()]
    except Exception as error:  # scipy raises nearly anything for what is damaged
        what = str(error).split('\n')[0] or type(error).__name__
        raise UserError(f'{where} cannot be read: {what}') from None
    return {str(number): id_ for number, id_, _ in rows}, {id_: words for _, id_, words in rows}
