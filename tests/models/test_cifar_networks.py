"""Networks for CIFAR that are not in He et al. 2015: counted by hand from the plans of their papers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from zoo import maps, random_variables, variables

from cnn_bench.models import registry


class Tally:
    """Parameters and multiply-adds of a network for images of 32x32x3 and ten classes, added up layer by layer."""

    def __init__(self):
        self.params = self.macs = 0

    def conv(self, kernel: int, inputs: int, outputs: int, side: int) -> int:
        """A convolution without bias to a map of side x side; returns its number of outputs."""
        self.params += kernel**2 * inputs * outputs
        self.macs += side**2 * kernel**2 * inputs * outputs
        return outputs

    def norm(self, channels: int) -> None:
        self.params += 2 * channels

    def dense(self, inputs: int) -> tuple[int, int]:
        return self.params + 10 * (inputs + 1), self.macs + 10 * inputs


def resnetv2_164() -> tuple[int, int]:
    """He et al. 2016 (Identity mappings): 18 bottlenecks a stage."""
    tally = Tally()
    channels = tally.conv(3, 3, 16, 32)
    for side, inner in ((32, 16), (16, 32), (8, 64)):
        for _ in range(18):
            tally.norm(channels)
            tally.conv(1, channels, inner, side)
            tally.norm(inner)
            tally.conv(3, inner, inner, side)
            tally.norm(inner)
            tally.conv(1, inner, 4 * inner, side)
            channels = channels if channels == 4 * inner else tally.conv(1, channels, 4 * inner, side)
    tally.norm(channels)
    return tally.dense(channels)


def wide_resnet28_10() -> tuple[int, int]:
    """Zagoruyko & Komodakis 2016, table 1: ten times 16, 32 and 64 channels, 28 = 6 * 4 + 4."""
    tally = Tally()
    channels = tally.conv(3, 3, 16, 32)
    for side, outputs in ((32, 160), (16, 320), (8, 640)):
        for _ in range(4):
            tally.norm(channels)
            tally.conv(3, channels, outputs, side)
            tally.norm(outputs)
            tally.conv(3, outputs, outputs, side)
            channels = channels if channels == outputs else tally.conv(1, channels, outputs, side)
    tally.norm(channels)
    return tally.dense(channels)


def pyramidnet110_a48() -> tuple[int, int]:
    """Han et al. 2016, equation 2: 48 / 54 channels more in each of 3 * 18 blocks."""
    tally = Tally()
    channels = tally.conv(3, 3, 16, 32)
    tally.norm(channels)
    for block in range(1, 55):
        side, outputs = 32 >> (block - 1) // 18, 16 + 8 * block // 9
        tally.norm(channels)
        tally.conv(3, channels, outputs, side)
        tally.norm(outputs)
        channels = tally.conv(3, outputs, outputs, side)
        tally.norm(channels)
    tally.norm(channels)
    return tally.dense(channels)


def densenet_bc100_12() -> tuple[int, int]:
    """Huang et al. 2016, section 3: 100 = 3 * 2 * 16 + 4."""
    tally = Tally()
    channels = tally.conv(3, 3, 24, 32)
    for side in (32, 16, 8):
        for _ in range(16):
            tally.norm(channels)
            tally.conv(1, channels, 48, side)
            tally.norm(48)
            channels += tally.conv(3, 48, 12, side)
        tally.norm(channels)
        channels = tally.conv(1, channels, channels // 2, side) if side > 8 else channels
    return tally.dense(channels)


@pytest.mark.parametrize('by_hand', [resnetv2_164, wide_resnet28_10, pyramidnet110_a48, densenet_bc100_12])
def test_parameters_and_multiply_adds_by_hand(by_hand):
    arch = registry.get(by_hand.__name__)
    assert (arch.params, arch.macs) == by_hand()


def test_bottlenecks_for_cifar_are_strided_in_their_first_convolution():
    first, later = (registry.build('resnetv2_164', depths=(1, 1, 1), stride_first=first) for first in (True, False))
    assert first == registry.build('resnetv2_164', depths=(1, 1, 1))
    assert maps(first, (32, 32, 3))['stage3/block1/conv1'] == (16, 16, 32)
    assert maps(later, (32, 32, 3))['stage3/block1/conv1'] == (32, 32, 32)


def test_pyramids_of_the_paper():
    """Han et al. 2016, table in the authors' release: the last map has 64, 100 and 286 channels."""
    modules = [registry.build('pyramidnet110_a48', alpha=alpha, depths=(1, 2, 2)) for alpha in (48, 84, 270)]
    assert [maps(module, (32, 32, 3))['stage4'] for module in modules] == [(8, 8, 64), (8, 8, 100), (8, 8, 286)]


def test_a_pyramid_averages_its_input_and_appends_zeros():
    module = registry.build('pyramidnet110_a48', depths=(1, 1), alpha=4, num_classes=0)
    x = np.random.default_rng(0).standard_normal((1, 4, 4, 3)).astype(np.float32)
    values = random_variables(variables(module, x.shape))
    norm = ('stage3', 'block1', 'conv2', 'norm')
    for collection in values:  # the last norm of the body gives 0
        inner = values[collection]
        for key in norm[:-1]:
            inner = inner[key]
        kept = ('var',)
        inner['norm'] = {key: leaf if key in kept else jnp.zeros_like(leaf) for key, leaf in inner['norm'].items()}
    _, state = module.apply(values, x, capture_intermediates=True)
    one, two = (state['intermediates'][name]['__call__'][0] for name in ('stage2', 'stage3'))
    pooled = jax.device_get(one).reshape(1, 2, 2, 2, 2, 18).mean((2, 4))
    np.testing.assert_allclose(two, np.concatenate([pooled, np.zeros((1, 2, 2, 2), np.float32)], -1), rtol=1e-5)
