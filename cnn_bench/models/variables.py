"""A network's first variables, drawn by its initialisers, and their shapes. Compiled programs are kept."""

from functools import lru_cache

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal, Var, jaxpr_as_fun
from jax.interpreters.partial_eval import dce_jaxpr

# The work of a moment, but to optimise a random number generator takes a CPU back end a second.
QUICK = {'xla_backend_optimization_level': 0, 'xla_cpu_use_fusion_emitters': False}
KEPT = 16  # networks
PROGRAMS = 1024  # one for an initialiser and a shape

Shape = tuple[int, int, int]  # (h, w, c) of an image


def init_variables(model: nn.Module, image_shape: Shape, seed: int) -> dict:
    """The variables of `model` by a seed: {'params': ..., 'batch_stats': ..., ...}.

    They are drawn one by one. Most are of the shape of others, so that to compile a program for each shape is quicker
    by far than one for the network.
    """
    closed, like = _drawing(model, image_shape)
    return jax.tree.unflatten(jax.tree.structure(like), _run(closed, jax.random.key(seed)))


def variable_shapes(model: nn.Module, image_shape: Shape) -> dict:
    """Shapes and dtypes of a network's variables."""
    return _drawing(model, image_shape)[1]


def compiled_quickly(function: jax.stages.Wrapped, *arguments) -> jax.stages.Compiled:
    """`function`, which runs once, compiled for arguments like these."""
    options = QUICK if jax.default_backend() == 'cpu' else {}
    return function.lower(*arguments).compile(compiler_options=options)


@lru_cache(KEPT)
def _drawing(model: nn.Module, image_shape: Shape) -> tuple[ClosedJaxpr, dict]:
    """key -> variables, without the pass through the network, and their shapes and dtypes."""

    def init(key: jax.Array) -> dict:
        variables = model.init(key, jnp.zeros((1, *image_shape)), train=False)
        return {name: value for name, value in variables.items() if name != 'aux_logits'}

    closed, like = jax.make_jaxpr(init, return_shape=True)(jax.random.key(0))
    needed, _ = dce_jaxpr(closed.jaxpr, [True] * len(closed.jaxpr.outvars), instantiate=True)
    return ClosedJaxpr(needed, closed.consts), like


def _run(closed: ClosedJaxpr, key: jax.Array) -> list[jax.Array]:
    """The program equation by equation, functions in it compiled quickly and kept.

    So initialisers are to be jitted, as those of JAX and of `layers.INITS` are: what they call is not looked into.
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
def _compiled(called: ClosedJaxpr) -> jax.stages.Compiled:
    arguments = (jax.ShapeDtypeStruct(aval.shape, aval.dtype) for aval in called.in_avals)
    return compiled_quickly(jax.jit(jaxpr_as_fun(called)), *arguments)
