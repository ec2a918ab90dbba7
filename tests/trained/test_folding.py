"""Folded batch norms: the same logits of every network, and only what directly follows a layer is folded."""

from functools import cache, cached_property, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from flax.errors import ScopeParamNotFoundError
from zoo import (
    CLASSIFIERS,
    IMAGES,
    Trial,
    each_compiled,
    keys,
    paths,
    quick_jit,
    random_variables,
    small,
    trial_of,
    variables,
)

from cnn_bench.models import fast_ops, layers, registry
from cnn_bench.models.batch_norm import BatchNorm
from cnn_bench.models.blocks import Classifier, ConvNorm
from cnn_bench.models.branches import RepBlock
from cnn_bench.trained.folding import find_pairs, fold

# Batch norms of the small networks that stay: before a block's convolutions, behind a concatenation (in NASNet's second
# cell of a resolution) or a pooling, and in auxiliary heads, which are not computed in evaluation. Networks for CIFAR
# have a stage less than their family.
LEFT_OF_FAMILY = {'resnet_v2': 5 + 1, 'densenet': 5 + 3 + 1, 'enet': 1, 'dpn': 5 + 4 + 1, 'pyramidnet': 4 + 1}
LEFT_OF_FAMILY |= {'nasnet': 3 + 2}
LEFT_OF_NETWORK = {'resnetv2_164': 4 + 1, 'wide_resnet28_10': 4 + 1, 'densenet_bc100_12': 4 + 2 + 1}
LEFT_OF_AUX_HEADS = {'googlenet_bn': 2, 'inception_v3': 2}


def left(folded: dict) -> list[str]:
    """Paths of the batch norms that the variables have."""
    return [path.removesuffix('/mean') for path in paths(folded.get('batch_stats', {})) if path.endswith('/mean')]


def images(shape=IMAGES):
    return np.random.default_rng(1).standard_normal(shape).astype(np.float32)


class Outcome:
    """What folding did to a network with random statistics, scales and shifts."""

    def __init__(self, trial: Trial):
        self.module, self.before, self._trial = trial.module, trial.variables, trial
        same, self.folded = fold(self.module, self.before, IMAGES[1:])
        assert same is self.module

    @cached_property
    def expected(self):
        return self._trial.evaluate()

    @cached_property
    def logits(self):
        return self._trial.evaluate(variables=self.folded)


@cache
def outcome(module: nn.Module) -> Outcome:  # networks that differ in depth alone have the same small form
    return Outcome(trial_of(module))


@pytest.mark.parametrize('name', CLASSIFIERS)
def test_which_batch_norms_of_every_network_stay(name):
    of = outcome(small(name))
    family_left = LEFT_OF_FAMILY.get(registry.get(name).family, 0)
    assert len(left(of.folded)) == (LEFT_OF_NETWORK | LEFT_OF_AUX_HEADS).get(name, family_left)
    if not left(of.before):
        assert all(a is b for a, b in zip(*map(jax.tree.leaves, (of.folded, of.before)), strict=True))


@each_compiled
def test_every_network_gives_the_same_logits(name):
    of = outcome(small(name))
    if left(of.before):
        assert of.expected.std() > 0.1  # images are told apart
        np.testing.assert_allclose(of.logits, of.expected, rtol=0, atol=1e-5 * np.abs(of.expected).max())


@pytest.mark.parametrize(
    ('name', 'norms', 'stay'),
    [('resnet50', 53, 0), ('resnetv2_50', 49, 16 + 1), ('xception', 40, 0)],
)
def test_of_whole_networks(name, norms, stay):
    module, shape = registry.build(name), registry.get(name).input_shape
    shapes = variables(module, (1, *shape))
    assert (len(left(shapes)), len(left(shapes)) - len(find_pairs(module, shapes, shape))) == (norms, stay)


