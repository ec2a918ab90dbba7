"""The networks under test: shapes of any of them, and small ones that were run once for all tests that need numbers."""

from functools import cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from flax.traverse_util import flatten_dict

from cnn_bench.models import registry
from cnn_bench.models.variables import variable_shapes

CLASSIFIERS = [name for name, arch in registry.ARCHS.items() if arch.num_classes and arch.task == 'classification']
IMAGES = (4, 28, 28, 1)
WIDTH = 0.25
# Fields that make a network larger or smaller, but not of other parts.
SIZES = ('depths', 'growth', 'maps', 'group_width', 'stem_maps', 'stem_kernel', 'last_maps', 'hidden', 'table')
SIZES += ('dropout', 'drop_path')
SIZES += ('skips',)  # of NASNet: another input of the same parts


def _quick_options() -> dict:
    """Options for programs that run once or twice, where the compiler's own time is what counts."""
    options = {'xla_backend_optimization_level': 0, 'xla_cpu_use_fusion_emitters': False}
    try:
        jax.jit(lambda: 0).lower().compile(options)
    except jax.errors.JaxRuntimeError:  # a version without one of them
        return {}
    return options


quick_jit = partial(jax.jit, compiler_options=_quick_options())


def image(shape, dtype=jnp.float32) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, dtype)


def keys() -> dict:
    return {'params': jax.random.key(0), 'dropout': jax.random.key(1)}


def variables(module, shape, **mode) -> dict:
    """The shapes of a module's variables, initialised on images of `shape` (n, h, w, c)."""
    return jax.eval_shape(lambda x: module.init(keys(), x, **mode), image(shape))


@cache
def native(name: str) -> tuple:
    """The shapes of an architecture's output and variables for two images of its native size, and `maps` of it.

    Traced once for all tests of the process: tests/conftest.py gives files that share these to one worker.
    """
    run = partial(registry.build(name).init_with_output, keys(), capture_intermediates=True)
    output, shapes = jax.eval_shape(run, image((2, *registry.get(name).input_shape)))
    return output, shapes, _maps(shapes.pop('intermediates'))


@cache
def array_shapes(module: nn.Module, input_shape: tuple[int, int, int]) -> dict[str, jax.ShapeDtypeStruct]:
    """Shapes of the variables by path, traced once; of a network as the registry has it, together with `native`."""
    for name in registry.names():
        if registry.get(name).input_shape == input_shape and registry.build(name) == module:
            return flatten_dict(native(name)[1], sep='/')
    return flatten_dict(variable_shapes(module, input_shape), sep='/')


def paths(tree) -> dict[str, jax.ShapeDtypeStruct]:
    leaves, _ = jax.tree.flatten_with_path(tree)
    return {
        '/'.join(str(getattr(part, 'key', getattr(part, 'idx', ''))) for part in path): leaf for path, leaf in leaves
    }


def maps(module, shape) -> dict[str, tuple[int, ...]]:
    """Height, width and channels of every submodule's output, by path, for one image of `shape` (h, w, c)."""

    run = partial(module.init_with_output, keys(), capture_intermediates=True)
    return _maps(jax.eval_shape(run, image((1, *shape)))[1]['intermediates'])


def _maps(intermediates: dict) -> dict[str, tuple[int, ...]]:
    return {path.removesuffix('/__call__/0'): leaf.shape[1:] for path, leaf in paths(intermediates).items()}


def random_variables(shapes: dict) -> dict:
    """Values of the given shapes: kernels with He's variance, scales, gains and variances near 1, the rest near 0."""
    generator = np.random.default_rng(0)

    def value(path, leaf):
        noise = generator.standard_normal(leaf.shape).astype(np.float32)
        match path[-1].key:
            case 'kernel':
                return noise * np.sqrt(2 / max(1, np.prod(leaf.shape[:-1])), dtype=np.float32)
            case 'scale' | 'var' | 'gain':
                return np.exp(0.1 * noise)
            case _:
                return 0.1 * noise

    return jax.tree.map_with_path(value, shapes)


def _structure(name: str) -> tuple:
    """What a network is made of, but for its sizes."""
    make = registry._load(registry.get(name))
    if not isinstance(make, partial):
        return make, ()
    fields = {key: str(value) for key, value in make.keywords.items() if key not in SIZES}
    return make.func, tuple(sorted(fields.items()))


