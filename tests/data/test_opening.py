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
from image_files import write_idx

from cnn_bench import data
from cnn_bench.data import locate
from cnn_bench.data.check import check
from cnn_bench.data.prepare import prepare
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


def test_a_data_directory_that_is_not_text(monkeypatch):
    monkeypatch.setenv('CNN_BENCH_DATA', '/\udcff')
    assert r"the data directory '/\udcff' is not one line of UTF-8" in message(data.info, 'tiny')


def test_a_name_cannot_leave_the_data_directory():
    assert 'cannot name a data set' in message(data.info, '../../etc')


# damaged


@pytest.mark.parametrize('file', [TRAIN, 'dataset_info.json', 'features.json', 'metadata.json', 'label.labels.txt'])
def test_a_lost_file_is_named(prepared, file):
    (prepared / file).unlink()
    said = message(data.open_split, 'tiny', 'train')
    assert f'{prepared / file} ' in said
    assert '`cnn-bench data prepare tiny --from DIR --overwrite`' in said


JSON = ['dataset_info.json', 'features.json', 'metadata.json']


@pytest.mark.parametrize('file', [TRAIN, *JSON, 'label.labels.txt'])
@pytest.mark.parametrize('part', [0, 0.5])
def test_a_cut_file_is_named(prepared, file, part):
    os.truncate(prepared / file, int(part * (prepared / file).stat().st_size))
    said = message(data.open_split, 'tiny', 'test')  # also when another split is opened
    assert f'{prepared / file} ' in said
    assert '--overwrite' in said


def changed(content, path, value):
    """The JSON `content` with `value` at the `path` of keys and indices."""
    if not path:
        return value
    copy = list(content) if isinstance(content, list) else dict(content)
    copy[path[0]] = changed(copy.get(path[0]) if isinstance(copy, dict) else copy[path[0]], path[1:], value)
    return copy


OTHERS = (None, True, -1, 0, 1.5, 'text', [], [None], ['1', 2], {}, {'a': 1}, float('nan'))  # other types and values
LABEL, IMAGE = (('featuresDict', 'features', name) for name in ('label', 'image'))
CLASS = 'pythonClassName'
FITTING = {
    ('metadata.json', 'image_shape'): [None],
    ('metadata.json', 'source'): ['text'],
    ('metadata.json', 'oddities'): [{'a': 1}],
}


@pytest.mark.parametrize(
    ('file', 'path', 'values'),
    [
        *((file, (), [None, 1, 'text', [], {}, [{}]]) for file in JSON),
        *(
            ('metadata.json', (name,), OTHERS)
            for name in (
                'class_names',
                'channels',
                'image_shape',
                'mean',
                'std',
                'shard_bytes',
                'fingerprint',
                'source',
            )
        ),
        (
            'metadata.json',
            ('class_names',),
            [['0'], list(range(10)), ['0'] * 10, [*'012345678', 'a\nb'], [*'012345678', ' ']],
        ),
        ('metadata.json', ('class_names', 9), ['\udce9', '8', '']),
        ('metadata.json', ('class_ids',), [*(value for value in OTHERS if value != []), ['n01440764'], ['x'] * 10]),
        ('metadata.json', ('oddities',), [*(value for value in OTHERS if value != {}), {'CMYK': 0}, {'a\nb': 1}]),
        ('metadata.json', ('channels',), [3, 2, '1']),
        ('metadata.json', ('image_shape',), [[-6, 5, 1], [6, 5, 3], [6, 5], [6.0, 5, 1], ['6', '5', '1']]),
        ('metadata.json', ('mean',), [['0.5'], [0.5, 0.5], [float('nan')], [float('inf')], [-0.1], [[0.5]], [True]]),
        ('metadata.json', ('std',), [['0.5'], [float('nan')], [-0.1]]),
        ('metadata.json', ('shard_bytes', TRAIN), [-1, '1', 1.5, None]),
        *(('dataset_info.json', (name,), OTHERS) for name in ('version', 'fileFormat', 'splits')),
        ('dataset_info.json', ('name',), [*OTHERS[:5], '../tiny', 'other']),
        ('dataset_info.json', ('splits', 0, 'name'), OTHERS[:5]),
        ('dataset_info.json', ('splits', 0, 'shardLengths'), [*OTHERS, ['-40'], ['0'], ['x'], [40]]),
        ('dataset_info.json', ('splits', 0, 'filepathTemplate'), [None, '/etc/{SPLIT}']),
        ('features.json', (CLASS,), ['os.path', 'my_module.Mine', 1]),
        ('features.json', ('type',), ['my_module.Mine']),
        ('features.json', ('featuresDict',), OTHERS),
        *(('features.json', path, OTHERS) for path in (LABEL, IMAGE)),
        *(('features.json', (*path, CLASS), ['my_module.Mine', None, {}]) for path in (LABEL, IMAGE)),
        ('features.json', ('featuresDict', 'features', 'id'), [{CLASS: 'my_module.Mine', 'text': {}}]),
        ('features.json', (*LABEL, 'classLabel', 'numClasses'), ['1', '-1', 10]),
        ('features.json', (*IMAGE, 'image', 'shape', 'dimensions'), [['6', '5', '3'], ['-6', '5', '1'], []]),
    ],
)
def test_an_edited_description_is_refused_before_anything_uses_it(prepared, tmp_path, monkeypatch, file, path, values):
    (tmp_path / 'my_module.py').write_text('raise SystemExit("imported")')
    monkeypatch.syspath_prepend(tmp_path)
    content = json.loads((prepared / file).read_text())
    for value in values:
        if value in FITTING.get((file, *path), ()):
            continue
        (prepared / file).write_text(json.dumps(changed(content, path, value)))
        said = message(data.open_split, 'tiny', 'train')
        assert str(prepared) in said, value
        assert '--overwrite' in said