@pytest.mark.parametrize(
    ('name', 'fields'),
    [
        ('vgg11_bn', {'act': 'maxout'}),
        ('alexnet', {'norm': 'batch', 'dense_norm': 'batch'}),
        ('convnext_tiny', {'norm': 'batch'}),
    ],
)
def test_of_networks_with_other_layers(name, fields):
    of = outcome(small(name, **fields))
    # ConvNeXt with batch norm: those of its three Downsamples and of its head follow no convolution.
    assert len(left(of.folded)) == (4 if name == 'convnext_tiny' else 0)
    np.testing.assert_allclose(of.logits, of.expected, rtol=0, atol=1e-5 * np.abs(of.expected).max())


def test_of_linens_batch_norm():
    with fast_ops.disabled():
        module = small('resnet20')
        of = Outcome(Trial(module))
    assert not left(of.folded)
    np.testing.assert_allclose(of.logits, of.expected, rtol=0, atol=1e-5 * np.abs(of.expected).max())


def test_numbers_by_hand():
    """6 (2 x + 1 - 3) / sqrt(3.5 + 0.5) + 5 = 6 x - 1."""
    norm = partial(layers.batch_norm, train=False, axis_name=None, dtype=None, momentum=0.9, epsilon=0.5)
    module = Plain(partial(ConvNorm, 1, 1, norm=norm))
    layer = {'conv': {'kernel': np.full((1, 1, 1, 1), 2.0, np.float32), 'bias': np.ones(1, np.float32)}}
    params = {**layer, 'norm': {'scale': np.full(1, 6.0, np.float32), 'bias': np.full(1, 5.0, np.float32)}}
    stats = {'mean': np.full(1, 3.0, np.float32), 'var': np.full(1, 3.5, np.float32)}
    before = {'params': {'unit': params}, 'batch_stats': {'unit': {'norm': stats}}}
    _, folded = fold(module, before, (2, 2, 1))
    assert list(folded) == ['params']
    conv = folded['params']['unit']['conv']
    assert {name: value.item() for name, value in conv.items()} == {'kernel': 6, 'bias': -1}
    assert params['conv']['kernel'].item() == 2  # those given are not changed
    assert fold(module, folded, (2, 2, 1))[1] == folded


def test_bfloat16_folds_in_float32():
    exact, module = outcome(small('resnet50')), small('resnet50', dtype='bfloat16')
    _, folded = fold(module, exact.before, IMAGES[1:])
    assert {leaf.dtype for leaf in jax.tree.leaves(folded)} == {np.dtype(np.float32)}
    jax.tree.map(np.testing.assert_array_equal, folded, exact.folded)
    logits = np.asarray(quick_jit(partial(module.apply, train=False))(folded, images()))
    assert np.linalg.norm(logits - exact.expected) < 0.05 * np.linalg.norm(exact.expected)


def test_arrays_stay_where_they_are():
    module, devices = small('resnet20'), jax.devices()
    mesh = jax.sharding.Mesh(np.array(devices), ('data',))
    everywhere = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())
    before = jax.device_put(outcome(module).before, everywhere)
    _, folded = fold(module, before, IMAGES[1:])
    assert {leaf.sharding for leaf in jax.tree.leaves(folded)} == {everywhere}


def test_a_folded_network_does_not_train():
    of = outcome(small('resnet20'))
    with pytest.raises(ScopeParamNotFoundError, match='scale'):
        small('resnet20').apply(of.folded, images(), train=True, rngs=keys(), mutable=['batch_stats'])


# --- Branches


@pytest.mark.parametrize('name', ['repvgg_a0', 'mobileone_s0'])
def test_folding_makes_the_variables_of_the_fused_form(name):
    of = outcome(small(name))
    expected = variables(small(name, fused=True), IMAGES)
    assert jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), of.folded) == jax.tree.map(
        lambda leaf: (leaf.shape, leaf.dtype), expected
    )
    assert fold(of.module, of.folded, IMAGES[1:])[1] == of.folded


def test_the_fused_form_takes_them():
    of = outcome(small('repvgg_a0'))
    logits = small('repvgg_a0', fused=True).apply(of.folded, images())
    np.testing.assert_allclose(logits, of.expected, rtol=0, atol=1e-5 * np.abs(of.expected).max())


