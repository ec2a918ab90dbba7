"""Names of classes that no data set names."""

import json
from pathlib import Path

import jax
import numpy as np
import tensorflow_datasets as tfds

from cnn_bench import trained
from cnn_bench.data.preprocessing import Preprocessing
from cnn_bench.digest import digest
from cnn_bench.models import registry
from cnn_bench.models.variables import variable_shapes
from cnn_bench.trained import Origin, TrainedModel, imported
from cnn_bench.trained.class_names import default_class_names, numbered_classes

IMAGENETTE = {  # ten of ImageNet's synsets, as https://github.com/fastai/imagenette names them
    'n01440764': 'tench',
    'n02102040': 'English springer',
    'n02979186': 'cassette player',
    'n03000684': 'chain saw',
    'n03028079': 'church',
    'n03394916': 'French horn',
    'n03417042': 'garbage truck',
    'n03425413': 'gas pump',
    'n03445777': 'golf ball',
    'n03888257': 'parachute',
}


def test_those_of_imagenet_are_in_the_order_of_their_synsets():
    file = Path(tfds.__file__).parent / 'image_classification' / 'imagenet_resized_labels.txt'
    synsets, names = sorted(file.read_text().split()), default_class_names(1000)
    assert len(set(names)) == len(synsets) == 1000
    assert {synset: names[synsets.index(synset)] for synset in IMAGENETTE} == IMAGENETTE


def test_other_numbers_of_classes_are_numbered():
    assert default_class_names(3) == ('class 0', 'class 1', 'class 2')


def test_weights_that_earlier_versions_imported_get_them_too(tmp_path):
    fields, shape = {'num_classes': 1000, 'width': 0.1}, (28, 28, 1)
    module = registry.build('lenet5', **fields)
    variables = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), variable_shapes(module, shape))
    origin = Origin('', 'weights', 'lenet5', fields, digest(variables), {'library': 'timm', 'file': 'lenet5.pth'})
    preprocessing = Preprocessing(shape, (0.5,), (0.5,))
    imported.save(TrainedModel(module, variables, preprocessing, numbered_classes(1000), origin), tmp_path / 'weights')
    assert trained.load(tmp_path / 'weights').class_names[388] == 'giant panda'
    file = tmp_path / 'weights' / imported.RECORD
    record = json.loads(file.read_text())
    del record['class_names']
    file.write_text(json.dumps(record))
    assert trained.load(tmp_path / 'weights').class_names[388] == 'giant panda'
