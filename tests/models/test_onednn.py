"""Convolutions by oneDNN on CPUs against XLA's own, with gradients, and which programs have them."""

import subprocess
import sys
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from cnn_bench.models import fast_ops
from cnn_bench.models.fast_ops import kernel_gradient, onednn

pytestmark = pytest.mark.skipif(not onednn.available('float32'), reason="XLA's CPU back end here has no oneDNN")

GEOMETRIES = {  # window, strides, pads
    'same': ((3, 3), (1, 1), ((1, 1), (1, 1))),
    'asymmetric': ((3, 3), (2, 2), ((0, 1), (1, 1))),
    'patches': ((2, 2), (2, 2), ((0, 0), (0, 0))),
    'tall': ((5, 3), (3, 2), ((2, 2), (0, 2))),
    'pointwise_strided': ((1, 1), (2, 2), ((0, 0), (0, 0))),
    'pointwise_padded': ((1, 1), (2, 2), ((1, 1), (1, 1))),
    'row': ((1, 7), (1, 1), ((0, 0), (3, 3))),
    'wide_pads': ((3, 3), (2, 2), ((3, 4), (3, 3))),
}
GROUPS = {'one': (1, 8), 'two': (2, 8), 'depthwise': (6, 6), 'multiplied': (6, 12)}  # groups, output channels
SAME = ((1, 1), ((1, 1), (1, 1)))  # strides and pads of a 3x3 window that keeps the size


@pytest.fixture
def always(monkeypatch):
    """oneDNN for convolutions of any size."""
    monkeypatch.setattr(onednn, 'LEAST_MACS', 0)
    monkeypatch.setattr(onednn, 'LEAST_PIXELS', 0)
    monkeypatch.setattr(kernel_gradient, 'LEAST_MACS', 0)


def _random(*shape, dtype=np.float32):
    return np.random.default_rng(len(shape)).standard_normal(shape).astype(dtype)


def _xla(x, kernel, strides, pads, feature_group_count=1, rhs_dilation=(1, 1)):
    fields = {'feature_group_count': feature_group_count, 'rhs_dilation': rhs_dilation}
    return lax.conv_general_dilated(x, kernel, strides, pads, dimension_numbers=('NHWC', 'HWIO', 'NHWC'), **fields)


def _calls(function, *args):
    """How many convolutions a program does by oneDNN and by XLA."""
    text = jax.jit(function).lower(*args).as_text()
    return text.count(onednn.TARGET), text.count('stablehlo.convolution')


