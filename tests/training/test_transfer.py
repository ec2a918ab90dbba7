"""First weights from a run or from imported weights: what must fit, what comes with them, what is recorded."""

import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict
from safetensors.numpy import save_file
from zoo import quick_jit

from cnn_bench import data
from cnn_bench.data.augment import normalise
from cnn_bench.data.preprocessing import Preprocessing
from cnn_bench.digest import digest
from cnn_bench.errors import UserError
from cnn_bench.models import registry
from cnn_bench.pretrained.convert import Names
from cnn_bench.pretrained.importer import import_weights
from cnn_bench.pretrained.layout import layout_of
from cnn_bench.runs import RunDirectory, schema
from cnn_bench.trained import Origin, TrainedModel, imported
from cnn_bench.trained.class_names import numbered_classes
from cnn_bench.training import session
from cnn_bench.training.evaluate import evaluate_run
from cnn_bench.training.setup import TrainingSetup, restore
from cnn_bench.training.transfer import fitting_weights, load_init

SHORT = {'total_steps': 2, 'checkpoint_every_steps': 2, 'eval_every_epochs': 9}


@pytest.fixture(scope='module')
def pretrained(tiny_data, tmp_path_factory):
    """Call it with a recipe of two steps to have its run directory."""
    made = tmp_path_factory.mktemp('pretrained') / 'run'

    def train(config):
        session.train(config, made, tiny_data)
        return made

    return train


@pytest.fixture
def source(tiny_recipe, pretrained):
    """The run of LeNet-5 on the first five classes of `tiny`."""
    return pretrained(tiny_recipe(**SHORT, dataset__classes=(0, 1, 2, 3, 4)))


def _setup(config, tmp_path, tiny_data):
    return TrainingSetup(config, tiny_data, load_init(config, RunDirectory(tmp_path / 'none'), tiny_data))


def _equal(one, other):
    return {
        name: all(np.array_equal(*pair) for pair in zip(*map(jax.tree.leaves, (one[name], other[name])), strict=True))
        for name in one
    }


@pytest.mark.parametrize(('keep', 'classes'), [(True, (5, 6, 7, 8, 9)), (False, (5, 6, 7, 8, 9)), (True, ())])
def test_the_base_is_that_of_the_run_and_the_head_fresh_where_it_must_be(
    tiny_recipe, tiny_data, tmp_path, source, keep, classes
):
    theirs = restore(RunDirectory(source), tiny_data)[1].params
    fields = {'init_from': str(source), 'init_head': keep, 'dataset__classes': classes}
    state = _setup(tiny_recipe(**fields, ema_decay=0.5), tmp_path, tiny_data).first_state()
    fresh = TrainingSetup(tiny_recipe(dataset__classes=classes), tiny_data).first_state().params
    base = {name: layers for name, layers in state.params.items() if name != 'head'}
    assert all(_equal(base, theirs).values())
    kept = keep and len(classes) == 5
    assert _equal({'head': state.params['head']}, theirs if kept else fresh)['head']
    assert _equal({'p': state.params}, {'p': state.average['params']})['p']


@pytest.mark.parametrize(
    ('fields', 'said'),
    [
        ({'model__width': 0.5}, r'another network \(there, here\): model.width: 1.0, 0.5'),
        ({'model__act': 'relu'}, r'another network \(there, here\): model.act'),
        ({'model__arch': 'fashion_cnn'}, "model.arch: 'lenet5', 'fashion_cnn'"),
        ({'dataset__size': 36}, 'cannot take 36x36x1'),
        ({'init_from': '/tmp/nothing'}, 'neither a run directory'),
    ],
)
def test_what_does_not_fit_is_one_line_and_nothing_is_written(tiny_recipe, tiny_data, tmp_path, source, fields, said):
    config = tiny_recipe(**{'init_from': str(source), 'dataset__classes': (5, 6, 7, 8, 9), **fields})
    with pytest.raises(UserError, match=said) as error:
        session.train(config, tmp_path / 'run', tiny_data)
    assert '\n' not in str(error.value)
    assert not (tmp_path / 'run').exists()


def test_weights_must_fit_by_name_and_shape():
    arrays = {'params': {'stem': {'kernel': np.ones((3, 2))}, 'head': {'kernel': np.ones((2, 5))}}}
    origin = Origin('DIR', 'weights', 'lenet5', {'num_classes': 5}, '', {})
    init = TrainedModel(None, arrays, Preprocessing((4, 4, 1), (0,), (1,)), numbered_classes(5), origin)
    assert set(fitting_weights(init, arrays, True)) == {'params/stem/kernel', 'params/head/kernel'}
    other = {'params': {**arrays['params'], 'head': {'kernel': np.ones((2, 3))}}}
    assert set(fitting_weights(init, other, False)) == {'params/stem/kernel'}
    with pytest.raises(UserError, match=r"params/head/kernel: 'float64\[2, 5\]', 'float64\[2, 3\]'$"):
        fitting_weights(init, other, True)
    with pytest.raises(UserError, match=r"params/stem/kernel: 'float64\[3, 2\]', None$"):
        fitting_weights(init, {'params': {}}, False)


