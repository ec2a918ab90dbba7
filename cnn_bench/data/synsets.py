"""ImageNet's classes: WordNet ids of synsets, such as n01440764, and readable names for them.

imagenet_synsets.txt has the 1,000 of ILSVRC 2012 in the order of their ids, the order of the outputs of torchvision's,
timm's and Keras' networks: of each synset the first word, or all where another class is called the same. The names were
taken from `tensorflow_datasets/datasets/siscore/labels.py` of TensorFlow Datasets 4.9.10 (Apache 2.0).
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

from cnn_bench.errors import UserError

WORDNET_ID = re.compile(r'n\d{8}')
WORDS_FILES = ('LOC_synset_mapping.txt', 'words.txt')  # Kaggle's, and WordNet's own, which comes with Tiny ImageNet
_FILE = Path(__file__).with_name('imagenet_synsets.txt')


@cache
def imagenet_names() -> Mapping[str, str]:
    """WordNet id -> name of the 1,000 classes of ILSVRC 2012, in the usual order."""
    lines = _FILE.read_text(encoding='utf-8').splitlines()
    return dict(line.split(' ', 1) for line in lines)


def are_wordnet_ids(names: Iterable[str]) -> bool:
    """Whether there are names, and all are WordNet ids."""
    names = list(names)
    return bool(names) and all(map(WORDNET_ID.fullmatch, names))


def parse_words(where: object, content: bytes) -> dict[str, str]:
    """WordNet id -> its words, separated by commas, of a text file with both on each line.

    Raises UserError for a line that begins with no WordNet id, and for what is no text.
    """
    try:
        lines = content.decode('utf-8-sig').splitlines()
    except UnicodeDecodeError:
        raise UserError(f'{where} is no text in UTF-8') from None
    words = {}
    for number, line in enumerate(lines, 1):
        wordnet_id, _, its_words = line.strip().replace('\t', ' ', 1).partition(' ')
        if line.strip() and not WORDNET_ID.fullmatch(wordnet_id):
            raise UserError(f'{where}: line {number} begins with no WordNet id: {line[:40]!r}')
        if its_words.strip():
            words[wordnet_id] = ' '.join(its_words.split())
    return words


def names_of(wordnet_ids: Sequence[str], words: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """A name for each id, all different: ImageNet's, else the first of its `words`, else the id itself.

    Ids that would be called the same get all their words, and where these are the same too, the id behind the name.
    """
    known, words = imagenet_names(), words or {}
    first = (known.get(wordnet_id) or words.get(wordnet_id, wordnet_id).split(',')[0] for wordnet_id in wordnet_ids)
    longer = (known.get(wordnet_id) or words.get(wordnet_id, wordnet_id) for wordnet_id in wordnet_ids)
    names = _told_apart(list(first), longer)
    return tuple(_told_apart(names, (f'{name} ({id_})' for name, id_ in zip(names, wordnet_ids, strict=True))))


def _told_apart(names: list[str], longer: Iterable[str]) -> list[str]:
    """The names, and of those that are not the only ones of their kind the longer ones."""
    counts = Counter(names)
    return [long if counts[name] > 1 else name for name, long in zip(names, longer, strict=True)]
