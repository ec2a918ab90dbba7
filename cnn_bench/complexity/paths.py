"""Module paths from name stacks: which Flax module an equation of a jaxpr belongs to."""

import re

_WRAPPED = re.compile(r'(\w+)\((.*)\)')
_OUTSIDE_PARENTHESES = re.compile(r'/(?![^()]*\))')


def join(outer: str, inner: str) -> str:
    """The full name stack of an equation in a nested jaxpr; its own stack is relative to the caller's."""
    return f'{outer}/{inner}' if outer and inner else outer or inner


def is_backward(stack: str) -> bool:
    """Whether an equation with this name stack belongs to the backward pass (it was made by transposition)."""
    return 'transpose(' in stack


def module_path(stack: str, root: str = '') -> str:
    """The module path of a name stack, as in the parameter tree: 'stage1/block2/conv1', or '' at the top.

    'transpose(jvp(ResNet))/ResNet.features/stem/conv' with root 'ResNet' gives 'stem/conv': transformations are
    unwrapped, a method that a module calls on itself adds nothing, and a leading `root` is dropped. A method of a
    submodule ('ResNet/head.pool') gives that submodule. Names with a dot are taken for methods.
    """
    parts: list[str] = []
    restart = 0
    for scope in _OUTSIDE_PARENTHESES.split(stack):
        inner, transforms = _unwrap(scope)
        if 'jvp' in transforms and parts:  # the backward pass of `remat` repeats the stack of its forward pass
            restart = len(parts)
        for name in inner.split('/'):
            module, _, method = name.partition('.')
            if name and name != 'rematted_computation' and not (method and parts[-1:] == [module]):
                parts.append(module)
    if restart and parts[restart : 2 * restart] == parts[:restart]:
        parts = parts[restart:]
    return '/'.join(parts[1:] if root and parts[:1] == [root] else parts)


def _unwrap(scope: str) -> tuple[str, set[str]]:
    transforms = set()
    while match := _WRAPPED.fullmatch(scope):
        transforms.add(match[1])
        scope = match[2]
    return scope, transforms