@pytest.mark.parametrize(
    ('file', 'depth'), [*((file, 10_000) for file in JSON), ('features.json', 900), ('dataset_info.json', 900)]
)
def test_a_description_that_is_nested_deep(prepared, file, depth):
    content = (prepared / file).read_text().rstrip().removesuffix('}')
    (prepared / file).write_text(f'{content}, "deep": {"[" * depth}{"]" * depth}}}')
    assert str(prepared) in message(check, 'tiny')


def test_fields_that_only_tfds_reads(prepared):
    content = json.loads((prepared / 'dataset_info.json').read_text())
    for change in ({'description': 5}, {'no_such_field': {}}, {'supervisedKeys': []}):
        (prepared / 'dataset_info.json').write_text(json.dumps(content | change))
        assert f'{prepared} cannot be read by TFDS' in message(check, 'tiny')


def test_more_features_of_tfds_are_no_fault(prepared):
    content = json.loads((prepared / 'features.json').read_text())
    text = {CLASS: 'tensorflow_datasets.core.features.text_feature.Text', 'text': {}}
    (prepared / 'features.json').write_text(json.dumps(changed(content, ('featuresDict', 'features', 'id'), text)))
    assert data.info('tiny').num_classes == 10


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


@pytest.mark.parametrize('balanced', [True, False])
def test_held_out_images_are_nested_and_in_proportion(tmp_path, balanced):
    counts = [12, 12, 12] if balanced else [24, 9, 3]
    labels = np.repeat(np.arange(3), counts).astype(np.uint8)
    images = np.arange(36, dtype=np.uint8)[:, None, None].repeat(4, 1).repeat(4, 2)
    write_idx(tmp_path / 'idx', {'train': (images, labels), 'test': (images[:2], labels[:2])})
    prepare('set', tmp_path / 'idx', tmp_path / 'data')
    split, before = data.open_split('set', 'train', tmp_path / 'data'), set()
    np.testing.assert_array_equal(split.labels(), labels)
    file = split.info.directory / 'train.labels.npy'
    whole = file.read_bytes()
    if not balanced:
        file.unlink()  # as earlier versions wrote sets
        np.testing.assert_array_equal(split.labels(), labels)
        np.testing.assert_array_equal(split.only((2, 1)).labels(), [1] * 9 + [0] * 3)
        file.write_bytes(whole)
        np.testing.assert_array_equal(split.only((2, 1)).labels(), [1] * 9 + [0] * 3)
    for count in range(1, 36):
        rest, held = split.hold_out(count)
        of_class = np.bincount(held.labels(), minlength=3)
        chosen = {int(image['image'].max()) for image in held}
        assert len(chosen) == len(held) == count
        assert before < chosen
        assert {int(image['image'].max()) for image in rest} == set(range(36)) - chosen
        assert (np.bincount(rest.labels(), minlength=3) > 0).all() or count > 33
        if count <= 33:
            np.testing.assert_array_less(abs(of_class - count * np.array(counts) / 36), 1.5)
        before = chosen
    with pytest.raises(UserError, match='36 of the 36 images in train of set cannot be held out'):
        split.hold_out(36)


def test_a_damaged_file_of_labels_is_one_line(prepared):
    file = prepared / 'train.labels.npy'
    labels = np.load(file)
    np.save(file, labels[::-1].copy())
    assert 'train.labels.npy has other labels than the images' in message(check, 'tiny')
    np.save(file, labels[:-1])
    assert 'train.labels.npy cannot be read: it does not hold the labels' in message(
        data.open_split('tiny', 'train').labels
    )
    for content in (b'x', b''):
        file.write_bytes(content)
        assert 'train.labels.npy cannot be read' in message(data.open_split('tiny', 'train').labels)
