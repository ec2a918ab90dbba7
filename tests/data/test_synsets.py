"""Names for WordNet ids, all different, and ImageNet's order."""

from pathlib import Path

import pytest
import tensorflow_datasets as tfds

from cnn_bench.data import synsets
from cnn_bench.errors import UserError


def test_imagenets_ids_are_those_of_tfds_in_the_usual_order():
    file = Path(tfds.__file__).parent / 'image_classification' / 'imagenet_resized_labels.txt'
    names = synsets.imagenet_names()
    assert list(names) == sorted(file.read_text().split())
    # As torchvision lists them: weights.meta['categories'][number]
    usual = {0: 'tench', 1: 'goldfish', 7: 'cock', 281: 'tabby', 388: 'giant panda', 999: 'toilet tissue'}
    assert {number: list(names.values())[number] for number in usual} == usual


def test_names_are_different():
    words = {'n00000001': 'crane, bird', 'n00000002': 'crane, machine', 'n00000003': 'bank', 'n00000004': 'bank'}
    ids = ['n01440764', *words, 'n00000005']
    assert synsets.names_of(ids, words) == (
        *('tench', 'crane, bird', 'crane, machine'),
        *('bank (n00000003)', 'bank (n00000004)', 'n00000005'),
    )


def test_words_of_both_forms():
    assert synsets.parse_words('x', b'n01440764 tench, Tinca  tinca\r\n\nn00000002\tghost\n') == {
        'n01440764': 'tench, Tinca tinca',
        'n00000002': 'ghost',
    }
    with pytest.raises(UserError, match=r"words\.txt: line 2 begins with no WordNet id: 'tench'"):
        synsets.parse_words('words.txt', b'n01440764 tench\ntench\n')
    with pytest.raises(UserError, match='no text in UTF-8'):
        synsets.parse_words('words.txt', b'\xff')
