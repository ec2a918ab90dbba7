"""The counter against values worked out by hand, and against XLA where both count the same thing."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax

from cnn_bench.complexity import Uncountable, Work, count
from cnn_bench.errors import UserError

NHWC = ('NHWC', 'HWIO', 'NHWC')


def shape(*dims, dtype=jnp.float32):
    return jax.ShapeDtypeStruct(dims, dtype)


def convolve(image, kernel, stride=1, padding='SAME', **options):
    options.setdefault('dimension_numbers', NHWC)
    return lax.conv_general_dilated(image, kernel, (stride, stride), padding, **options)


def macs(fn, *args):
    return sum(op.macs for op in count(fn, *args))


def only(fn, *args):
    (op,) = count(fn, *args)
    return op


def test_the_convolution_of_the_lecture():
    op = only(convolve, shape(1, 150, 100, 3), shape(5, 5, 3, 200))
    assert (op.kind, op.output_shape) == ('conv', (1, 150, 100, 200))
    assert op.macs == 225_000_000
    assert op.activation_bytes == 12_000_000


@pytest.mark.parametrize(
    ('image', 'kernel', 'options', 'expected'),
    [
        ((2, 8, 8, 3), (3, 3, 3, 4), {}, 2 * 64 * 4 * 27),
        ((1, 8, 8, 3), (3, 3, 3, 4), {'padding': 'VALID'}, 36 * 4 * 27),
        ((1, 8, 8, 3), (3, 3, 3, 4), {'stride': 2}, 16 * 4 * 27),
        ((1, 227, 227, 3), (11, 11, 3, 96), {'stride': 4, 'padding': 'VALID'}, 55 * 55 * 96 * 363),
        ((1, 9, 9, 1), (3, 3, 1, 2), {'padding': 'VALID', 'rhs_dilation': (2, 2)}, 25 * 2 * 9),
        ((1, 6, 6, 4), (3, 3, 2, 8), {'feature_group_count': 2}, 36 * 8 * 9 * 2),
        ((1, 6, 6, 4), (3, 3, 1, 4), {'feature_group_count': 4}, 36 * 4 * 9),  # depthwise
        ((1, 6, 6, 4), (3, 3, 1, 8), {'feature_group_count': 4}, 36 * 8 * 9),  # with a multiplier of 2
        ((1, 3, 8, 8), (4, 3, 3, 3), {'dimension_numbers': ('NCHW', 'OIHW', 'NCHW')}, 64 * 4 * 27),
    ],
)
def test_convolutions(image, kernel, options, expected):
    assert macs(lambda x, k: convolve(x, k, **options), shape(*image), shape(*kernel)) == expected


def test_a_separable_convolution_is_its_two_parts():
    def separable(x, depthwise, pointwise):
        return convolve(convolve(x, depthwise, feature_group_count=16), pointwise)

    args = shape(1, 10, 10, 16), shape(3, 3, 1, 16), shape(1, 1, 16, 32)
    assert macs(separable, *args) == 100 * 16 * 9 + 100 * 16 * 32


def test_a_transposed_convolution_counts_no_inserted_zeros():
    def up(x, k):
        return lax.conv_transpose(x, k, (2, 2), 'SAME', dimension_numbers=NHWC)

    op = only(up, shape(1, 4, 4, 3), shape(3, 3, 3, 5))
    assert op.output_shape == (1, 8, 8, 5)
    assert op.macs == 4 * 4 * 3 * 9 * 5  # each input pixel meets each tap once


@pytest.mark.parametrize(
    ('padding', 'image', 'kernel', 'expected'),
    [
        ('VALID', (1, 8, 8, 8), (3, 3, 8, 3), 8 * 8 * 9 * 8 * 3),  # 17 x 17 outputs
        ('SAME', (1, 8, 8, 8), (3, 3, 8, 3), 8 * 8 * 9 * 8 * 3),
        ('VALID', (2, 5, 7, 4), (4, 2, 4, 3), 2 * 5 * 7 * 8 * 4 * 3),
    ],
)
def test_in_a_transposed_convolution_and_its_gradients_each_input_meets_each_tap(padding, image, kernel, expected):
    def up(x, k):
        return lax.conv_transpose(x, k, (2, 2), padding, dimension_numbers=NHWC)

    args = shape(*image), shape(*kernel)
    assert macs(up, *args) == expected
    assert macs(jax.value_and_grad(lambda x, k: jnp.sin(up(x, k)).sum(), argnums=(0, 1)), *args) == 3 * expected


def test_the_quotient_of_a_dilated_convolution_is_rounded():
    def up(x, k):
        return convolve(x, k, padding=((0, 0), (0, 0)), lhs_dilation=(2, 2))

    assert macs(up, shape(1, 3, 3, 1), shape(2, 2, 1, 1)) == 16  # 4 x 4 outputs x 4 taps / 4
    assert macs(up, shape(1, 3, 3, 1), shape(3, 3, 1, 1)) == 20  # 3 x 3 x 9 / 4 = 20.25


@pytest.mark.parametrize(
    ('fn', 'shapes', 'expected'),
    [
        (jnp.dot, [(7, 5), (5, 3)], 7 * 5 * 3),
        (jnp.matmul, [(4, 7, 5), (4, 5, 3)], 4 * 7 * 5 * 3),
        (lambda q, k: jnp.einsum('bqhd,bkhd->bhqk', q, k), [(2, 6, 4, 8), (2, 5, 4, 8)], 2 * 4 * 6 * 5 * 8),
        (lambda a, b: jnp.einsum('ijk,kji->', a, b), [(2, 3, 4), (4, 3, 2)], 24),
        (jax.vmap(jnp.dot), [(9, 5), (9, 5)], 45),
    ],
)
def test_matrix_products(fn, shapes, expected):
    ops = [op for op in count(fn, *(shape(*s) for s in shapes)) if op.macs]
    assert [op.kind for op in ops] == ['dense']
    assert ops[0].macs == expected


def test_products_of_groups_of_rows():
    args = shape(6, 8), shape(2, 8, 5), shape(2, dtype=jnp.int32)
    assert macs(lax.ragged_dot, *args) == 6 * 8 * 5

    def loss(x, kernels, sizes):
        return jnp.sin(lax.ragged_dot(x, kernels, sizes)).sum()

    assert macs(jax.value_and_grad(loss, argnums=(0, 1)), *args) == 3 * 6 * 8 * 5


@pytest.mark.parametrize(
    ('fn', 'arg', 'expected'),
    [
        (jnp.sort, shape(4, 8), 4 * 8 * 3),  # n log2(n) comparisons
        (jnp.argsort, shape(4, 8), 4 * 8 * 3),
        (lambda x: jnp.sort(x, axis=0), shape(1, 8), 0),
        (lambda x: lax.top_k(x, 4), shape(3, 8), 3 * 8 * 2),  # n log2(k)
        (lambda x: lax.top_k(x, 1), shape(3, 8), 3 * 8),
        (lambda x: lax.approx_max_k(x, 2), shape(3, 8), 3 * 8),
        (jnp.fft.fft, shape(3, 8, dtype=jnp.complex64), 3 * 5 * 8 * 3),  # 5 n log2(n)
        (jnp.fft.rfft2, shape(3, 8, 8), 3 * 5 * 64 * 6 // 2),
        (lambda x: jnp.fft.irfft(x, n=8), shape(3, 5, dtype=jnp.complex64), 3 * 5 * 8 * 3 // 2),
    ],
)
def test_sorts_and_fourier_transforms(fn, arg, expected):
    ops = count(fn, arg)
    assert sum(op.elementwise_ops + op.reduction_ops for op in ops) == expected
    assert not any(op.macs for op in ops)


def test_a_rule_for_a_primitive_that_is_not_known():
    def rule(eqn):
        return Work('dense', macs=eqn.outvars[0].aval.size)

    ops = count(lambda x: jnp.linalg.cholesky(x) + 1, shape(4, 4), rules={'cholesky': rule})
    assert sum(op.macs for op in ops) == 16
    with pytest.raises(UserError, match=r"count_as\['cholesky'\] returns 16; it must return None or a Work"):
        count(jnp.linalg.cholesky, shape(4, 4), rules={'cholesky': lambda eqn: 16})


def test_bytes_follow_the_dtype():
    op = only(jnp.dot, shape(7, 5, dtype=jnp.bfloat16), shape(5, 3, dtype=jnp.bfloat16))
    assert op.activation_bytes == 7 * 3 * 2


def test_pooling_is_window_size_per_output():
    def max_pool(x):
        return lax.reduce_window(x, -jnp.inf, lax.max, (1, 3, 3, 1), (1, 2, 2, 1), 'SAME')

    def average(x):
        return lax.reduce_window(x, 0.0, lax.add, (1, 2, 2, 1), (1, 2, 2, 1), 'VALID') / 4

    op = only(max_pool, shape(1, 8, 8, 5))
    assert (op.kind, op.pooling_ops, op.macs) == ('pool', 16 * 5 * 9, 0)
    assert op.activation_bytes == 16 * 5 * 4
    pool, divide = count(average, shape(1, 8, 8, 5))
    assert (pool.pooling_ops, divide.elementwise_ops) == (16 * 5 * 4, 16 * 5)


def test_a_pool_of_ones_is_a_constant():
    def same_average(x):  # average over the pixels that are there, as with count_include_pad=False
        def window_sum(y):
            return lax.reduce_window(y, 0.0, lax.add, (3, 3), (1, 1), 'SAME')

        return window_sum(x) / window_sum(jnp.ones_like(x))

    assert [op.kind for op in count(same_average, shape(6, 6))] == ['pool', 'elementwise']


def test_pooling_backward():
    def loss(x):
        return lax.reduce_window(x, -jnp.inf, lax.max, (2, 2), (2, 2), 'VALID').sum()

    forward, backward = (op for op in count(jax.value_and_grad(loss), shape(6, 6)) if op.kind == 'pool')
    assert (forward.backward, forward.pooling_ops, forward.activation_bytes) == (False, 36, 36)
    assert (backward.backward, backward.pooling_ops, backward.activation_bytes) == (True, 36, 0)


def test_elementwise_and_reductions():
    ops = count(lambda x: jnp.exp(x + 1).sum(axis=0), shape(6, 5))
    assert [(op.kind, op.elementwise_ops, op.reduction_ops) for op in ops] == [
        ('elementwise', 30, 0),
        ('elementwise', 30, 0),
        ('reduce', 0, 30),
    ]


ACTIVATIONS = [
    *('relu', 'relu6', 'leaky_relu', 'elu', 'celu', 'selu', 'gelu', 'silu', 'mish', 'tanh', 'sigmoid'),
    *('softplus', 'soft_sign', 'hard_tanh', 'hard_swish', 'log_sigmoid', 'softmax', 'log_softmax', 'logsumexp'),
]


@pytest.mark.parametrize('act', ACTIVATIONS)
def test_what_networks_are_made_of_is_known_forward_and_backward(act):
    ops = count(jax.value_and_grad(lambda x: getattr(jax.nn, act)(x).sum()), shape(4, 5))
    assert {op.kind for op in ops} <= {'elementwise', 'reduce'}
    assert not any(op.macs for op in ops)


def test_moving_data_is_free():
    def move(x):
        y = jnp.pad(x.T.reshape(2, 15)[::-1], ((0, 1), (0, 0)))
        return jnp.concatenate([y, y]).astype(jnp.bfloat16)[1:3]

    op = only(move, shape(6, 5))
    assert (op.kind, op.output_shape) == ('concatenate', (6, 15))
    assert op.macs == op.elementwise_ops == op.activation_bytes == 0


def test_a_scan_counts_its_body_times_its_length():
    def repeat(x, kernels):
        return lax.scan(lambda h, k: (jnp.tanh(h @ k), None), x, kernels)[0]

    product, tanh = count(repeat, shape(2, 8), shape(11, 8, 8))
    assert product.macs == 11 * 2 * 64
    assert product.output_shape == (2, 8)
    assert tanh.elementwise_ops == 11 * 16
    assert macs(lambda x, k: lax.fori_loop(0, 5, lambda i, h: h @ k, x), shape(2, 8), shape(8, 8)) == 5 * 128


def test_a_cond_counts_its_dearest_branch():
    def choose(flag, x, k):
        return lax.cond(flag, lambda: x + k, lambda: x @ k @ k)

    def switch(i, x):
        return lax.switch(i, [lambda y: y, lambda y: y * 2 + 1, lambda y: -y], x)

    assert macs(choose, shape(dtype=jnp.bool_), shape(4, 4), shape(4, 4)) == 2 * 64
    assert [op.primitive for op in count(switch, shape(dtype=jnp.int32), shape(10))][-2:] == ['mul', 'add']


@pytest.mark.parametrize(
    'wrap',
    [jax.jit, jax.checkpoint, jax.named_call, lambda f: jax.jit(jax.jit(jax.checkpoint(f)))],
    ids=['jit', 'remat', 'named_call', 'nested'],
)
def test_calls_are_looked_into(wrap):
    assert macs(wrap(lambda x, k: x @ k), shape(3, 4), shape(4, 5)) == 60


def test_custom_jvp_is_looked_into():
    args = shape(3, 4), shape(4, 5)
    assert macs(lambda x, k: jax.nn.relu(x @ k), *args) == 60
    assert [op.kind for op in count(jax.nn.relu, shape(7))] == ['elementwise']


def test_what_no_output_needs_is_left_out():
    def pullback(x, k):  # the forward product is traced, but the gradient of a product does not need it
        return jax.vjp(jnp.matmul, x, k)[1](jnp.ones((3, 5)) * x.sum())

    args = shape(3, 4), shape(4, 5)
    assert macs(pullback, *args) == 2 * 60
    assert macs(lambda x, k: jax.jit(lambda: (x @ k, x + 1))()[1], *args) == 0


def test_custom_vjp_is_looked_into_and_so_is_its_backward_pass():
    @jax.custom_vjp
    def product(x, k):
        return x @ k

    product.defvjp(lambda x, k: (x @ k, (x, k)), lambda kept, g: (g @ kept[1].T, kept[0].T @ g))
    args = shape(3, 4), shape(4, 5)
    assert macs(product, *args) == 60
    assert macs(jax.value_and_grad(lambda x, k: product(x, k).sum(), argnums=(0, 1)), *args) == 3 * 60


def test_remat_pays_its_forward_pass_twice():
    def loss(k, x, wrap):
        return (wrap(lambda h: jnp.sin(jnp.sin(h @ k) @ k))(x)).sum()

    args = shape(4, 4), shape(2, 4)
    plain = macs(jax.value_and_grad(lambda k, x: loss(k, x, lambda f: f)), *args)
    again = macs(jax.value_and_grad(lambda k, x: loss(k, x, jax.checkpoint)), *args)
    assert plain == 5 * 32  # two products forward, two for the kernel, one for the hidden layer
    assert again == plain + 2 * 32


@pytest.mark.parametrize(
    ('fn', 'args'),
    [
        (jnp.linalg.svd, [shape(4, 4)]),
        (jnp.linalg.cholesky, [shape(4, 4)]),
        (jnp.linalg.solve, [shape(4, 4), shape(4)]),
        (lambda x: jax.pure_callback(lambda y: y, x, x), [shape(8)]),
    ],
    ids=['svd', 'cholesky', 'solve', 'callback'],
)
def test_work_that_is_not_known_raises(fn, args):
    with pytest.raises(Uncountable, match=r"cannot count the primitive '\w+' at the top level"):
        count(fn, *args)


def test_the_error_names_the_module():
    def fn(x):
        with jax.named_scope('head'):
            return jax.jit(jnp.linalg.cholesky)(x)

    with pytest.raises(Uncountable, match="'cholesky' at head"):
        count(fn, shape(8, 8))


def test_a_while_loop_raises():
    with pytest.raises(Uncountable, match='while loop at the top level'):
        count(lambda x: lax.while_loop(lambda h: h.sum() < 9, lambda h: h @ h, x), shape(4, 4))


def test_nothing_is_allocated():
    huge = shape(100_000, 100_000)
    op = only(jnp.matmul, huge, huge)
    assert op.macs == 10**15
    assert op.activation_bytes == 4 * 10**10


@pytest.mark.parametrize(
    ('fn', 'args'),
    [
        (lambda x, k: convolve(x, k, padding='VALID'), [shape(2, 12, 12, 3), shape(5, 5, 3, 8)]),
        (lambda x, k: convolve(x, k, 2, 'VALID'), [shape(2, 13, 13, 3), shape(3, 3, 3, 8)]),
        (
            lambda x, k: convolve(x, k, 1, 'VALID', feature_group_count=2),
            [shape(1, 8, 8, 4), shape(3, 3, 2, 6)],
        ),
        (jnp.dot, [shape(32, 48), shape(48, 10)]),
        (jnp.matmul, [shape(3, 8, 16), shape(3, 16, 8)]),
    ],
    ids=['conv', 'strided', 'grouped', 'dense', 'batched'],
)
def test_without_padding_xla_counts_two_operations_per_mac(fn, args):
    analysis = jax.jit(fn).lower(*args).compile().cost_analysis()
    assert analysis['flops'] == 2 * macs(fn, *args)