def test_it_is_recorded_and_a_checkpoint_of_its_own_wins(tiny_recipe, tiny_data, tmp_path, source):
    """With the source gone the run goes on, and is evaluated, prepared as it was."""
    moved = shutil.copytree(source, tmp_path / 'source')
    config = tiny_recipe(**{**SHORT, 'total_steps': 4}, init_from='../source', dataset__classes=(5, 6, 7, 8, 9))
    session.train(config, tmp_path / 'run', tiny_data)
    run = RunDirectory(tmp_path / 'run')
    record = run.read(schema.PROVENANCE)['init']
    assert (record['path'], record['kind'], record['source']['step']) == (str(moved), 'run', 2)
    assert record['preprocessing']['mean'] == list(data.info('tiny', tiny_data).mean)
    assert len(record['digest']) == 64
    before = json.loads((run / schema.SUMMARY).read_text())
    shutil.rmtree(moved)
    shutil.rmtree(run / schema.CHECKPOINTS / '4')
    (run / schema.SUMMARY).unlink()
    after = session.train(config, tmp_path / 'run', tiny_data)
    assert {**after, 'train_s': 0, 'images_per_s': 0} == {**before, 'train_s': 0, 'images_per_s': 0}
    assert run.read(schema.PROVENANCE)['init'] == record
    assert evaluate_run(run.path, data_dir=tiny_data)['top1_err_pct'] == before['top1_err_pct']


def test_classes_are_relabelled_and_all_else_is_left_out(tiny_recipe, tiny_data):
    setup = TrainingSetup(tiny_recipe(dataset__classes=(7, 2), dataset__train_images=12, batch_size=6), tiny_data)
    whole = data.open_split('tiny', 'test', tiny_data)
    images, labels = data.load_arrays(whole.only((7, 2)))
    assert (setup.info.num_classes, setup.info.class_names) == (2, ('7', '2'))
    assert setup.steps_per_epoch == 2
    assert len(setup.train_data) == 12
    np.testing.assert_array_equal(labels, [0 if label == 7 else 1 for label in np.arange(40) % 10 if label in (2, 7)])
    np.testing.assert_array_equal(images[0], whole[2]['image'])
    for classes, said in (((10,), 'has 10; the classes of tiny are 0 to 9'), ((1, 1), 'different labels')):
        with pytest.raises(UserError, match=said):
            TrainingSetup(tiny_recipe(dataset__classes=classes), tiny_data)


@pytest.fixture
def colour_weights(tmp_path):
    """Random weights of a narrow network for colour images of 40x40, stored as imported ones are."""
    fields = {'num_classes': 7, 'width': 0.25, 'depths': (1, 1, 1), 'bn_epsilon': 1e-3}
    module = registry.build('resnet20', **fields)
    variables = dict(module.init(jax.random.key(3), jnp.zeros((1, 40, 40, 3)), train=False))
    source = {'library': 'keras', 'file': 'random.h5', 'bytes': 0, 'sha256': '0' * 64}
    origin = Origin(str(tmp_path), 'weights', 'resnet20', fields, digest(variables), source)
    preprocessing = Preprocessing((40, 40, 3), (0.1, 0.2, 0.3), (0.5, 0.6, 0.7))
    imported.save(TrainedModel(module, variables, preprocessing, numbered_classes(7), origin), tmp_path / 'weights')
    return tmp_path / 'weights'


