"""The registry: its facts hold for every line, it is light to import, and wrong names get their nearest matches."""

import math
import re
import subprocess
import sys

import jax
import jax.numpy as jnp
import pytest
from flax import linen as nn
from zoo import native, paths

from cnn_bench import complexity
from cnn_bench.errors import UserError
from cnn_bench.models import layers, registry
from cnn_bench.models.branches import in_use


@pytest.mark.parametrize('name', registry.names())
def test_facts_hold(name):
    arch = registry.get(name)
    logits, shapes, _ = native(name)
    assert logits.dtype == jnp.float32
    assert logits.shape == (2, arch.num_classes) if arch.num_classes else len(logits.shape) == 4
    assert sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(shapes['params'])) == arch.params
    assert complexity.model_cost(registry.build(name), arch.input_shape).macs == arch.macs
    assert 1980 < arch.year < 2030


@pytest.mark.parametrize('name', registry.names())
def test_facts_of_the_fused_form_hold(name):
    """Whichever network has branches, and no other, has them."""
    arch, module = registry.get(name), registry.build(name)
    fuses = getattr(module, 'fuses', False)
    assert fuses == (arch.fused_params is not None) == (arch.fused_macs is not None)
    if fuses:
        fused = registry.build(name, fused=True)
        assert in_use(module) == fused == in_use(fused)
        cost = complexity.model_cost(fused, arch.input_shape)
        assert (cost.params, cost.macs) == (arch.fused_params, arch.fused_macs)
        assert (arch.params_in_use, arch.macs_in_use) == (cost.params, cost.macs)
    else:
        assert in_use(module) == module
        assert (arch.params_in_use, arch.macs_in_use) == (arch.params, arch.macs)


@pytest.mark.parametrize('name', registry.names())
def test_every_parameter_has_a_name_of_its_own(name):
    automatic = re.compile(r'[A-Z]\w*_\d+')
    _, shapes, _ = native(name)
    assert [path for path in paths(shapes) if automatic.search(path)] == []
    assert set(shapes) <= {'params', 'batch_stats'}
    assert {leaf.dtype for leaf in jax.tree.leaves(shapes)} == {jnp.dtype('float32')}


def test_import_loads_no_jax():
    code = 'import sys; from cnn_bench.models import registry; registry.names(); print(*sys.modules)'
    loaded = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True).stdout.split()
    assert not {'jax', 'jaxlib', 'flax', 'numpy'} & set(loaded)


