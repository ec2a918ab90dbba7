"""The files that describe a data set, read and checked before anything uses them: they can be cut, or edited by hand.

TFDS imports and builds whatever class features.json names, so that only its own are let through.
"""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cnn_bench.data.class_names import check_class_names
from cnn_bench.data.locate import NAME, VERSION
from cnn_bench.data.synsets import WORDNET_ID
from cnn_bench.errors import UserError
from cnn_bench.files import read_json
from cnn_bench.text import is_one_line

INFO, FEATURES, METADATA, LABELS = 'dataset_info.json', 'features.json', 'metadata.json', 'label.labels.txt'
FILES = (INFO, FEATURES, METADATA)
CLASSIFICATION, SEGMENTATION = 'classification', 'segmentation'  # what the labels of a set are for
TASKS = (CLASSIFICATION, SEGMENTATION)
VOID = 255  # in masks: of no class, and counted nowhere
TEMPLATE = '{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_INDEX}'  # of the names of shards
_CLASS = 'tensorflow_datasets.core.features.'
_FEATURE = re.compile(re.escape(_CLASS) + r'\w+\.\w+')


class Unfit(Exception):
    """A file of a set is not as `data prepare` writes it; `file` names it, the message says in what."""

    def __init__(self, file: str, what: str):
        super().__init__(what)
        self.file = file