def test_a_fused_network_does_not_train():
    of = outcome(small('repvgg_a0'))
    with pytest.raises(ScopeParamNotFoundError, match='kernel'):
        of.module.apply(of.folded, images(), train=True, rngs=keys(), mutable=['batch_stats'])


@pytest.mark.parametrize(
    ('keep', 'blocks'),
    [('', 0), ('stage3', 0), ('stage3/block1', 0), ('stage2/block2/identity', 1), ('stage3/block1/conv1/conv', 1)],
)
def test_the_block_of_a_layer_that_is_kept_stays(keep, blocks):
    of = outcome(small('repvgg_a0'))
    _, folded = fold(of.module, of.before, IMAGES[1:], keep)
    whole = [path for path in paths(folded['params']) if path.endswith('conv_1x1/conv/kernel')]
    assert [path.removesuffix('/conv_1x1/conv/kernel') for path in whole] == ['/'.join(keep.split('/')[:2])][:blocks]


def test_a_block_by_hand():
    """Every batch norm is x - 1; the 3x3 has 2 everywhere, the 1x1 has 5, the input 1: 8 at the centre, 3 times -1."""
    norm = partial(layers.batch_norm, train=False, axis_name=None, dtype=None, momentum=0.9, epsilon=0.0)
    conv_norm = partial(ConvNorm, norm=norm, act=layers.identity)
    module, x = Plain(partial(RepBlock, 1, 3, conv_norm=conv_norm, norm=norm)), images((1, 5, 5, 1))
    before = jax.tree.map(lambda leaf: np.ones(leaf.shape, np.float32), variables(module, x.shape))
    unit = before['params']['unit']
    for norm in (unit['conv1']['norm'], unit['conv_1x1']['norm'], unit['identity']):
        norm['bias'] = np.zeros(1, np.float32)
    for name, kernel in (('conv1', 2), ('conv_1x1', 5)):
        conv = unit[name]['conv']
        conv['kernel'], conv['bias'] = np.full_like(conv['kernel'], kernel), np.zeros(1, np.float32)
    _, folded = fold(module, before, x.shape[1:])
    assert list(folded) == ['params']
    fused = folded['params']['unit']['fused']
    np.testing.assert_array_equal(fused['kernel'][:, :, 0, 0], [[2, 2, 2], [2, 8, 2], [2, 2, 2]])
    np.testing.assert_array_equal(fused['bias'], [-3])
    np.testing.assert_allclose(module.apply(folded, x), module.apply(before, x), rtol=0, atol=1e-5)


# --- Networks of one's own: what is not certain is not folded.

bn = partial(layers.batch_norm, train=False, axis_name=None, dtype=None, momentum=0.9, epsilon=1e-3)
conv_norm = partial(ConvNorm, 6, 3, conv=layers.conv, norm=bn)


class Plain(nn.Module):
    """One unit, called once, in evaluation or not."""

    unit: type

    @nn.compact
    def __call__(self, x, train=False):
        return self.unit(name='unit')(x)


class Before(nn.Module):
    """Normalisation before the convolution, with the names of `ConvNorm`."""

    @nn.compact
    def __call__(self, x):
        return layers.conv(6, 3, name='conv')(bn(name='norm')(x))


class Direct(nn.Module):
    """A convolution and Linen's batch norm, in a module that does not run without the norm's variables."""

    @nn.compact
    def __call__(self, x):
        return nn.BatchNorm(use_running_average=True, name='norm')(nn.Conv(6, (3, 3), name='conv')(x))


class Activating(nn.Module):
    """A convolution with an activation of its own."""

    features: int
    kernel: int
    stride: int
    padding: None
    groups: int
    use_bias: bool = True

    @nn.compact
    def __call__(self, x):
        return nn.relu(layers.conv(self.features, self.kernel, use_bias=self.use_bias, name='conv')(x))


class Other(ConvNorm):
    """Not what `ConvNorm` does: the normalisation's input is used twice."""

    @nn.compact
    def __call__(self, x):
        y = self.conv(self.features, self.kernel, name='conv')(x)
        return y + self.norm(name='norm')(y)