# What is compiled takes seconds a network: `make test` has these, which between them have every kind of layer with
# variables of its own (test_every_network holds them to it), `make test-slow` the other structures.
COMPILED = (
    'lenet5_1998',  # subsampling that is trained, a table of connections, codes for the classes
    'alexnet',  # local response normalisation, groups, hidden dense layers
    'nin',  # no head but a pooling
    'seresnet50',  # bottlenecks, gates
    'resnetv2_50',  # normalisation before convolutions
    'plain20',  # basic blocks
    'enet',
    'xception',
    'inception_v3',  # branches, auxiliary heads
    'densenet121',
    'squeezenet1_0',  # no normalisation at all
    'mobilenet_v3_small',  # inverted residuals, gates, dropped blocks
    'shufflenet_v2_x0_5',
    'convnext_atto',
    'convnextv2_atto',  # response normalisation
    'nfnet_f0',  # standardised kernels, gains
)
# One name of each structure: that in `COMPILED`, or the first.
REPRESENTATIVES = list({_structure(name): name for name in (*reversed(CLASSIFIERS), *COMPILED)}.values())[::-1]
LONG = ('nasnet',)  # whose smallest form has hundreds of convolutions
each_compiled = pytest.mark.parametrize(
    'name', [name if name in COMPILED else pytest.param(name, marks=pytest.mark.slow) for name in REPRESENTATIVES]
)


def small(name: str, **fields):
    """The small form of a network: little width, few blocks, ten classes."""
    allowed = registry._fields(registry._load(registry.get(name)))
    few = {field: 1 for field in ('middle', 'blocks') if field in allowed}
    depths = registry.build(name).depths if 'depths' in allowed else ()
    few |= {'depths': (2, *(1,) * (len(depths) - 1))} if depths else {}
    aux = {'aux': True} if 'aux' in allowed else {}
    rate = 0.05 if registry.get(name).family in LONG else 0.5  # one of hundreds would be dropped for all images
    drop = {'drop_path': rate} if 'drop_path' in allowed else {}
    return registry.build(name, **{'num_classes': 10, 'width': WIDTH, 'stem': 'small', **few, **aux, **drop, **fields})


class Form(NamedTuple):
    """What the initialisation of a network tells: shapes, and the types of layers with variables of their own."""

    output: jax.ShapeDtypeStruct
    features: jax.ShapeDtypeStruct  # the last feature map
    variables: dict
    layers: set[type]


@cache
def form(module: nn.Module) -> Form:
    """The form of a network for IMAGES, traced once for all tests of the process and all names with this module."""
    types = {}

    def note(call, args, fields, context):
        types[context.module.path] = type(context.module)
        return call(*args, **fields)

    run = partial(module.init_with_output, keys(), capture_intermediates=lambda _, method: method == 'features')
    with nn.intercept_methods(note):
        output, shapes = jax.eval_shape(run, image(IMAGES))
    [last] = shapes.pop('intermediates')['features']
    layers = {types[path[1:-1]] for path in flatten_dict(shapes)}
    return Form(output, last, shapes, layers)


class Trained(NamedTuple):
    """One training pass: logits (n, 10), the other collections after it, and the gradient of a loss."""

    logits: np.ndarray
    state: dict
    gradient: dict


def loss(module, variables: dict, x, key) -> tuple:
    """The sum of the losses of all heads, where image i has label i; logits (n, 10) and the other collections."""
    mutable = ['batch_stats', 'aux_logits']
    logits, state = module.apply(variables, x, train=True, rngs={'dropout': key}, mutable=mutable)
    heads = [logits, *jax.tree.leaves(state.get('aux_logits', {}))]
    losses = [-jax.nn.log_softmax(head)[jnp.arange(len(x)), jnp.arange(len(x))].mean() for head in heads]
    return sum(losses), (logits, state)


class Trial:
    """A network for IMAGES with fixed variables; what it computes is compiled once."""

    def __init__(self, module: nn.Module):
        self.module = module
        self.variables = random_variables(form(module).variables)
        self.x = np.random.default_rng(1).standard_normal(IMAGES).astype(np.float32)
        self._train = quick_jit(self._train_pass)
        self._evaluate = quick_jit(partial(module.apply, train=False))

    def _train_pass(self, variables, x, key):
        def of_params(params):
            return loss(self.module, {**variables, 'params': params}, x, key)

        (_, (logits, state)), gradient = jax.value_and_grad(of_params, has_aux=True)(variables['params'])
        return Trained(logits, state, gradient)

    def train(self, seed: int = 0, **collections) -> Trained:
        """A training pass with the given dropout seed, and with `collections` in place of its own."""
        return jax.tree.map(np.asarray, self._train({**self.variables, **collections}, self.x, jax.random.key(seed)))

    def traced(self) -> Trained:
        """The shapes of a training pass, without computing it."""
        return jax.eval_shape(self._train_pass, self.variables, self.x, jax.random.key(0))

    def evaluate(self, x=None, variables=None) -> np.ndarray:
        """Logits (n, 10) for the images `x` with `variables`, in place of its own."""
        x, variables = (own if given is None else given for given, own in ((x, self.x), (variables, self.variables)))
        return np.asarray(self._evaluate(variables, x))


@cache
def trial_of(module: nn.Module) -> Trial:
    """The trial of a network, made once for all names with this module."""
    return Trial(module)


def trial(name: str) -> Trial:
    """The trial of the small form of a network."""
    return trial_of(small(name))
