"""Finding sets, and what is said of one that is missing, half-written or damaged: one line that names the
file and the command that mends it."""

import json
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import tensorflow_datasets as tfds

from cnn_bench import data
from cnn_bench.data import locate
from cnn_bench.data.check import check
from cnn_bench.data.preprocessing import Preprocessing
from cnn_bench.errors import UserError

TRAIN = 'tiny-train.array_record-00000'


def message(action, *args) -> str:
    with pytest.raises(UserError) as error:
        action(*args)
    assert '\n' not in str(error.value)
    return str(error.value)


# where sets are looked for


def test_the_given_directory_comes_before_the_environment(prepared_once, data_dir, tmp_path):
    assert list(data.names()) == ['fashion_mnist_subset']
    assert list(data.names(prepared_once)) == ['fashion_mnist_subset', 'tiny']
    assert data.info('tiny', prepared_once).directory == prepared_once / 'tiny' / '1.0.0'
    assert locate.data_directory() == data_dir


def test_without_either_it_is_where_tfds_keeps_its_own(monkeypatch):
    monkeypatch.delenv('CNN_BENCH_DATA')
    assert str(locate.data_directory()) == tfds.core.constants.get_default_data_dir()
    monkeypatch.setenv('TFDS_DATA_DIR', '/elsewhere')
    assert str(locate.data_directory()) == tfds.core.constants.get_default_data_dir() == '/elsewhere'


def test_the_version_that_was_prepared_here_is_taken(prepared):
    prepared.with_name('0.9.0').mkdir()
    prepared.with_name('3.0.1').mkdir()
    assert locate.find('tiny') == prepared


def test_tfds_itself_reads_a_prepared_set(prepared, idx_arrays):
    source = tfds.builder_from_directory(prepared).as_data_source('train')
    np.testing.assert_array_equal(source[3]['image'][..., 0], idx_arrays['train'][0][3])
    assert source[3]['label'] == 3


def test_importing_the_package_imports_nothing_heavy():
    heavy = {'jax', 'grain', 'tensorflow_datasets', 'rich'}
    code = f'import sys; from cnn_bench import data; data.names(); print(*({heavy} & set(sys.modules)))'
    assert subprocess.run([sys.executable, '-c', code], capture_output=True, check=True).stdout == b'\n'


# access


def test_access_by_index(prepared, idx_arrays):
    split = data.open_split('tiny', 'test')
    assert len(split) == 13
    assert [example['label'] for example in split] == idx_arrays['test'][1].tolist()
    with pytest.raises(IndexError):
        split[13]
    with pytest.raises(IndexError):
        split[-1]


def test_a_split_can_be_pickled(prepared, idx_arrays):
    split = data.open_split('tiny', 'test')
    split[0]
    again = pickle.loads(pickle.dumps(split))
    np.testing.assert_array_equal(again[5]['image'][..., 0], idx_arrays['test'][0][5])


def test_an_unknown_split_gets_its_nearest_match(prepared):
    assert message(data.open_split, 'tiny', 'tran') == "unknown split of tiny 'tran'; did you mean train?"


# missing


def test_a_missing_set_says_where_it_was_looked_for_and_what_prepares_it(data_dir):
    said = message(data.open_split, 'fashion_mnist', 'train')
    assert "'fashion_mnist' is neither prepared" in said
    assert str(data_dir) in said
    assert 'did you mean fashion_mnist_subset?' in said
    assert '`cnn-bench data prepare fashion_mnist --from DIR`' in said


def test_the_command_repeats_a_data_directory_that_was_given(tmp_path):
    said = message(data.info, 'imagenet', tmp_path / 'my data')
    assert 'there are: fashion_mnist_subset' in said
    assert f"prepare imagenet --from DIR --data-dir '{tmp_path}/my data'`" in said


def test_a_name_cannot_leave_the_data_directory():
    assert 'cannot name a data set' in message(data.info, '../../etc')


# damaged


@pytest.mark.parametrize('file', [TRAIN, 'dataset_info.json', 'features.json', 'metadata.json', 'label.labels.txt'])
def test_a_lost_file_is_named(prepared, file):
    (prepared / file).unlink()
    said = message(data.open_split, 'tiny', 'train')
    assert f'{prepared / file} ' in said
    assert '`cnn-bench data prepare tiny --from DIR --overwrite`' in said