class Twice(nn.Module):
    """One layer, applied twice."""

    @nn.compact
    def __call__(self, x):
        layer = conv_norm(name='layer')
        return layer(layer(jnp.concatenate([x] * 6, axis=-1)))


class Loop(nn.Module):
    """A loop over three layers, whose variables are stacked."""

    @nn.compact
    def __call__(self, x):
        def body(layer, x, _):
            return layer(x), None

        axes = {'variable_axes': {'params': 0, 'batch_stats': 0}, 'split_rngs': {'params': True}}
        return nn.scan(body, length=3, **axes)(conv_norm(name='layer'), jnp.concatenate([x] * 6, axis=-1), None)[0]


class OwnNorm(BatchNorm):
    """A batch norm that does more."""

    @nn.compact
    def __call__(self, x):
        return super().__call__(x) ** 2


def branches(conv=layers.conv, norm=bn, inner=bn, **fields):
    """A block of branches whose input is one of them, of four channels in `groups`."""
    unit = partial(ConvNorm, conv=conv, norm=inner, act=layers.identity)
    return partial(Widened, partial(RepBlock, 4, 3, conv=conv, conv_norm=unit, norm=norm, **fields))


class Widened(nn.Module):
    """A block on four copies of the image's channel."""

    block: type

    @nn.compact
    def __call__(self, x):
        return self.block(name='block')(jnp.concatenate([x, 2 * x, -x, x**2], axis=-1))


OWN = {
    'branches': (branches(), 0),
    'more branches': (branches(branches=3), 0),
    'branches in groups': (branches(groups=2), 0),
    'depthwise branches': (branches(groups=4), 0),
    'dilated branches': (branches(partial(layers.conv, dilation=2)), 0),
    'branches of two convolutions': (branches(layers.separable_conv), 1),
    'branches with an own convolution': (branches(Activating), 3),
    'branches with an own norm': (branches(norm=lambda name: OwnNorm(use_running_average=True, name=name)), 1),
    'branches with other norms': (branches(inner=layers.no_norm), 1),
    'conv norm': (conv_norm, 0),
    'dilated': (partial(conv_norm, conv=partial(layers.conv, dilation=2)), 0),
    'separable': (partial(conv_norm, conv=layers.separable_conv), 0),
    'norm before': (Before, 1),
    'not a ConvNorm': (Direct, 1),
    'own convolution': (partial(conv_norm, conv=Activating), 1),
    'own ConvNorm': (partial(Other, 6, 3, norm=bn), 1),
    'own norm': (partial(conv_norm, norm=lambda name: OwnNorm(use_running_average=True, name=name)), 1),
    'no scale': (partial(conv_norm, norm=partial(nn.BatchNorm, use_running_average=True, use_scale=False)), 0),
    'other axis': (partial(conv_norm, norm=partial(nn.BatchNorm, use_running_average=True, axis=1)), 1),
    'other dtype': (partial(conv_norm, norm=partial(bn, dtype=jnp.bfloat16)), 1),
    'shared': (Twice, 0),
    'loop': (Loop, 1),
}


@pytest.mark.parametrize('what', OWN)
def test_of_networks_outside_the_registry(what):
    unit, stay = OWN[what]
    module, x = Plain(unit), images((2, 6, 6, 1))
    before = random_variables(variables(module, x.shape))
    _, folded = fold(module, before, x.shape[1:])
    assert len(left(folded)) == stay
    expected, found = (module.apply(v, x) for v in (before, folded))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


class Dense(Classifier):
    """A network of the user's, which gives one of its layers another epsilon."""

    @nn.compact
    def features(self, x, train=False):
        unit = self.conv_norm_act(train)
        return unit(6, 3, name='second', norm=partial(self.normalise(train), epsilon=0.3))(unit(6, 3, name='first')(x))


def test_every_norm_has_its_own_epsilon():
    of = outcome(Dense(num_classes=3))
    assert not left(of.folded)
    np.testing.assert_allclose(of.logits, of.expected, rtol=0, atol=1e-5 * np.abs(of.expected).max())
