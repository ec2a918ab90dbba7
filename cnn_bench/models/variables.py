"""Initial variables of a network, and their shapes. Compiled programs are shared between the networks of a process.

An interpreter of the jaxpr of `init` compiles one program per distinct initialiser and shape. Under plain `jax.jit`,
`init` compiles a random number generator for every kernel: ResNet-56 takes 8 s of CPU time instead of 2 s, GoogLeNet
10 s instead of 9 s, LeNet-5 0.7 s instead of 0.9 s.
"""

from functools import lru_cache

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal, Var, jaxpr_as_fun
from jax.interpreters.partial_eval import dce_jaxpr

# For programs that run once: XLA takes a second on a CPU to optimise a random number generator.
QUICK = {'xla_backend_optimization_level': 0, 'xla_cpu_use_fusion_emitters': False}
KEPT = 16  # networks
PROGRAMS = 1024  # one per initialiser and shape

Shape = tuple[int, int, int]  # (h, w, c) of an image


def init_variables(model: nn.Module, image_shape: Shape, seed: int) -> dict:
    """The initial variables of `model` for a seed: {'params': ..., 'batch_stats': ..., ...}."""
    closed, like = _drawing(model, image_shape)
    return jax.tree.unflatten(jax.tree.structure(like), _run(closed, jax.random.key(seed)))


def variable_shapes(model: nn.Module, image_shape: Shape) -> dict:
    """Shapes and dtypes of a network's variables."""
    return _drawing(model, image_shape)[1]


def compiled_quickly(function: jax.stages.Wrapped, *arguments) -> jax.stages.Compiled:
    """Compile `function`, which runs only once, for arguments like these."""
    options = QUICK if jax.default_backend() == 'cpu' else {}
    return function.lower(*arguments).compile(compiler_options=options)


@lru_cache(KEPT)
def _drawing(model: nn.Module, image_shape: Shape) -> tuple[ClosedJaxpr, dict]:
    """The jaxpr from a key to the variables, without the forward pass, and the variables' shapes and dtypes."""

    def init(key: jax.Array) -> dict:
        variables = model.init(key, jnp.zeros((1, *image_shape)), train=False)
        return {name: value for name, value in variables.items() if name != 'aux_logits'}

    closed, like = jax.make_jaxpr(init, return_shape=True)(jax.random.key(0))
    live, _ = dce_jaxpr(closed.jaxpr, [True] * len(closed.jaxpr.outvars), instantiate=True)
    return ClosedJaxpr(live, closed.consts), like


def _run(closed: ClosedJaxpr, key: jax.Array) -> list[jax.Array]:
    """Evaluate a jaxpr equation by equation; jitted functions in it are compiled quickly and cached.

    Initialisers must therefore be jitted, as those in `layers.INITS` are, or call jitted functions as JAX's do.
    """
    jaxpr: Jaxpr = closed.jaxpr
    values: dict[Var, jax.Array] = dict(zip(jaxpr.constvars, closed.consts, strict=True)) | {jaxpr.invars[0]: key}

    def read(variable: Var | Literal) -> jax.Array:
        return variable.val if isinstance(variable, Literal) else values[variable]

    for equation in jaxpr.eqns:
        inputs = [read(variable) for variable in equation.invars]
        if equation.primitive.name == 'jit':
            outputs = _compiled(equation.params['jaxpr'])(*inputs)
        else:
            outputs = equation.primitive.bind(*inputs, **equation.params)
        outputs = outputs if equation.primitive.multiple_results else [outputs]
        values.update(zip(equation.outvars, outputs, strict=True))
    return [read(variable) for variable in jaxpr.outvars]


@lru_cache(PROGRAMS)
def _compiled(jaxpr: ClosedJaxpr) -> jax.stages.Compiled:
    arguments = (jax.ShapeDtypeStruct(aval.shape, aval.dtype) for aval in jaxpr.in_avals)
    return compiled_quickly(jax.jit(jaxpr_as_fun(jaxpr)), *arguments)