@pytest.mark.parametrize('dilation', [(1, 1), (2, 2)], ids=['dense', 'dilated'])
@pytest.mark.parametrize(('groups', 'maps'), GROUPS.values(), ids=GROUPS)
@pytest.mark.parametrize(('window', 'strides', 'pads'), GEOMETRIES.values(), ids=GEOMETRIES)
def test_every_geometry(always, window, strides, pads, groups, maps, dilation):
    """Relative to the largest number, as sums are taken in another order: float32 has 1e-7, and up to 54 terms."""
    fields = {'feature_group_count': groups, 'rhs_dilation': dilation}
    x, kernel = _random(2, 9, 14, 6), _random(*window, 6 // groups, maps)
    slope = _random(*jax.eval_shape(lambda *args: _xla(*args, strides, pads, **fields), x, kernel).shape)

    def both(slope, *args):
        pairs = [
            jax.vjp(lambda *args, f=f: f(*args, strides, pads, **fields), *args) for f in (fast_ops.convolve, _xla)
        ]
        return [(result, *pullback(slope)) for result, pullback in pairs]

    assert _calls(lambda *args: fast_ops.convolve(*args, strides, pads, **fields), x, kernel) == (1, 0)
    for got, wanted in zip(*jax.jit(both)(slope, x, kernel), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())


@pytest.mark.parametrize(('size', 'calls'), [(43, 1), (42, 0)])
def test_only_depthwise_kernel_gradients_that_gain(size, calls):
    """9 taps of 16 channels: 2^18 multiply-adds are 42.7 x 42.7 outputs."""
    image, kernel = (jax.ShapeDtypeStruct(shape, jnp.float32) for shape in ((2, size, size, 16), (3, 3, 1, 16)))
    gradient = partial(kernel_gradient.depthwise, strides=(1, 1), pads=SAME[1])
    assert _calls(gradient, image, image, kernel) == (calls, 0)


def test_kernel_of_one_pixel_by_hand(always):
    x, kernel = _random(1, 2, 2, 3), _random(1, 1, 3, 2)
    result = jax.jit(lambda *args: onednn.convolve(*args, (1, 1), ((0, 0), (0, 0))))(x, kernel)
    np.testing.assert_allclose(result[0], np.einsum('hwi,io->hwo', x[0], kernel[0, 0]), rtol=1e-5, atol=1e-6)


@pytest.mark.skipif(not onednn.available('bfloat16'), reason='the processor has no products of bfloat16')
def test_bfloat16(always):
    """Within a rounding to bfloat16 (8 bits) of the float32 result on the same numbers."""
    x, kernel = (jnp.asarray(each, jnp.bfloat16) for each in (_random(2, 6, 6, 4), _random(3, 3, 4, 8)))
    result = jax.jit(lambda *args: fast_ops.convolve(*args, *SAME))(x, kernel)
    assert _calls(lambda *args: fast_ops.convolve(*args, *SAME), x, kernel) == (1, 0)
    assert result.dtype == jnp.bfloat16
    wanted = np.asarray(_xla(x.astype(jnp.float32), kernel.astype(jnp.float32), *SAME))
    np.testing.assert_allclose(result.astype(np.float32), wanted, rtol=2**-8, atol=1e-4)


def test_only_convolutions_that_gain(monkeypatch):
    """8 x 8 outputs of 9 x 4 multiply-adds each: 64 pixels, 8 maps, 18,432 multiply-adds."""
    monkeypatch.setattr(onednn, 'LEAST_PIXELS', 64)
    args = jax.ShapeDtypeStruct((1, 8, 8, 4), jnp.float32), jax.ShapeDtypeStruct((3, 3, 4, 8), jnp.float32)
    for least, calls in ((18_432, (1, 0)), (18_433, (0, 1))):
        monkeypatch.setattr(onednn, 'LEAST_MACS', least)
        assert _calls(lambda *args: fast_ops.convolve(*args, *SAME), *args) == calls
    monkeypatch.setattr(onednn, 'LEAST_MACS', 0)
    monkeypatch.setattr(onednn, 'LEAST_PIXELS', 65)
    assert _calls(lambda *args: fast_ops.convolve(*args, *SAME), *args) == (0, 1)


def test_not_on_other_devices():
    """The jaxpr, which is what other devices get and what is counted, has XLA's convolution."""
    x, kernel = jnp.zeros((1, 32, 32, 32)), jnp.zeros((3, 3, 32, 32))

    def convolve(x, kernel):
        return fast_ops.convolve(x, kernel, *SAME)

    lowered = jax.jit(convolve).trace(x, kernel).lower(lowering_platforms=('cuda',)).as_text()
    assert (lowered.count(onednn.TARGET), lowered.count('stablehlo.convolution')) == (0, 1)
    assert _calls(convolve, x, kernel) == (1, 0)


def test_batches_of_batches(always):
    """`vmap` over images, over kernels and over both."""
    x, kernel = _random(3, 2, 5, 5, 4), _random(3, 3, 3, 4, 8)

    def ours(x, kernel):
        return fast_ops.convolve(x, kernel, *SAME)

    wanted = np.stack([[_xla(images, taps, *SAME) for taps in kernel] for images in x])
    close = {'rtol': 1e-4, 'atol': 1e-4}
    np.testing.assert_allclose(jax.jit(jax.vmap(ours, (0, None)))(x, kernel[1]), wanted[:, 1], **close)
    np.testing.assert_allclose(jax.jit(jax.vmap(ours, (None, 0)))(x[2], kernel), wanted[2], **close)
    np.testing.assert_allclose(jax.jit(jax.vmap(ours))(x, kernel), wanted[range(3), range(3)], **close)
    slopes = jax.vmap(jax.grad(lambda kernel, x: (ours(x, kernel) ** 2).sum()), (None, 0))
    each = [jax.grad(lambda kernel, x=x: (_xla(x, kernel, *SAME) ** 2).sum())(kernel[0]) for x in x]
    np.testing.assert_allclose(jax.jit(slopes)(kernel[0], x), each, rtol=1e-3, atol=1e-3)


@pytest.mark.skipif(jax.device_count() < 2, reason='this machine has one device')
def test_a_batch_on_several_devices(always):
    x, kernel = _random(4, 6, 6, 4), _random(3, 3, 4, 8)
    devices = jax.sharding.Mesh(jax.devices()[:2], ('data',))
    spread = jax.sharding.NamedSharding(devices, jax.sharding.PartitionSpec('data'))

    def both(x, kernel):
        results = [jax.vjp(lambda *args, f=f: f(*args, *SAME), x, kernel) for f in (fast_ops.convolve, _xla)]
        return [(result, *pullback(result)) for result, pullback in results]

    for got, wanted in zip(*jax.jit(both)(jax.device_put(x, spread), kernel), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-4 * np.abs(wanted).max())


def test_disabled_is_xlas_own(always):
    args = _random(1, 5, 5, 4), _random(3, 3, 4, 8)
    with fast_ops.disabled():
        assert _calls(lambda *args: fast_ops.convolve(*args, *SAME), *args) == (0, 1)


def test_a_program_that_is_not_kept_is_no_warning(tmp_path):
    """In a process of its own: pytest shows warnings in its own way, and JAX opens one cache in a process."""
    program = (
        'import cnn_bench, jax, jax.numpy as jnp\n'
        'from cnn_bench.models.fast_ops import onednn\n'
        'f = jax.jit(lambda x, k: onednn.convolve(x, k, (1, 1), ((1, 1), (1, 1))))\n'
        'f(jnp.ones((1, 8, 8, 4)), jnp.ones((3, 3, 4, 8))).block_until_ready()\n'
    )
    variables = {'JAX_COMPILATION_CACHE_DIR': str(tmp_path), 'JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS': '0'}
    command = ['env', *(f'{name}={value}' for name, value in variables.items()), sys.executable, '-c', program]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert 'Error writing' not in ran.stderr
