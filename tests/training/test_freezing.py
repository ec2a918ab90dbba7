"""What is frozen stays as it is to the bit, costs no backward pass, and runs in evaluation mode."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn
from flax.traverse_util import flatten_dict
from tiny_net import TinyNet

from cnn_bench.errors import UserError
from cnn_bench.models.batch_norm import BatchNorm
from cnn_bench.recipe import patterns
from cnn_bench.runtime import parallel
from cnn_bench.tasks import Classification
from cnn_bench.training import step
from cnn_bench.training.freezing import ALL_TRAINED, make_freezing, parameter_counts
from cnn_bench.training.provenance import training_cost
from cnn_bench.training.setup import TrainingSetup
from cnn_bench.training.state import create
from cnn_bench.training.train_cost import train_macs

NET = {'model__arch': 'resnet20', 'model__depths': (1, 1, 1), 'model__width': 0.25, 'optimizer__weight_decay': 0.1}
BASE = ('*', '!head')


@pytest.mark.parametrize(
    ('pattern', 'matched'),
    [
        ('stage2', {'stage2/block1/conv1/kernel', 'stage2/block1/norm/bias'}),
        ('stage2/*', {'stage2/block1/conv1/kernel', 'stage2/block1/norm/bias'}),
        ('stage?', {'stage2/block1/conv1/kernel', 'stage2/block1/norm/bias', 'stage3/conv/kernel'}),
        ('*/bias', {'stage2/block1/norm/bias', 'head/fc/bias'}),
        ('*/block1/conv1', {'stage2/block1/conv1/kernel'}),
        ('block1', set()),
        ('Head', set()),
    ],
)
def test_a_pattern_matches_what_lies_in_what_it_matches(pattern, matched):
    paths = ('stage2/block1/conv1/kernel', 'stage2/block1/norm/bias', 'stage3/conv/kernel', 'head/fc/bias')
    assert {path for path in paths if patterns.matches(path, pattern)} == matched


def test_the_last_pattern_that_matches_counts():
    chosen = [path for path in ('stem/a', 'stage1/a', 'head/a') if patterns.selected(path, ('*', '!head', '!stem'))]
    assert chosen == ['stage1/a']
    assert patterns.selected('head/a', ('!head', '*'))
    assert patterns.value_of('stem/a', (('*', 0.5), ('stem', 0.1)), 1) == 0.1
    assert patterns.value_of('head/a', (('stem', 0.1),), 1) == 1


@pytest.mark.parametrize(
    ('fields', 'said'),
    [
        ({'freeze': ('stage5',)}, "unknown part of the network in config.freeze 'stage5'; did you mean stage"),
        ({'freeze': ('*', '!haed')}, 'did you mean head'),
        ({'freeze': ('*',)}, 'leaves no parameter to train'),
        ({'freeze': (3,)}, 'a tuple of patterns'),
        ({'bn_update': 'some'}, 'unfrozen, all, none'),
        ({'bn_train': 'yes'}, 'unfrozen, all, none'),
        ({'optimizer__lr_multipliers': (('stme', 0.1),)}, 'in config.optimizer.lr_multipliers.*did you mean stem'),
        ({'optimizer__lr_multipliers': ('stem', 0.1)}, 'takes pairs'),
    ],
)
def test_what_is_wrong_is_one_line(tiny_recipe, tiny_data, fields, said):
    with pytest.raises(UserError, match=said) as error:
        TrainingSetup(tiny_recipe(**NET, **fields), tiny_data)
    assert '\n' not in str(error.value)


class Net(nn.Module):
    """Two convolutions with batch norm, and a dense layer behind dropout."""

    bn_axis: str | None = None

    @nn.compact
    def __call__(self, x, train):
        for name in ('first', 'second'):
            x = nn.Conv(4, (3, 3), name=f'{name}_conv')(x)
            x = nn.relu(BatchNorm(not train, 0.9, axis_name=self.bn_axis, name=f'{name}_norm')(x))
        x = nn.Dropout(0.2, deterministic=not train, name='drop')(x.mean((1, 2)))
        return nn.Dense(3, name='head')(x)


def _freezing(freeze, bn_update='unfrozen', bn_train='unfrozen'):
    shapes = jax.eval_shape(lambda: Net().init(jax.random.key(0), jnp.zeros((1, 6, 6, 1)), train=False))
    return make_freezing(freeze, bn_update, bn_train, lambda: shapes)


def _trained(freezing, steps, devices=1):
    """The state before and after `steps` steps, with momentum, weight decay of all parameters and an average."""

    def optimizer(rate):
        return optax.chain(optax.add_decayed_weights(0.1), optax.sgd(rate, momentum=0.9))

    options = step.StepOptions(
        model=Net(parallel.AXIS),
        optimizer=optimizer,
        preprocess=lambda images: images.astype(jnp.float32) / 255,
        task=Classification(),
        aux_weight=0.0,
        ema_decay=0.9,
        freezing=freezing,
    )
    one = partial(step.train_step, options=options)
    used = jax.local_devices()[:devices]
    pick = lambda dataset, indices: (dataset[0][indices], dataset[1][indices])  # noqa: E731
    run = parallel.over_devices(partial(step.train_steps, step=one, pick=pick), used, 'jit')
    state = create(Net(), optimizer(lambda count: 0.05), 0, (6, 6, 1), averaged=True, freezing=freezing)
    generator = np.random.default_rng(0)
    dataset = generator.integers(0, 256, (12, 6, 6, 1), np.uint8), generator.integers(0, 3, 12).astype(np.int32)
    before, batch = jax.device_get(state), parallel.split(np.arange(12, dtype=np.int32)[None], used, axis=1)
    state, dataset = parallel.replicate(state, used), parallel.replicate(dataset, used)
    key_data = jax.random.key_data(jax.random.key(0))
    for _ in range(steps):
        (state, _), _ = run(state, (key_data, np.full(steps, 0.05, np.float32), dataset), batch)
    return before, jax.device_get(state)


def _changed(before, after):
    """Paths of the variables that differ in any bit."""
    before, after = (flatten_dict(variables, sep='/') for variables in (before, after))
    return {path for path in before if before[path].tobytes() != after[path].tobytes()}


@pytest.mark.parametrize(('bn_update', 'bn_train'), [('unfrozen', 'unfrozen'), ('all', 'none'), ('none', 'all')])
def test_what_is_frozen_is_the_same_to_the_bit_after_fifty_steps(bn_update, bn_train):
    before, after = _trained(_freezing(('first_*',), bn_update, bn_train), 50)
    on = {'unfrozen': ('second',), 'all': ('first', 'second'), 'none': ()}
    moving = {f'batch_stats/{name}_norm/{leaf}' for name in on[bn_update] for leaf in ('mean', 'var')}
    moving |= {f'params/{name}_norm/{leaf}' for name in on[bn_train] for leaf in ('scale', 'bias')}
    moving |= {f'params/{layer}/{leaf}' for layer in ('second_conv', 'head') for leaf in ('kernel', 'bias')}
    assert _changed(before.variables, after.variables) == moving
    assert _changed(before.variables, after.average) == moving


@pytest.mark.skipif(jax.local_device_count() < 3, reason='needs three devices')
def test_on_three_devices_too():
    """Where a mean over devices of equal numbers is another number."""
    before, after = _trained(_freezing(('*', '!head')), 3, devices=3)
    assert _changed(before.variables, after.variables) == {'params/head/kernel', 'params/head/bias'}


def test_the_optimiser_has_no_state_of_what_is_frozen(tiny_recipe, tiny_data):
    setup = TrainingSetup(tiny_recipe(**NET, freeze=BASE), tiny_data)
    state = setup.first_state()
    counts = parameter_counts(setup.stages[0].freezing, state.params)
    kept = sum(leaf.size for leaf in jax.tree.leaves(state.opt_state) if leaf.ndim)
    head = sum(leaf.size for leaf in jax.tree.leaves(state.params['head']))
    assert kept == counts['trained_params'] == head
    assert sum(counts.values()) == sum(leaf.size for leaf in jax.tree.leaves(state.params))


@pytest.mark.parametrize(('freeze', 'dropped'), [(('*', '!head'), False), (('*_norm',), True)])
def test_a_frozen_base_is_the_base_in_evaluation(freeze, dropped):
    """Its batch norm normalises by its running statistics and its dropout is off; that of the rest is not."""
    images = np.random.default_rng(0).normal(size=(4, 6, 6, 1)).astype(np.float32)
    variables = Net().init(jax.random.key(0), images, train=False)
    rngs = {'dropout': jax.random.key(1)}
    with _freezing(freeze).in_evaluation():
        logits = Net().apply(variables, images, train=True, rngs=rngs)  # and no collection is written
    assert (np.abs(logits - Net().apply(variables, images, train=False)).max() > 1e-3) == dropped


def test_stock_batch_norm_is_frozen_too():
    images = np.random.default_rng(0).normal(size=(4, 6, 6, 1)).astype(np.float32)
    variables = TinyNet().init(jax.random.key(0), images, train=False)
    freezing = make_freezing(('conv', 'bn'), 'unfrozen', 'unfrozen', lambda: variables)
    with freezing.in_evaluation():
        logits, updated = TinyNet().apply(variables, images, train=True, mutable=['batch_stats'])
    np.testing.assert_array_equal(logits, TinyNet().apply(variables, images, train=False))
    jax.tree.map(np.testing.assert_array_equal, updated['batch_stats'], variables['batch_stats'])


def test_head_only_training_multiplies_that_much_less():
    """By hand: forward once for all; the head's backward pass has the product for its kernel alone."""

    first, second, head = 36 * 9 * 1 * 4, 36 * 9 * 4 * 4, 4 * 3
    forward = first + second + head

    def macs(*freeze):
        return train_macs(Net(), _freezing(freeze), (6, 6, 1))

    assert macs() == forward + first + 2 * second + 2 * head
    assert macs('*', '!head') == forward + head
    assert macs('first_*') == forward + second + 2 * head
    assert macs('second_*') == forward + first + second + 2 * head  # the way down to the first


def test_the_compiled_head_only_step_has_fewer_operations(tiny_recipe, tiny_data):
    def flops(**fields):
        setup = TrainingSetup(tiny_recipe(**NET, **fields), tiny_data)
        batch = setup.train_data.train_batches(0, 24, 0, 1)
        step = setup.compiled_train_steps().lower(setup.first_state(), setup.shared(), batch)
        return step.compile().cost_analysis()['flops'], training_cost(setup)['train_macs']

    (whole, whole_macs), (head, head_macs) = flops(), flops(freeze=BASE)
    assert head_macs < 0.4 * whole_macs
    assert head < 0.5 * whole
    print(f'XLA flops {whole:.3g} -> {head:.3g}; train MACs {whole_macs:,} -> {head_macs:,}')


def test_nothing_frozen_is_nothing_changed():
    assert make_freezing((), 'unfrozen', 'all', lambda: pytest.fail('not needed')) is ALL_TRAINED
