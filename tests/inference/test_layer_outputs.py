"""Layers by name: those that there are, what comes out of them, and those that there aren't."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cnn_bench.complexity import model_cost
from cnn_bench.data.preprocessing import Preprocessing
from cnn_bench.errors import UserError
from cnn_bench.inference import layers
from cnn_bench.models import registry


@pytest.mark.parametrize('arch', ['lenet5_1998', 'resnet20', 'squeezenet1_1', 'googlenet'])
def test_names_are_those_of_the_cost_table(arch, network):
    module, shape = registry.build(arch), registry.get(arch).input_shape
    variables = jax.eval_shape(
        lambda x: module.init(jax.random.key(0), x), jax.ShapeDtypeStruct((1, *shape), 'float32')
    )
    preprocessing = Preprocessing(shape, (0.5,) * shape[2], (0.5,) * shape[2])
    model = replace(network, module=module, variables=variables, preprocessing=preprocessing)
    found = layers.list_layers(model)
    rows = {row.path: row for row in model_cost(module, shape).layers if row.op in ('conv', 'dense')}
    assert set(rows) <= set(found)
    assert {path: found[path] for path in rows} == {path: row.output_shape[1:] for path, row in rows.items()}
    assert list(found)[-2:] == ['features', 'logits']
    assert found['logits'] == (registry.get(arch).num_classes,)


def test_outputs_are_those_of_a_plain_pass(network, image):
    inputs = network.preprocess(jnp.asarray(image)[None])
    _, kept = network.module.apply(network.variables, inputs, capture_intermediates=True, mutable=['intermediates'])
    kept = kept['intermediates']
    expected = {
        'c1/conv': kept['c1']['conv']['__call__'][0],
        'c3': kept['c3']['__call__'][0],
        'head/f6': kept['head']['f6']['__call__'][0],
        'features': network.module.apply(network.variables, inputs, method='features'),
        'logits': network.module.apply(network.variables, inputs),
    }
    for layer, output in expected.items():
        found = layers.output(network.module, network.variables, inputs, layer)
        np.testing.assert_array_equal(found, output)
        assert layers.list_layers(network)[layer] == output.shape[1:]


def test_pooling():
    maps = jnp.arange(24, dtype=jnp.bfloat16).reshape(1, 2, 3, 4)
    assert layers.pooled(maps, 'mean').tolist() == [[10, 11, 12, 13]]
    assert layers.pooled(maps, 'none').dtype == jnp.float32
    assert layers.pooled(maps[:, 0, 0], 'mean').shape == (1, 4)


def test_an_unknown_layer_has_neighbours(network):
    with pytest.raises(UserError, match='did you mean c3/conv'):
        layers.check_layer(network, 'c3/conf')
    with pytest.raises(UserError, match='--list-layers'):
        layers.check_layer(network, 'quux')