def test_names_by_family():
    assert registry.names('lenet') == ['lenet5', 'lenet5_1998']
    assert set(registry.names('resnet')) >= {'resnet18', 'resnet50', 'resnet50_v1', 'resnet152'}
    assert len(registry.names()) == len(registry.ARCHS)


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda: registry.get('resnett50'), "unknown architecture 'resnett50'; did you mean resnet50"),
        (lambda: registry.names('resnets'), "unknown family 'resnets'; did you mean resnet"),
        (lambda: registry.build('vgg16bn'), "unknown architecture 'vgg16bn'; did you mean vgg16_bn"),
        (lambda: registry.build('vgg16', widht=0.5), "unknown field of vgg16 'widht'; did you mean width"),
        (lambda: registry.build('vgg16', q=1), "unknown field of vgg16 'q'; known: act, adaptive_pool, bn_axis"),
        (lambda: registry.build('vgg16', name='q'), "unknown field of vgg16 'name'"),
        (lambda: registry.build('vgg16', bn_momentum=2), 'bn_momentum of VGG is 2; it must be from 0 to 1'),
        (lambda: registry.build('vgg16', bn_epsilon=-1), 'bn_epsilon of VGG is -1; it must be at least 0'),
        (lambda: registry.build('vgg16', act='rellu'), "unknown act of vgg16 'rellu'; did you mean relu"),
        (lambda: registry.build('vgg16', norm='batchnorm'), 'unknown norm of vgg16'),
        (lambda: registry.build('vgg16', dtype='float23'), "unknown dtype of vgg16 'float23'; did you mean float32"),
        (lambda: registry.build('vgg16', stem='tiny'), "unknown stem of VGG 'tiny'"),
        (lambda: registry.build('resnet20', stem='imagenet'), "unknown stem of CifarResNet 'imagenet'; known: small"),
        (lambda: registry.build('vgg16', width='wide'), "width of vgg16 must be of type float, not 'wide'"),
        (lambda: registry.build('vgg16', width=True), 'width of vgg16 must be of type float, not True'),
        (lambda: registry.build('vgg16', width=0), 'width of VGG is 0; it must be above 0'),
        (lambda: registry.build('vgg16', width=float('nan')), 'width of VGG is nan'),
        (lambda: registry.build('vgg16', num_classes=-1), 'num_classes of VGG is -1'),
        (lambda: registry.build('vgg16', num_classes=2.5), 'num_classes of vgg16 must be of type int, not 2.5'),
        (lambda: registry.build('vgg16', dropout=1.0), 'dropout of VGG is 1.0'),
        (lambda: registry.build('vgg16', bn_axis=0), 'bn_axis of vgg16 must be of type str | None, not 0'),
        (lambda: registry.build('resnet50', block='basic'), "block of resnet50 must be of type Callable, not 'basic'"),
        (lambda: registry.build('resnet50', depths=(1, 2)), 'depths of ResNet is (1, 2); it must be as long as maps'),
        (lambda: registry.build('vgg16', fused=True), "unknown field of vgg16 'fused'"),
        (
            lambda: registry.build('repvgg_a0', fused=True, norm='group'),
            "fused of RepVGG is True; it must be False unless norm is 'batch' and conv is 'dense'",
        ),
        (
            lambda: registry.build('mobileone_s0', fused=True, conv='separable'),
            'fused of MobileOne is True; it must be',
        ),
        (lambda: registry.build('mobileone_s0', branches=0), 'branches of MobileOne is 0; it must be at least 1'),
        (
            lambda: registry.build('repvgg_a0', depths=(1, 2)),
            'depths of RepVGG is (1, 2); it must be as long as maps, 4',
        ),
        (lambda: registry.build('nfnet_f0', drop_path=1.0), 'drop_path of NFNet is 1.0; it must be from 0 to below 1'),
        (lambda: registry.build('resnet50', deep_stem=(32, 0)), 'deep_stem of ResNet is (32, 0); it must be numbers'),
        (lambda: registry.build('seresnet50', reduction=0), 'reduction of SEResNet is 0; it must be above 0'),
        (lambda: registry.build('dpn68', growths=(16, 32)), 'growths of DPN is (16, 32); it must be as long as maps'),
        (lambda: registry.build('pyramidnet110_a48', alpha=-1), 'alpha of PyramidNet is -1; it must be 0 or more'),
        (lambda: registry.build('resnet50', shortcut='b'), "unknown shortcut of ResNet 'b'; known: pad, "),
        (lambda: registry.build('googlenet', inception='native'), 'did you mean naive'),
        (lambda: registry.build('lenet5', output='rbf', num_classes=11), 'has codes for 10 classes, not 11'),
    ],
)
def test_bad_requests_get_one_clear_line(call, message):
    with pytest.raises(UserError) as raised:
        call()
    assert message in str(raised.value)
    assert '\n' not in str(raised.value)


def test_build_sets_fields():
    module = registry.build('resnet18', act='elu', norm='group', dtype='bfloat16', width=1, depths=[1, 1, 1, 1])
    assert (module.act, module.norm, module.dtype) == (nn.elu, layers.group_norm, jnp.bfloat16)
    assert (module.num_classes, module.width, module.depths) == (1000, 1, (1, 1, 1, 1))
    assert registry.build('lenet5').num_classes == 10
    assert registry.build('lenet5', num_classes=7).num_classes == 7
    assert registry.build('vgg11', act=nn.silu).act is nn.silu
    assert registry.build('vgg11', act='elu') == registry.build('vgg11', act='elu')
