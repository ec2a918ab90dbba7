"""A module's evaluation pass as a program, and the shapes of its variables, from a single trace.

Flax initialises a module by running it, and traces every initialiser again whenever the module is applied, to check the
shape; for a deep network that is most of the time of counting it. Here a module finds its variables as it asks for
them: inputs of the program, of the shape that their initialiser would give. No initialiser is put into the program, and
those of the same arguments are evaluated (abstractly) once.
"""

import inspect
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.core import Scope, meta
from flax.core.scope import Variable
from jax import dtypes
from jax.core import ShapedArray
from jax.extend.core import Jaxpr, Primitive

CONSTANTS = (nn.initializers.zeros, nn.initializers.ones, jnp.zeros, jnp.ones)


class Trace(NamedTuple):
    """An evaluation pass: `jaxpr` takes the leaves of `variables` in any order, then the image."""

    jaxpr: Jaxpr
    variables: dict[str, Any]  # shapes
    output: Any  # shapes


def evaluation(module: nn.Module, image: jax.ShapeDtypeStruct) -> Trace:
    """Trace the evaluation pass of `module` on images of that shape. Raises what JAX and Flax raise."""
    try:
        return _on_demand(module, image)
    except Exception:  # inside a lifted transformation, say, a module cannot ask; and errors are better told by Flax
        variables = initialise(module, image, train=False)
        apply = partial(module.apply, **mode(module))
        closed, output = jax.make_jaxpr(apply, return_shape=True)(variables, image)
        return Trace(closed.jaxpr, variables, output)


def initialise(module: nn.Module, image: jax.ShapeDtypeStruct, train: bool) -> dict[str, Any]:
    """The shapes of the module's variables, as Flax initialises them."""
    keys = dict.fromkeys(('params', 'dropout'), key())
    return dict(jax.eval_shape(partial(module.init, **mode(module, train)), keys, image))


def mode(module: nn.Module, train: bool = False) -> dict[str, bool]:
    """The argument `train` for modules that have it."""
    return {'train': train} if 'train' in inspect.signature(type(module).__call__).parameters else {}


def key() -> jax.ShapeDtypeStruct:
    """The shape of a key of a random number generator."""
    return jax.eval_shape(lambda: jax.random.key(0))


# --- Variables on demand

_variable = Primitive('variable')  # an array from nowhere; an input once the program is traced
_variable.def_abstract_eval(lambda *, shape, dtype, weak_type: ShapedArray(shape, dtype, weak_type))


def _on_demand(module: nn.Module, image: jax.ShapeDtypeStruct) -> Trace:
    shelf = _Shelf()

    def evaluate(image):
        with _OnDemand({}, mutable=False).temporary() as scope:
            scope.shelf = shelf
            output = module.clone(parent=scope, _deep_clone=True)(image, **mode(module))
        return output, shelf.tree()

    closed, (output, variables) = jax.make_jaxpr(evaluate, return_shape=True)(image)
    jaxpr, asked = closed.jaxpr, len(jax.tree.leaves(variables))
    results, given = jaxpr.outvars[: len(jaxpr.outvars) - asked], jaxpr.outvars[len(jaxpr.outvars) - asked :]
    equations = [eqn for eqn in jaxpr.eqns if eqn.primitive is not _variable]
    if len(jaxpr.eqns) - len(equations) != len(set(given)) or not shelf.promised <= shelf.values.keys():
        raise LookupError('variables were asked for inside an inner program, or promised and not made')
    named = jaxpr.debug_info._replace(arg_names=None, result_paths=None)
    program = jaxpr.replace(invars=[*given, *jaxpr.invars], outvars=results, eqns=equations, debug_info=named)
    return Trace(program, variables, output)


