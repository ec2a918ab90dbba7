"""The preprocessing of published weights: that of the library itself, for every set, and how a set is recognised.

transforms_recorded.json.gz has what torchvision and timm do to a picture, recorded by record_transforms.py.
"""

import contextlib
import gzip
import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from record_transforms import digest, picture

from cnn_bench.errors import UserError
from cnn_bench.models import registry
from cnn_bench.pretrained import importer
from cnn_bench.pretrained.layout import layouts_of
from cnn_bench.pretrained.preprocessing import choose, in_words
from cnn_bench.pretrained.published import every_set, tagged

NO_HASH = '0' * 64


def recorded() -> list[dict]:
    with gzip.open(Path(__file__).with_name('transforms_recorded.json.gz'), 'rt') as file:
        return json.load(file)['sets']


@cache
def pixels(size, resize, interpolation, squash) -> str:
    """Digest of the pixels that our preprocessing makes of the picture."""
    look = next(
        each.preprocessing
        for each in every_set()
        if (each.preprocessing.size[0], each.preprocessing.resize) == (size, resize)
        and (each.preprocessing.interpolation, each.preprocessing.squash) == (interpolation, squash)
    )
    return digest(look.crop(np.asarray(picture())))


def test_every_published_set_is_prepared_as_its_library_does():
    sets = recorded()
    assert len([row for row in sets if row['library'] == 'torchvision']) == 96
    for row in sets:
        found = choose(row['arch'], row['library'], Path(row['file'] or 'model.safetensors'), NO_HASH, _tag(row))
        look = found.preprocessing
        where = f'{row["library"]} {_tag(row)}'
        assert not found.guessed, where
        np.testing.assert_allclose(look.mean, row['mean'], atol=1e-9, err_msg=where)
        np.testing.assert_allclose(look.std, row['std'], atol=1e-9, err_msg=where)
        assert pixels(look.size[0], look.resize, look.interpolation, look.squash) == row['pixels'], where


def _tag(row: dict) -> str:
    return f'{row["name"]}.{row["tag"]}'


def test_a_file_is_recognised_by_its_sha256_then_by_its_name(tmp_path):
    def chosen(file, sha256=NO_HASH):
        found = choose('resnet50', 'torchvision', tmp_path / file, sha256)
        return found.preprocessing.resize, found.source, found.guessed

    assert chosen('mine.pth', '11ad3fa6' + NO_HASH[8:]) == (
        232,
        'torchvision resnet50.IMAGENET1K_V2, known by its sha256',
        False,
    )
    assert chosen('resnet50-11ad3fa6.safetensors')[0] == 232
    assert chosen('resnet50-0676ba61.pth', '11ad3fa6' + NO_HASH[8:])[0] == 232  # content before name
    assert chosen('mine.pth') == (256, 'a guess: that of torchvision resnet50.IMAGENET1K_V1', True)
    hub = tmp_path / 'seresnet50.ra2_in1k' / 'model.safetensors'
    found = choose('seresnet50', 'timm', hub, NO_HASH)
    assert (found.source, found.guessed) == ('timm seresnet50.ra2_in1k, known by its file name', False)
    assert (
        'known by its file name' in choose('seresnet50', 'timm', Path('seresnet50.a1_in1k.safetensors'), NO_HASH).source
    )


def test_the_published_set_says_which_library_it_is_where_the_names_do_not():
    fitting = ['timm', 'timm_tf']

    def libraries(file, sha256=NO_HASH, tag=None):
        return importer._libraries('efficientnet_b0', fitting, file, sha256, tag)

    assert libraries('mine.pth') == ['timm', 'timm_tf']  # a guess, and what else it may be
    assert libraries('mine.pth', '0af12548' + NO_HASH[8:]) == ['timm_tf']
    assert libraries('tf_efficientnet_b0.ns_jft_in1k/model.safetensors') == ['timm_tf']
    assert libraries('mine.pth', tag='aa_in1k') == ['timm_tf']
    assert libraries('efficientnet_b0_ra-3dd342df.pth') == ['timm']
    same = importer._libraries('resnet50', ['torchvision', 'timm'], 'mine.pth', NO_HASH, None)
    assert same == ['torchvision']  # timm's network is the same
    found = importer._libraries('resnet50', ['torchvision', 'timm'], 'resnet50_a1_0-14fe96d1.pth', NO_HASH, None)
    assert found == ['timm']


def test_fields_that_are_given_replace_those_of_the_set():
    file, given = Path('mine.pth'), {'resize': 240, 'mean': (0.1, 0.2, 0.3), 'crop': None}
    found = choose('resnet50', 'torchvision', file, NO_HASH, 'IMAGENET1K_V2', given)
    assert (found.preprocessing.resize, found.preprocessing.mean) == (240, (0.1, 0.2, 0.3))
    assert found.source == 'torchvision resnet50.IMAGENET1K_V2, named by its tag, but for resize, mean as given'
    larger = choose('resnet50', 'torchvision', file, NO_HASH, None, {'crop': 288}).preprocessing
    assert (larger.input_shape, larger.resize) == ((288, 288, 3), 329)  # 256 / 224 x 288
    everything = {'resize': 256, 'crop': 224, 'interpolation': 'bicubic', 'mean': (0.5,) * 3, 'std': (0.5,) * 3}
    assert not choose('resnet50', 'torchvision', file, NO_HASH, None, everything).guessed


@pytest.mark.parametrize(
    ('given', 'words'),
    [
        ({'resize': 100}, 'at least 224'),
        ({'mean': (0.5,)}, '--mean has 1 numbers'),
        ({'std': (0.1, 0.0, 0.1)}, '--std has a 0'),
    ],
)
def test_fields_that_do_not_fit_are_refused(given, words):
    with pytest.raises(UserError, match=words):
        choose('resnet50', 'torchvision', Path('mine.pth'), NO_HASH, None, given)


def test_a_picture_may_be_squashed_and_then_cropped():
    (nfnet,) = (each for each in every_set() if each.full_name == 'dm_nfnet_f0.dm_in1k')
    assert nfnet.preprocessing.resized_size((375, 500)) == (213, 213)  # 192 / 0.9, cut
    assert in_words(nfnet.preprocessing).startswith('192x192 from the image squashed to 213, bicubic')


def test_an_unknown_tag_names_the_known_ones():
    with pytest.raises(UserError, match='IMAGENET1K_V2'):
        tagged('resnet50', 'torchvision', 'IMAGENET1K_V3')


def test_a_tag_names_one_set():
    assert len({(each.arch, each.publisher, each.tag) for each in every_set()}) == len(every_set())


def test_torchvision_publishes_weights_of_each_of_its_networks():
    """So its layouts need no preprocessing of their own. Networks for small images have its layouts, but no weights."""
    ours = set()
    for arch in (name for name in registry.names() if registry.get(name).num_classes == 1000):
        with contextlib.suppress(UserError):  # no library has it
            ours |= {arch} if 'torchvision' in layouts_of(arch) else set()
    assert ours == {each.arch for each in every_set() if each.publisher == 'torchvision'}