@pytest.mark.parametrize('file', [TRAIN, 'dataset_info.json', 'metadata.json'])
def test_a_cut_file_is_named(prepared, file):
    os.truncate(prepared / file, (prepared / file).stat().st_size // 2)
    said = message(data.open_split, 'tiny', 'test')  # also when another split is opened
    assert f'{prepared / file} ' in said
    assert '--overwrite' in said


@pytest.mark.parametrize(
    'change',
    [
        lambda text: b'',
        lambda text: text[:-3],
        lambda text: text.replace(b'\n', b'\0', 1),
        lambda text: bytes([text[0] ^ 1]) + text[1:],
        lambda text: b'\xff' + text,
        lambda text: text + b'one more\n',
        lambda text: b'\n'.join(reversed(text.split(b'\n'))),
    ],
    ids=('emptied', 'cut', 'NUL', 'a bit flipped', 'not UTF-8', 'one more', 'another order'),
)
def test_damaged_class_names_are_found_whatever_is_asked(prepared, change):
    file = prepared / 'label.labels.txt'
    file.write_bytes(change(file.read_bytes()))
    for action in (check, data.info):
        said = message(action, 'tiny')
        assert f'{file} does not hold the class names of metadata.json, one a line; ' in said
        assert '--overwrite' in said


@pytest.mark.parametrize('change', [{'mean': None}, {'shard_bytes': {}}, {'class_names': None}])
def test_metadata_of_another_make_is_refused(prepared, change):
    facts = json.loads((prepared / 'metadata.json').read_text()) | change
    (prepared / 'metadata.json').write_text(json.dumps(facts))
    assert 'metadata.json' in message(data.info, 'tiny')


def test_a_set_that_tfds_wrote_is_refused(prepared):
    os.rename(prepared, prepared.with_name('3.0.1'))
    said = message(data.info, 'tiny')
    assert 'was not written by cnn-bench' in said
    assert said.endswith('to prepare it: `cnn-bench data prepare tiny --from DIR`')


def flip(path, offset):
    content = bytearray(path.read_bytes())
    content[offset] ^= 0xFF
    path.write_bytes(content)


def test_a_flipped_byte_is_found_by_the_check_and_by_reading_it(prepared):
    # The 21st record's chunk: behind it and before it all is well.
    flip(prepared / TRAIN, (prepared / TRAIN).read_bytes().find(b'\x89PNG', 3_000) + 20)
    split = data.open_split('tiny', 'train')  # the cheap check cannot see it
    for action in (lambda: check('tiny'), lambda: data.load_arrays(split), lambda: list(split)):
        said = message(action)
        assert f'{prepared / TRAIN} cannot be read at image ' in said
        assert '--overwrite' in said


def test_other_content_in_whole_files_is_found_by_the_check(prepared):
    facts = json.loads((prepared / 'metadata.json').read_text())
    (prepared / 'metadata.json').write_text(json.dumps(facts | {'fingerprint': 'f' * 64}))
    assert 'does not hold what was written' in message(check, 'tiny')
    (prepared / 'metadata.json').write_text(json.dumps(facts | {'mean': [0.5]}))
    assert 'another mean or std' in message(check, 'tiny')


def test_a_damaged_packaged_set_is_not_to_be_prepared(prepared, monkeypatch):
    monkeypatch.setattr(locate, 'PACKAGED', prepared.parent.parent)
    (prepared / TRAIN).unlink()
    assert message(data.info, 'tiny').endswith('it comes with cnn_bench: reinstall that')


def test_the_stream_says_it_too(prepared):
    flip(prepared / TRAIN, (prepared / TRAIN).read_bytes().find(b'\x89PNG', 3_000) + 20)
    split = data.open_split('tiny', 'train')
    with data.stream(split, 4, seed=0, preprocessing=Preprocessing((5, 5, 1), (0.5,), (0.5,)), train=False) as batches:
        assert 'cannot be read at image' in message(list, batches)


# part of a split


def test_a_sample_is_fixed_and_lies_in_a_larger_one(prepared_once):
    split = data.open_split('tiny', 'train', prepared_once)
    images, labels = data.load_arrays(split)
    found = {}
    for count in (2, 5, len(split)):
        sample = split.sample(count)
        assert len(sample) == len(list(sample)) == count
        some, their_labels = data.load_arrays(sample)
        places = [next(i for i, image in enumerate(images) if (image == one).all()) for one in some]
        assert places == sorted(set(places))
        np.testing.assert_array_equal(their_labels, labels[places])
        np.testing.assert_array_equal(sample[1]['image'], some[1])
        found[count] = set(places)
    assert found[2] < found[5] < found[len(split)]


@pytest.mark.parametrize('count', [0, -1, 10_000])
def test_a_sample_of_more_than_there_is(prepared_once, count):
    assert 'images in train, not ' in message(data.open_split('tiny', 'train', prepared_once).sample, count)