def read_description(directory: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The checked content of dataset_info.json, as TFDS writes it, and of metadata.json. Raises Unfit."""
    described, features, facts = (_json(directory, file) for file in (INFO, FEATURES, METADATA))
    _check(METADATA, _of_metadata(facts))
    names, shape = facts['class_names'], facts['image_shape'] or (-1, -1, facts['channels'])
    task = facts.get('task', CLASSIFICATION)
    _check(FEATURES, _of_features(features, len(names), shape, task))
    _check(INFO, _of_info(described))
    _check(METADATA, _of_shards(described, facts['shard_bytes']))
    if task == CLASSIFICATION and _labels(directory) != [name.strip() for name in names]:
        raise Unfit(LABELS, f'has other class names than {METADATA}')
    return described, facts


def shard_file(name: str, split: str, number: int) -> str:
    """The name that TFDS's SequentialWriter gives a shard."""
    return f'{name}-{split}.array_record-{number:05d}'


def _class_names_fit(names: Any) -> bool:
    try:
        check_class_names(METADATA, names)
    except UserError:
        return False
    return len(names) > 0


def _of_metadata(facts: dict) -> Iterator[tuple[str, bool]]:
    """Each fact of metadata.json by name, and whether it is as it should be."""
    channels, shape = facts.get('channels'), facts.get('image_shape')
    yield 'task', facts.get('task', CLASSIFICATION) in TASKS
    yield 'class_names', _all(facts.get('class_names'), str) and _class_names_fit(facts['class_names'])
    ids, oddities = facts.get('class_ids', []), facts.get('oddities', {})
    yield 'class_ids', _all(ids, str) and all(map(WORDNET_ID.fullmatch, ids))
    yield 'class_ids', len(ids) in (0, len(facts['class_names']))
    yield 'oddities', isinstance(oddities, dict) and all(map(is_one_line, oddities))
    yield 'oddities', _all(list(oddities.values()), int) and all(count > 0 for count in oddities.values())
    yield 'channels', _all([channels], int) and channels in (1, 3)
    sized = _all(shape, int) and len(shape) == 3 and min(shape) > 0 and shape[2] == channels
    yield 'image_shape', sized or ('image_shape' in facts and shape is None)
    for name in ('mean', 'std'):
        values = facts.get(name)
        yield name, _all(values, float, int) and len(values) == channels and all(0 <= value <= 1 for value in values)
    fingerprint = facts.get('fingerprint')
    yield 'fingerprint', isinstance(fingerprint, str) and re.fullmatch('[0-9a-f]{64}', fingerprint) is not None
    yield 'source', isinstance(facts.get('source'), str)
    yield 'shard_bytes', isinstance(facts.get('shard_bytes'), dict)
    reduced = facts.get('reduced')
    yield (
        'reduced',
        reduced is None
        or (isinstance(reduced, dict) and {*reduced} == {'shorter_side', 'quality'} and _all([*reduced.values()], int)),
    )


def _of_features(features: dict, num_classes: int, shape: tuple, task: str) -> Iterator[tuple[str, bool]]:
    """The same of features.json."""
    yield 'pythonClassName', all(_FEATURE.fullmatch(str(name)) for name in _values(features, 'pythonClassName'))
    yield 'type', not [*_values(features, 'type')]  # a second way to name a class
    yield 'featuresDict', features.get('pythonClassName') == f'{_CLASS}features_dict.FeaturesDict'
    image, label = (_at(features, 'featuresDict', 'features', name) for name in ('image', 'label'))
    dimensions = list(map(str, shape))
    yield 'image', _at(image, 'pythonClassName') == f'{_CLASS}image_feature.Image'
    yield 'image', _at(image, 'image', 'shape', 'dimensions') == dimensions and _at(image, 'image', 'dtype') == 'uint8'
    if task == SEGMENTATION:
        yield 'label', _at(label, 'pythonClassName') == f'{_CLASS}image_feature.Image'
        yield 'label', _at(label, 'image', 'shape', 'dimensions') == [*dimensions[:2], '1']
        return
    yield 'label', _at(label, 'pythonClassName') == f'{_CLASS}class_label_feature.ClassLabel'
    yield 'label', _at(label, 'classLabel', 'numClasses') == str(num_classes)


def _of_info(described: dict) -> Iterator[tuple[str, bool]]:
    """The same of dataset_info.json."""
    yield 'name', isinstance(described.get('name'), str) and NAME.fullmatch(described['name']) is not None
    yield 'version', described.get('version') == VERSION
    yield 'fileFormat', described.get('fileFormat') == 'array_record'
    splits = described.get('splits')
    yield 'splits', _all(splits, dict) and len(splits) > 0
    names = [split.get('name') for split in splits]
    yield 'splits', _all(names, str) and all(NAME.fullmatch(name) for name in names) and len(set(names)) == len(names)
    for split in splits:
        lengths = split.get('shardLengths')
        yield 'shardLengths', bool(lengths) and _all(lengths, str)
        yield 'shardLengths', all(re.fullmatch('[1-9][0-9]{0,11}', images) for images in lengths)
        yield 'filepathTemplate', split.get('filepathTemplate') == TEMPLATE


def _of_shards(described: dict, shard_bytes: dict) -> Iterator[tuple[str, bool]]:
    for split in described['splits']:
        for number in range(len(split['shardLengths'])):
            yield 'shard_bytes', _all([shard_bytes.get(shard_file(described['name'], split['name'], number))], int)


def _check(file: str, facts: Iterator[tuple[str, bool]]) -> None:
    try:
        wrong = next((name for name, fits in facts if not fits), None)
    except RecursionError:
        wrong = 'what is nested less deep'
    if wrong:
        raise Unfit(file, f'does not hold what `cnn-bench data prepare` writes: {wrong}')


def _all(values: Any, *types: type) -> bool:
    """Whether `values` is a list of finite values of these types; True and False are no numbers."""
    return isinstance(values, list) and all(
        type(value) in types and not (isinstance(value, float) and not math.isfinite(value)) for value in values
    )


def _at(value: Any, *names: str) -> Any:
    """What lies at a path of nested dictionaries; None where there is nothing."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _values(value: Any, name: str) -> Iterator[Any]:
    """The values of all fields `name`, at any depth."""
    if isinstance(value, dict):
        yield from (inner for key, inner in value.items() if key == name)
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _values(inner, name)


def _labels(directory: Path) -> list[str]:
    """The class names in label.labels.txt, as TFDS reads them."""
    try:
        lines = (directory / LABELS).read_text(encoding='utf-8').split('\n')
    except FileNotFoundError:
        raise Unfit(LABELS, 'is missing') from None
    except (ValueError, OSError) as error:
        raise Unfit(LABELS, f'cannot be read ({_first_line(error)})') from None
    return [line.strip() for line in lines if line.strip()]


def _json(directory: Path, file: str) -> dict:
    try:
        content = read_json(directory / file)
    except (ValueError, OSError) as error:
        raise Unfit(file, f'cannot be read ({_first_line(error)})') from None
    if not isinstance(content, dict):
        raise Unfit(file, 'does not hold what `cnn-bench data prepare` writes')
    return content


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
