"""Products with arrays that are computed from positions: what is a layer, what interpolates and what only moves."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from cnn_bench.complexity import count, model_cost, model_receptive_fields

NHWC = ('NHWC', 'HWIO', 'NHWC')
IMAGE = jax.ShapeDtypeStruct((1, 8, 8, 4), jnp.float32)
BLUR = np.outer([1, 2, 1], [1, 2, 1]).astype(np.float32)[:, :, None, None] / 16


def patches(x):
    return lax.conv_general_dilated_patches(x, (3, 3), (1, 1), 'VALID', dimension_numbers=NHWC)


def resize(x, size=16, method='bilinear'):
    return jax.image.resize(x, (*x.shape[:1], size, size, *x.shape[3:]), method)


def depthwise(x, kernel):
    kernel = jnp.broadcast_to(kernel, (3, 3, 1, x.shape[-1]))
    return lax.conv_general_dilated(x, kernel, (1, 1), 'SAME', dimension_numbers=NHWC, feature_group_count=x.shape[-1])


def attention(x):
    x = x.reshape(64, 4)
    return jnp.where(jnp.tri(64, dtype=bool), x @ x.T, 0) @ x


def cosines(x):
    return x @ jnp.cos(jnp.arange(4)[:, None] * jnp.arange(4))


@pytest.mark.parametrize(
    ('fn', 'macs', 'elementwise'),
    [
        (patches, 0, 0),
        (lambda x: x @ jnp.eye(4), 0, 0),
        (lambda x: resize(x, method='nearest'), 0, 0),
        # an operation per output of each of the two passes: 16 x 8 and 16 x 16 pixels of 4 channels
        (resize, 0, 512 + 1024),
        (lambda x: resize(x, method='cubic'), 0, 512 + 1024),
        (lambda x: resize(x, 4), 0, 128 + 64),
        (lambda x: depthwise(x, BLUR), 64 * 9 * 4, 0),
        (lambda x: depthwise(x, jnp.ones((3, 3, 1, 1))), 64 * 9 * 4, 0),
        (cosines, 64 * 16, 0),
        (attention, 2 * 64 * 64 * 4, 64 * 64),
    ],
)
def test_what_a_product_is(fn, macs, elementwise):
    ops = count(fn, IMAGE)
    assert sum(op.macs for op in ops) == macs
    assert sum(op.elementwise_ops for op in ops) == elementwise


@pytest.mark.parametrize(
    'fn',
    [
        resize,
        jax.jit(resize),
        jax.checkpoint(resize),
        lambda x: lax.scan(lambda h, _: (resize(resize(h), 8), None), x, None, 3)[0],
    ],
    ids=['plain', 'jit', 'remat', 'scan'],
)
def test_the_gradient_of_a_resize_has_no_multiply_adds(fn):
    ops = count(jax.grad(lambda x: jnp.sin(fn(jnp.sin(x))).sum()), IMAGE)
    assert any(op.primitive == 'dot_general' and op.backward for op in ops)
    assert not any(op.macs for op in ops)


def test_a_layer_without_shared_weights_has_the_multiply_adds_of_a_convolution():
    local = nn.ConvLocal(8, (3, 3), use_bias=False)
    cost = model_cost(local, (8, 8, 3), train=True)
    assert cost.macs == 13_824 == model_cost(nn.Conv(8, (3, 3), use_bias=False), (8, 8, 3)).macs
    assert cost.train_macs == 2 * 13_824  # the first layer needs no gradient of its input


def test_receptive_fields_have_the_same_layers():
    class Upsampled(nn.Module):
        @nn.compact
        def __call__(self, x):
            x = patches(nn.Conv(4, (3, 3))(x))
            x = nn.Conv(4, (1, 1))(x)
            return nn.Conv(4, (3, 3))(resize(x))

    fields = model_receptive_fields(Upsampled(), (8, 8, 4)).layers
    assert [(field.path, field.size) for field in fields] == [
        ('Conv_0', (3, 3)),
        ('Conv_1', (5, 5)),
        ('Conv_2', (None, None)),
    ]
    rows = [row.path for row in model_cost(Upsampled(), (8, 8, 4)).layers if row.op == 'conv']
    assert rows == [field.path for field in fields]
