"""Convolution, pooling and local response normalisation against numpy and against XLA, with gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from zoo import keys, quick_jit, random_variables, small, variables

from cnn_bench.errors import UserError
from cnn_bench.models import fast_ops, layers
from cnn_bench.models.fast_ops import kernel_gradient, pooling

WINDOWS = [  # window, strides, pads
    ((3, 3), (1, 1), ((1, 1), (1, 1))),
    ((3, 3), (2, 2), ((0, 1), (1, 1))),
    ((2, 2), (2, 2), ((0, 0), (0, 0))),
    ((5, 3), (3, 2), ((2, 2), (0, 2))),
]


def _random(*shape):
    return np.random.default_rng(len(shape)).standard_normal(shape).astype(np.float32)


def _assert_same(ours, xla, *args):
    """Both functions give the same result and the same gradients for all arguments."""

    def both(slope, *args):
        pairs = [jax.vjp(function, *args) for function in (ours, xla)]
        return [(result, *pullback(slope)) for result, pullback in pairs]

    slope = _random(*jax.eval_shape(xla, *args).shape)
    for got, wanted in zip(*quick_jit(both)(slope, *args), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(('window', 'strides', 'pads'), WINDOWS)
@pytest.mark.parametrize(('groups', 'maps'), [(1, 8), (2, 8), (6, 6), (6, 12)])
def test_convolutions_in_every_form(window, strides, pads, groups, maps):
    def xla(x, kernel):
        numbers = ('NHWC', 'HWIO', 'NHWC')
        return lax.conv_general_dilated(x, kernel, strides, pads, dimension_numbers=numbers, feature_group_count=groups)

    def ours(x, kernel):
        return fast_ops.convolve(x, kernel, strides, pads, feature_group_count=groups)

    _assert_same(ours, xla, _random(2, 9, 10, 6), _random(*window, 6 // groups, maps))


@pytest.mark.parametrize(('window', 'strides', 'pads'), WINDOWS)
@pytest.mark.parametrize(('groups', 'dilation'), [(1, (1, 1)), (2, (1, 1)), (1, (2, 1))])
def test_kernel_gradient_in_chunks(monkeypatch, window, strides, pads, groups, dilation):
    monkeypatch.setattr(kernel_gradient, 'CHUNK', 2)  # the last chunk of the 7 images has fewer
    fields = {'feature_group_count': groups, 'rhs_dilation': dilation}

    def xla(x, kernel):
        return lax.conv_general_dilated(x, kernel, strides, pads, dimension_numbers=('NHWC', 'HWIO', 'NHWC'), **fields)

    def ours(x, kernel):
        return fast_ops.convolve(x, kernel, strides, pads, **fields)

    _assert_same(ours, xla, _random(7, 9, 10, 4), _random(*window, 4 // groups, 6))


def test_chunks_are_summed_in_float32(monkeypatch):
    monkeypatch.setattr(kernel_gradient, 'CHUNK', 19)  # 15 chunks of 19 and one of 15: bfloat16 has no 285
    x, kernel = jnp.ones((300, 2, 2, 1), jnp.bfloat16), jnp.ones((2, 2, 1, 3), jnp.bfloat16)
    loss = jax.grad(lambda kernel: fast_ops.convolve(x, kernel, (1, 1), ((0, 0), (0, 0))).sum())
    np.testing.assert_array_equal(loss(kernel), 300)


def _convolutions(function, *args):
    """Number of convolutions in XLA's program, once compiled, for the gradient of the sum of a function's result."""
    gradient = jax.grad(lambda *args: function(*args).sum(), argnums=(0, 1))
    return quick_jit(gradient).lower(*args).compile().as_text().count(' convolution(')


def test_disabled_convolutions_are_one_call_each(monkeypatch):
    monkeypatch.setattr(kernel_gradient, 'CHUNK', 2)
    args = _random(7, 9, 10, 4), _random(3, 3, 4, 6)

    def ours(x, kernel):
        return fast_ops.convolve(x, kernel, (1, 1), ((1, 1), (1, 1)))

    assert _convolutions(ours, *args) == 1 + 4  # for x, and four chunks of at most two images
    with fast_ops.disabled():
        assert fast_ops.are_disabled()
        assert _convolutions(lambda *args: ours(*args), *args) == 2
    assert not fast_ops.are_disabled()


@pytest.mark.parametrize('name', ['alexnet', 'mobilenet_v2', pytest.param('googlenet', marks=pytest.mark.slow)])
def test_networks_are_the_same_with_fast_ops_disabled(name):
    """Up to rounding: gradients of MobileNetV2 by XLA alone are 2e-5 of the largest away from those in float64, ours
    4e-5. Batch norm of two images, and ReLUs, enlarge the rounding of single operations."""
    module, x = small(name), _random(2, 28, 28, 1)
    values = random_variables(variables(module, x.shape))

    def gradients(values, x):
        def loss(params):
            logits, _ = module.apply({**values, 'params': params}, x, train=True, mutable=True, rngs=keys())
            return (logits * jnp.arange(10)).sum()

        return jax.grad(loss)(values['params'])

    ours = quick_jit(gradients)(values, x)
    with fast_ops.disabled():
        xla = quick_jit(lambda *args: gradients(*args))(values, x)
    largest = max(np.abs(leaf).max() for leaf in jax.tree.leaves(xla))
    for got, wanted in zip(jax.tree.leaves(ours), jax.tree.leaves(xla), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-3, atol=1e-4 * largest)


@pytest.mark.parametrize('stride', [1, 2])
def test_pointwise_convolution_is_a_matrix_product(stride):
    def ours(x, kernel):
        return fast_ops.convolve(x, kernel[None, None], (stride, stride), ((0, 0), (0, 0)))

    _assert_same(ours, lambda x, kernel: x[:, ::stride, ::stride] @ kernel, _random(2, 5, 6, 4), _random(4, 7))


def test_depthwise_convolution_by_hand():
    x, kernel = _random(1, 4, 4, 2), _random(3, 3, 1, 2)
    result = fast_ops.convolve(x, kernel, (1, 1), ((0, 0), (0, 0)), feature_group_count=2)
    by_hand = [[(x[0, i : i + 3, j : j + 3] * kernel[:, :, 0]).sum((0, 1)) for j in range(2)] for i in range(2)]
    np.testing.assert_allclose(result[0], by_hand, rtol=1e-5, atol=1e-6)


def test_depthwise_convolution_adds_up_in_float32():
    x, kernel = jnp.full((1, 3, 3, 4), 1.0, jnp.bfloat16), jnp.full((3, 3, 1, 4), 256.0, jnp.bfloat16)
    kernel = kernel.at[0, 0].set(1.0)  # bfloat16 cannot hold 257
    result = fast_ops.convolve(x, kernel, (1, 1), ((0, 0), (0, 0)), feature_group_count=4)
    assert result.dtype == jnp.bfloat16
    assert float(result[0, 0, 0, 0]) == float(jnp.bfloat16(8 * 256 + 1))


@pytest.mark.parametrize(('groups', 'maps'), [(1, 8), (2, 8), (6, 6)])
@pytest.mark.parametrize(('strides', 'dilation'), [((1, 1), (2, 2)), ((2, 1), (3, 2))])
def test_dilated_convolutions(groups, maps, strides, dilation):
    pads, kernel = ((3, 3), (1, 2)), _random(3, 3, 6 // groups, maps)

    def xla(x, kernel):
        spread = jnp.zeros((2 * dilation[0] + 1, 2 * dilation[1] + 1, *kernel.shape[2:]))  # zeros between the taps
        spread = spread.at[:: dilation[0], :: dilation[1]].set(kernel)
        numbers = ('NHWC', 'HWIO', 'NHWC')
        return lax.conv_general_dilated(x, spread, strides, pads, dimension_numbers=numbers, feature_group_count=groups)

    def ours(x, kernel):
        return fast_ops.convolve(x, kernel, strides, pads, feature_group_count=groups, rhs_dilation=dilation)

    _assert_same(ours, xla, _random(2, 9, 10, 6), kernel)


@pytest.mark.parametrize('make', [layers.conv, layers.separable_conv])
def test_dilated_convolutions_keep_the_size_of_the_map(make):
    module = make(4, (3, 5), dilation=4)
    x = jax.ShapeDtypeStruct((1, 9, 9, 2), jnp.float32)
    result, _ = jax.eval_shape(module.init_with_output, jax.random.key(0), x)
    assert result.shape == (1, 9, 9, 4)


def test_dilation_of_the_input_is_refused():
    with pytest.raises(NotImplementedError, match='dilation of the input'):
        fast_ops.convolve(_random(1, 5, 5, 1), _random(3, 3, 1, 1), (1, 1), ((0, 0), (0, 0)), lhs_dilation=(2, 2))


def test_a_window_that_does_not_fit_is_refused():
    with pytest.raises(UserError, match='a 3x3 window does not fit into the 1x2 map left of it'):
        fast_ops.convolve(_random(1, 1, 2, 1), _random(3, 3, 1, 1), (1, 1), ((0, 1), (0, 1)))
    with pytest.raises(UserError, match='a 2x2 window does not fit into the 1x1 map left of it'):
        layers.max_pool(_random(1, 1, 1, 1), 2)
    with pytest.raises(UserError, match='a 5x5 window does not fit into the 4x4 map left of it'):
        layers.conv(1, 3, padding=0, dilation=2).init(jax.random.key(0), _random(1, 4, 4, 1))


@pytest.mark.parametrize('cached', [0, pooling.CACHED], ids=['larger than the cache', 'cached'])
@pytest.mark.parametrize(('window', 'strides', 'pads'), WINDOWS)
def test_max_pool(monkeypatch, window, strides, pads, cached):
    monkeypatch.setattr(pooling, 'CACHED', cached)

    def xla(x):
        return lax.reduce_window(x, -jnp.inf, lax.max, (1, *window, 1), (1, *strides, 1), ((0, 0), *pads, (0, 0)))

    _assert_same(lambda x: fast_ops.max_over_windows(x, window, strides, pads), xla, _random(2, 9, 10, 3))


def test_equal_maxima_receive_the_whole_gradient_between_them():
    x = jnp.array([[0.0, 1.0, 1.0, 0.0], [0.0, 0.0, 3.0, 0.0]])[None, :, :, None]
    gradient = jax.grad(lambda x: layers.max_pool(x, 2).sum())(x)[0, :, :, 0]
    np.testing.assert_array_equal(gradient, [[0, 1, 0, 0], [0, 0, 1, 0]])
    tied = jax.grad(lambda x: layers.max_pool(x, 2).sum())(jnp.ones((1, 2, 2, 1)))
    assert float(tied.sum()) == 1


def test_mean_pool_leaves_padding_out():
    x = np.arange(9, dtype=np.float32).reshape(1, 3, 3, 1)
    result = layers.avg_pool(x, 3, 2, padding=1)[0, :, :, 0]
    corners = [[(0 + 1 + 3 + 4) / 4, (1 + 2 + 4 + 5) / 4], [(3 + 4 + 6 + 7) / 4, (4 + 5 + 7 + 8) / 4]]
    np.testing.assert_allclose(result, corners)


@pytest.mark.parametrize(
    ('size', 'window', 'stride', 'padding', 'floor', 'ceil'),
    [
        (112, 3, 2, 0, 55, 56),  # GoogLeNet: 112, 56, 28, 14, 7
        (56, 3, 2, 0, 27, 28),
        (14, 3, 2, 0, 6, 7),
        (7, 2, 2, 0, 3, 4),
        (8, 2, 2, 0, 4, 4),
        (5, 3, 2, 1, 3, 3),
        (4, 3, 3, 1, 2, 2),
        (5, 2, 2, 1, 3, 3),  # rounded up it would be 4, but the last window would begin in the padding
        (2, 1, 3, 0, 1, 1),
    ],
)
def test_pooling_sizes_rounded_down_and_up(size, window, stride, padding, floor, ceil):
    x = jnp.zeros((1, size, size, 1))
    for pool in (layers.max_pool, layers.avg_pool):
        assert pool(x, window, stride, padding).shape[1:3] == (floor, floor)
        assert pool(x, window, stride, padding, ceil=True).shape[1:3] == (ceil, ceil)


def test_ceil_pooling_values_at_the_edge():
    x = np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1)
    np.testing.assert_array_equal(layers.max_pool(x, 3, 2, ceil=True)[0, :, :, 0], [[10, 11], [14, 15]])
    means = layers.avg_pool(x, 3, 2, ceil=True)[0, :, :, 0]
    np.testing.assert_allclose(means, [[5, 6.5], [11, (10 + 11 + 14 + 15) / 4]])


@pytest.mark.parametrize('size', [4, 5])
def test_response_normalisation_against_numpy(size):
    x, k, alpha, beta = 3 * _random(2, 3, 3, 9), 2.0, 0.1, 0.75
    expected = np.empty_like(x)
    for i in range(9):
        window = x[..., max(0, i - size // 2) : i + (size - 1) // 2 + 1]
        expected[..., i] = x[..., i] / (k + alpha * (window**2).sum(-1)) ** beta
    np.testing.assert_allclose(fast_ops.lrn(x, size, k, alpha, beta), expected, rtol=1e-5)


def test_response_normalisation_gradient_against_autodiff():
    def plain(x):
        squares = jnp.pad(x**2, ((0, 0), (0, 0), (0, 0), (2, 2)))
        return x / (2 + 0.3 * sum(squares[..., i : i + 7] for i in range(5))) ** 0.75

    _assert_same(lambda x: fast_ops.lrn(x, 5, 2.0, 0.3, 0.75), plain, 2 * _random(2, 3, 3, 7))


def test_alexnet_constants():
    x = np.zeros((1, 1, 1, 8), np.float32)
    x[..., 2:5] = 100.0
    response = layers.local_response_norm(name='lrn1', train=True)(x)[0, 0, 0]
    np.testing.assert_allclose(response[3], 100 / (2 + 1e-4 * 3 * 100**2) ** 0.75, rtol=1e-6)


def test_second_derivatives():
    x, kernel = _random(1, 5, 5, 2), _random(3, 3, 2, 3)

    def slope_of_slope(convolve):
        inner = jax.grad(lambda x: (convolve(x, kernel) ** 3).sum())
        return jax.grad(lambda x: (inner(x) ** 2).sum())(x)

    def xla(x, kernel):
        return lax.conv_general_dilated(x, kernel, (1, 1), 'SAME', dimension_numbers=('NHWC', 'HWIO', 'NHWC'))

    ours = slope_of_slope(lambda x, kernel: fast_ops.convolve(x, kernel, (1, 1), ((1, 1), (1, 1))))
    np.testing.assert_allclose(ours, slope_of_slope(xla), rtol=1e-3)