class _Shelf:
    """The variables that a module has asked for in a trace."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, ...], Any] = {}  # (collection, module, ..., name) -> tracers
        self.promised: set[tuple[str, ...]] = set()  # those that the module was told to exist
        self.shapes: dict[Hashable, Any] = {}  # initialiser with its arguments -> shapes
        self.keys = (key(),)

    def ask(self, path: tuple[str, ...], make: Callable, keys: tuple, args: tuple, options: dict) -> Any:
        """The value at `path`, of the shape of `make(*keys, *args, **options)`."""
        if path not in self.values:
            self.values[path] = jax.tree.map(_bind, self._shape(make, keys, args, options))
        return self.values[path]

    def _shape(self, make: Callable, keys: tuple, args: tuple, options: dict) -> Any:
        if not options and (_is_constant(make, args) or (_is_jax_own(make) and _are_shape_and_type(args))):
            return jax.ShapeDtypeStruct(args[0], dtypes.canonicalize_dtype(args[1]))
        call = make, len(keys), args, tuple(options.items())
        try:
            known = self.shapes.get(call)
        except TypeError:  # an argument is an array
            call = known = None
        if known is None:
            known = jax.eval_shape(lambda *keys: make(*keys, *args, **options), *keys)
        if call is not None:
            self.shapes[call] = known
        return known

    def tree(self) -> dict[str, Any]:
        """All values, nested as Flax nests them."""
        tree: dict[str, Any] = {}
        for path, value in self.values.items():
            inside = tree
            for name in path[:-1]:
                inside = inside.setdefault(name, {})
            inside[path[-1]] = value
        return tree


def _is_constant(make: Callable, args: tuple) -> bool:
    """Whether it gives zeros or ones of the shape and type that are its arguments, as batch statistics are made."""
    match args:
        case [tuple(), kind]:
            return make in CONSTANTS and isinstance(kind, type | jnp.dtype | type(jnp.float32))
    return False


def _is_jax_own(make: Callable) -> bool:
    """Whether it is one of JAX's initialisers, which give an array of the shape and type that they are called with."""
    return getattr(inspect.unwrap(make), '__module__', None) == nn.initializers.lecun_normal().__module__


def _are_shape_and_type(args: tuple) -> bool:
    """Whether initialisers accept these; of kernels without inputs, or of one axis, some take no variance."""
    match args:
        case [tuple(shape), kind]:
            return len(shape) > 1 and all(shape) and isinstance(kind, type | jnp.dtype | type(jnp.float32))
    return False


def _bind(leaf: jax.ShapeDtypeStruct) -> jax.Array:
    return _variable.bind(shape=leaf.shape, dtype=leaf.dtype, weak_type=leaf.weak_type)


class _OnDemand(Scope):
    """A scope in which a variable exists as soon as it is asked for. All are immutable, as in an evaluation pass.

    What else only an initialised module would know raises an error, so that the module is then initialised.
    """

    shelf: _Shelf

    def push(self, *args: Any, **options: Any) -> Scope:
        return self._alike(super().push(*args, **options))

    def rewound(self, rewind_rngs: bool = False) -> Scope:
        return self._alike(super().rewound(rewind_rngs))

    def _alike(self, scope: Scope) -> Scope:
        scope.__class__, scope.shelf = type(self), self.shelf
        return scope

    def param(self, name: str, init_fn: Callable, *init_args: Any, unbox: bool = True, **init_kwargs: Any) -> Any:
        self.reserve(name, 'params')
        value = self.shelf.ask(('params', *self.path, name), init_fn, self.shelf.keys, init_args, init_kwargs)
        return meta.unbox(value) if unbox else value

    def variable(
        self, col: str, name: str, init_fn: Callable, *init_args: Any, unbox: bool = True, **init_kwargs: Any
    ) -> Variable:
        self.reserve(name, col)
        self.shelf.ask((col, *self.path, name), init_fn, (), init_args, init_kwargs)
        return Variable(self, col, name, unbox=unbox)

    def get_variable(self, col: str, name: str, default: Any = None) -> Any:
        return self.shelf.values[col, *self.path, name]

    def has_variable(self, col: str, name: str) -> bool:
        self.shelf.promised.add((col, *self.path, name))
        return True

    def _unknown(self, *_: Any, **__: Any) -> Any:
        raise LookupError('only an initialised module has an answer')

    variables = mutable_variables = get_flag = has_flag = _unknown
