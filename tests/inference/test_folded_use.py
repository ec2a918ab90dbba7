"""`predict`, `features` and evaluation fold batch norms, and what they give is what the network gives without."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from zoo import quick_jit, random_variables

from cnn_bench import data, recipe, trained
from cnn_bench.data.preprocessing import Preprocessing
from cnn_bench.digest import digest
from cnn_bench.errors import UserError
from cnn_bench.inference import layers, predict
from cnn_bench.inference.features import extract
from cnn_bench.models import registry
from cnn_bench.models.variables import variable_shapes
from cnn_bench.runs import RunDirectory, schema
from cnn_bench.trained import Origin, TrainedModel, folding, imported
from cnn_bench.trained.checkpoint import Checkpoints
from cnn_bench.training import evaluate, provenance
from cnn_bench.training.protocol import Asked
from cnn_bench.training.setup import TrainingSetup

FIELDS = {'width': 0.25, 'depths': (1, 1, 1)}
SHAPE = (28, 28, 1)


def random_network(arch: str, **fields) -> TrainedModel:
    fields = {'num_classes': 10, **fields}
    module = registry.build(arch, **fields)
    variables = jax.tree.map(jnp.asarray, random_variables(variable_shapes(module, SHAPE)))
    origin = Origin('a test', 'weights', arch, fields, digest(variables), {'file': 'a.h5', 'library': 'keras'})
    return TrainedModel(module, variables, Preprocessing(SHAPE, (0.4,), (0.3,)), tuple('0123456789'), origin)


@pytest.fixture(scope='module')
def resnet():
    return random_network('resnet20', **FIELDS)


@pytest.fixture
def counted(monkeypatch):
    """The number of batch norms that were folded, one entry for each network."""
    counts, trace = [], folding._traced

    def counting(*of):
        calls = trace(*of)
        counts.append(len(calls.pairs()))
        return calls

    monkeypatch.setattr(folding, '_traced', counting)
    return counts


def tiny_images(data_dir):
    return np.stack([example['image'] for example in data.open_split('tiny', 'test', data_dir)])


@pytest.mark.parametrize('dtype', ['float32', 'bfloat16'])
def test_predictions(resnet, tmp_path, counted, dtype):
    pixels = np.random.default_rng(0).integers(0, 256, (3, 28, 28), np.uint8)
    for number, one in enumerate(pixels):
        Image.fromarray(one).save(tmp_path / f'{number}.png')
    network = resnet.computing_in(dtype)
    assert network.dtype == network.origin.fields['dtype'] == dtype
    expected = np.asarray(
        jax.nn.softmax(quick_jit(resnet.module.apply)(resnet.variables, resnet.preprocess(pixels[..., None])))
    )
    for one, row in zip(predict(network, [tmp_path], top=10), expected, strict=True):
        found = np.array(one.probabilities)[np.argsort(one.labels)]
        np.testing.assert_allclose(found, row, atol=1e-5 if dtype == 'float32' else 0.1)
        assert (dtype == 'float32') == np.allclose(found, row, atol=1e-5)
    assert counted == [7]


@pytest.mark.parametrize(
    ('arch', 'layer', 'changes'),
    [
        ('resnet20', 'stem/conv', True),
        ('resnet20', 'stage2/block1/conv2/norm', True),
        ('resnet20', 'stage2/block1/conv2', False),
        ('resnet20', 'features', False),
        ('alexnet_bn', 'head/fc2', True),
        ('alexnet_bn', 'head/norm1', True),
        ('alexnet_bn', 'head/fc', False),
        ('xception', 'block2/sepconv2/conv/pointwise', True),
    ],
)
def test_outputs_of_layers_are_those_of_the_network_that_is_not_folded(arch, layer, changes):
    small = (
        FIELDS
        if arch == 'resnet20'
        else {'width': 0.1, 'stem': 'small'} | ({'middle': 0} if arch == 'xception' else {})
    )
    network = random_network(arch, **small)
    inputs = jnp.asarray(np.random.default_rng(0).standard_normal((2, *SHAPE)), jnp.float32)
    expected = layers.output(network.module, network.variables, inputs, layer)
    kept = network.folded(keep=layer)
    found = layers.output(kept.module, kept.variables, inputs, layer)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    left = [len(jax.tree.leaves(one.variables.get('batch_stats', {}))) // 2 for one in (kept, network.folded())]
    assert left == [int(changes), 0]
    if layer.endswith(('conv', 'pointwise', 'fc2')):
        folded = network.folded()
        assert not np.allclose(layers.output(folded.module, folded.variables, inputs, layer), expected, atol=1e-2)


@pytest.mark.parametrize('layer', ['stem/norm', 'stage3/block1'])
def test_features_of_a_data_set(resnet, tiny_data, layer, counted):
    found, _ = extract(resnet, 'tiny', 'test', layer, batch_size=40, data_dir=tiny_data).arrays()
    expected = np.asarray(
        layers.output(resnet.module, resnet.variables, resnet.preprocess(tiny_images(tiny_data)), layer)
    )
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    assert counted == [7]


def metrics_of(network, variables, images, labels) -> dict:
    log_probs = np.asarray(
        jax.nn.log_softmax(quick_jit(network.module.apply)(variables, network.preprocess(images))), np.float64
    )
    ranks = np.argsort(-log_probs, axis=1, kind='stable')
    return {
        'loss': -log_probs[np.arange(len(labels)), labels].mean(),
        'top1_err_pct': 100 * np.mean(ranks[:, 0] != labels),
        'top5_err_pct': 100 * np.mean([label not in row[:5] for label, row in zip(labels, ranks, strict=True)]),
    }


def test_evaluation_of_weights(resnet, tiny_data, tmp_path, counted):
    imported.save(resnet, tmp_path / 'weights')
    of = (tmp_path / 'weights', 'tiny', 'test', tiny_data)
    found = evaluate.evaluate_weights(*of)
    expected = metrics_of(resnet, resnet.variables, tiny_images(tiny_data), np.arange(40) % 10)
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-5)
    assert found['dtype'] == 'float32'
    low = evaluate.evaluate_weights(*of, dtype='bfloat16')
    assert low['dtype'] == 'bfloat16'
    assert low['loss'] != found['loss']
    assert low['loss'] == pytest.approx(found['loss'], rel=0.05)
    assert counted == [7, 7]


def test_evaluation_of_a_run(resnet, tiny_data, tmp_path, counted):
    """Of its weights and their average, by one crop and by several."""
    config = recipe.base().unlock()
    fields = {'dataset.name': 'tiny', 'devices': 1, 'batch_size': 24, 'eval_batch_size': 40, 'total_steps': 1}
    for name, value in {**fields, 'ema_decay': 0.9, 'model.arch': 'resnet20', 'dataset.validation_images': 0}.items():
        recipe.override(config, name, value)
    for name, value in FIELDS.items():
        config.model[name] = value
    setup, run = TrainingSetup(config.lock(), tiny_data), RunDirectory(tmp_path / 'run')
    run.create()
    run.write(schema.CONFIG, recipe.to_dict(config))
    run.write(schema.PROVENANCE, provenance.collect(setup, run))
    raw = resnet.variables
    average = {**raw, 'params': jax.tree.map(lambda a: 0.7 * a, raw['params'])}
    state = setup.first_state().replace(
        params=raw['params'], model_state={'batch_stats': raw['batch_stats']}, average=average
    )
    with Checkpoints(run / schema.CHECKPOINTS) as checkpoints:
        checkpoints.save(state, {})
    model = replace(resnet, preprocessing=trained.load(run.path, tiny_data).preprocessing)
    of = (tiny_images(tiny_data), np.arange(40) % 10)
    expected, averaged = (metrics_of(model, variables, *of) for variables in (raw, average))
    expected |= {f'ema_{name}': averaged[name] for name in ('loss', 'top1_err_pct')}
    found = evaluate.evaluate_run(run.path, data_dir=tiny_data)
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-5)
    assert counted == [7, 7]
    mirrored = evaluate.evaluate_run(run.path, data_dir=tiny_data, asked=Asked(flip=True))
    assert mirrored['loss'] != found['loss']
    assert mirrored['loss'] == pytest.approx(found['loss'], rel=0.5)


def test_a_dtype_is_one_of_those_that_there_are(resnet):
    assert resnet.computing_in(None) is resnet
    with pytest.raises(UserError, match='bfloat16'):
        resnet.computing_in('bfloat61')