def test_preprocessing_size_and_fields_are_those_of_the_weights(tiny_recipe, tiny_data, tmp_path, colour_weights):
    """Grey images are resized to what the weights were made for and repeated in three channels."""
    fields = {'model__arch': 'resnet20', 'model__width': 0.25, 'init_from': str(colour_weights)}
    setup = _setup(tiny_recipe(**fields, crop__crop_fraction=1.0), tmp_path, tiny_data)
    assert setup.image_shape == (40, 40, 3)
    assert (setup.model.bn_epsilon, setup.model.num_classes) == (1e-3, 10)
    batch, _ = next(setup.eval_data['test'].eval_batches(20))
    assert batch['image'].shape == (1, 20, 40, 40, 1)
    prepared = setup.preprocess(jnp.asarray(batch['image'][0]))
    assert prepared.shape == (20, 40, 40, 3)
    repeated = np.repeat(batch['image'][0], 3, axis=-1)
    expected = (repeated / 255 - np.array([0.1, 0.2, 0.3])) / np.array([0.5, 0.6, 0.7])
    np.testing.assert_allclose(prepared, expected, atol=1e-5)
    same = normalise(jnp.asarray(repeated), (0.1, 0.2, 0.3), (0.5, 0.6, 0.7))
    np.testing.assert_array_equal(prepared, same)
    assert _setup(tiny_recipe(**fields, dataset__size=28), tmp_path, tiny_data).image_shape == (28, 28, 3)
    with pytest.raises(UserError, match=r'model.bn_epsilon: 0.001, 0.01'):
        _setup(tiny_recipe(**fields, model__bn_epsilon=0.01), tmp_path, tiny_data)


def test_imported_weights_without_a_head_are_a_base(tiny_recipe, tiny_data, tmp_path):
    """Of SqueezeNet as torchvision has it, less its last layer, at a fraction of its size."""
    module = registry.build('squeezenet1_1', num_classes=0)
    variables = dict(quick_jit(module.init)(jax.random.key(3), jnp.zeros((1, 64, 64, 3))))
    names = Names(layout_of('squeezenet1_1', 'torchvision'), 'torchvision')
    arrays = {
        names.of(path): np.ascontiguousarray(leaf.transpose(3, 2, 0, 1) if leaf.ndim == 4 else leaf)
        for path, leaf in flatten_dict(jax.device_get(variables), sep='/').items()
    }
    save_file({f'module.{name}': array for name, array in arrays.items()}, tmp_path / 'w.safetensors')
    import_weights('squeezenet1_1', tmp_path / 'w.safetensors', tmp_path / 'weights')
    fields = {'model__arch': 'squeezenet1_1', 'dataset__size': 64, 'init_head': False}
    setup = _setup(tiny_recipe(**fields, init_from=str(tmp_path / 'weights')), tmp_path, tiny_data)
    params = jax.device_get(setup.first_state().params)
    assert setup.model.num_classes == params['head']['conv10']['conv']['bias'].size == 10
    assert all(_equal(variables['params'], params).values())


@pytest.mark.slow
def test_keras_xception_is_the_same_base_before_and_after_its_head_is_trained(tiny_recipe, tmp_path):
    """Random weights of Keras's, saved and imported; two steps of the head on the packaged images at 71x71."""
    keras = pytest.importorskip('keras')
    size = 71  # the smallest that Keras's Xception takes
    theirs = keras.applications.Xception(weights=None, input_shape=(size, size, 3), classifier_activation=None)
    generator = np.random.default_rng(0)
    for weight in theirs.weights:
        if weight.path.endswith(('moving_mean', 'beta', 'bias')):
            weight.assign(0.1 * generator.standard_normal(weight.shape, np.float32))
    theirs.save_weights(tmp_path / 'random.weights.h5')
    import_weights('xception', tmp_path / 'random.weights.h5', tmp_path / 'weights')
    config = tiny_recipe(
        dataset__name='fashion_mnist_subset',
        dataset__size=size,
        dataset__train_images=16,
        crop__scale=(1.0, 1.0),
        crop__crop_fraction=1.0,
        model__arch='xception',
        init_from=str(tmp_path / 'weights'),
        freeze=('*', '!head'),
        batch_size=8,
        total_epochs=1,
        eval_batch_size=100,
        dataset__classes=(5, 9),
    )
    setup = TrainingSetup(config, None, load_init(config, RunDirectory(tmp_path / 'none')))
    state, run = setup.first_state(), setup.compiled_train_steps()
    head = jax.device_get(state.params['head'])
    for number in range(2):
        (state, metrics), _ = run(state, setup.shared(), setup.train_data.train_batches(0, 8, number, 1))
    assert np.isfinite(metrics['loss']).all()
    assert not _equal({'head': head}, {'head': state.params['head']})['head']
    batch, _ = next(setup.eval_data['test'].eval_batches(2))
    images = np.asarray(setup.preprocess(jnp.asarray(batch['image'][0])))
    assert images.shape == (2, size, size, 3)
    base = keras.Model(theirs.inputs, theirs.get_layer('avg_pool').input)
    expected = np.asarray(base(np.repeat(batch['image'][0], 3, axis=-1) / 127.5 - 1, training=False))
    features = np.asarray(setup.model.apply(jax.device_get(state.variables), images, method='features'))
    assert np.abs(features - expected).max() < 1e-4 * np.abs(expected).max()
