"""Finding the weights of one network among what a file of PyTorch's holds.

    in the file                                    what becomes of it
    ---------------------------------------------  ------------------------------------------------------------------
    {'conv1.weight': array, ...}                   read
    {'state_dict': {...}}, under any name of RAW   read; what is beside it (optimiser, epoch, arguments) is left
    {'model_ema': {...}}, any name of AVERAGED     read, as averaged weights
    both a name of RAW and one of AVERAGED         refused unless `use` says which
    two names of RAW, or two of AVERAGED           refused
    module.conv1.weight, _orig_mod.conv1.weight,   read: these parts of a name are dropped wherever they stand. They
    module._orig_mod., features.module.0.weight    come from DataParallel and its kin, averaging, and torch.compile
    model.conv1.weight (Lightning), net., ...      read: a first part that is a name of RAW or AVERAGED is as good as
                                                   a dictionary of that name, so that the rules above hold
    loss.weight beside model.conv1.weight          set aside, and named in the record; so is whatever lacks the prefix
    total_ops, total_params (thop), n_averaged     ignored on every layer: they count, and are no weights
    anything else without a name, e.g. a list      refused

An array of the network that one of these rules sets aside by mistake is missing when the weights are converted, which
says so: a network is never imported in part.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from cnn_bench.errors import UserError
from cnn_bench.pretrained.checks import named

USES = ('raw', 'ema')
RAW = ('state_dict', 'model_state_dict', 'model', 'net', 'network', 'module')
AVERAGED = ('model_ema', 'state_dict_ema', 'ema', 'ema_model', 'ema_state_dict')
WRAPPING = ('module', '_orig_mod')  # what wraps a network, as parts of its arrays' names
COUNTERS = ('total_ops', 'total_params', 'n_averaged')
DEEPEST = 6  # dictionaries inside each other that are looked into; a pickle may hold itself
SHOWN = 3  # names in a message


class StateDict(NamedTuple):
    """The arrays of one network, and where in the file they were."""

    arrays: dict[str, Any]  # arrays or tensors by the network's own names
    key: str = ''  # 'state_dict_ema', 'state_dict.model'; empty: nothing was around them
    use: str = 'raw'  # one of USES: 'ema' where a name of AVERAGED was around them
    set_aside: tuple[str, ...] = ()  # names of other arrays that lay beside them

    def record(self) -> dict[str, Any]:
        """What an import's record keeps of it."""
        return {'key': self.key, 'use': self.use, 'set_aside': list(self.set_aside)}


def find(path: Path, content: Any, use: str | None = None) -> StateDict:
    """The state dict in the `content` of the file `path`, by the rules above; arrays are whatever has shape and dtype.

    `use` is 'raw' or 'ema', or None where the file has only one of them. Raises UserError where there is no state
    dict, or none of that kind, or more than one.
    """
    keys, set_aside = [], ()
    while groups := _groups(content):
        if len(keys) == DEEPEST:
            raise UserError(f'{path} has its weights below {".".join(keys)}: save them by themselves')
        key = _choice(path, groups, use)
        set_aside += _beside(content, key)
        content = groups[key]
        keys.append(key)
    _check_arrays(path, content)
    own = ((_unwrapped(name), array) for name, array in content.items())
    arrays = named(path, ((name, array) for name, array in own if not _counts(name)))
    found = StateDict(arrays, '.'.join(keys), USES[any(key in AVERAGED for key in keys)], set_aside)
    return check_use(path, found, use)


def check_use(path: Path, found: StateDict, use: str | None) -> StateDict:
    """`found`, unless it is not of the kind that `use` asks for, which raises UserError."""
    if use not in (None, found.use):
        only = {'raw': 'no averaged weights', 'ema': 'averaged weights only'}[found.use]
        raise UserError(f'{path} has {only}: leave --use {use} out')
    return found


def _groups(content: Any) -> dict[str, Mapping]:
    """What could be the weights: dictionaries with arrays in them and arrays with a first part, by these names."""
    if not isinstance(content, Mapping):
        return {}
    groups = {key: content[key] for key in (*RAW, *AVERAGED) if _holds_arrays(content.get(key))}
    flat: dict[str, dict] = {}
    for name, value in content.items():
        first, rest = _first_part(name) if _is_array(value) else ('', '')
        if rest and first in (*RAW, *AVERAGED):
            flat.setdefault(first, {})[rest] = value
    return {**flat, **groups}


def _choice(path: Path, groups: Mapping[str, Mapping], use: str | None) -> str:
    """The name among the `groups` that `use` means."""
    of_kind = {'raw': [key for key in RAW if key in groups], 'ema': [key for key in AVERAGED if key in groups]}
    if use is None and all(of_kind.values()):
        raw, averaged = (', '.join(keys) for keys in of_kind.values())
        raise UserError(f'{path} has weights ({raw}) and averages of them ({averaged}): say --use raw or --use ema')
    chosen = of_kind[use or 'raw'] or of_kind['raw'] or of_kind['ema']
    if len(chosen) > 1:
        raise UserError(f'{path} has several sets of weights ({", ".join(chosen)}): save one of them by itself')
    return chosen[0]


def _beside(content: Mapping, key: str) -> tuple[str, ...]:
    """Names of arrays that lie beside those with the first part `key` and are nobody's; none of a dictionary `key`."""
    if _holds_arrays(content.get(key)):
        return ()
    names = sorted(name for name, value in content.items() if isinstance(name, str) and _is_array(value))
    return tuple(n for n in names if _first_part(n)[0] not in (*RAW, *AVERAGED) and not _counts(n))


def _check_arrays(path: Path, content: Any) -> None:
    """Raise UserError unless `content` is a dictionary of names and arrays."""
    if isinstance(content, Mapping):
        if inside := [str(key) for key, value in content.items() if _holds_arrays(value)]:
            shown = ', '.join(inside[:SHOWN])
            raise UserError(f'{path} is not a state dict, but has arrays in {shown}: save the weights by themselves')
        odd = [f'{n} is {type(v).__name__}' for n, v in content.items() if not (isinstance(n, str) and _is_array(v))]
        if not odd:
            return
        what = f'{", ".join(odd[:SHOWN])}'
    else:
        what = f'it is {type(content).__name__}'
    raise UserError(f'{path} is not a state dict, names and arrays ({what}): save model.state_dict()')


def _holds_arrays(value: Any, depth: int = DEEPEST) -> bool:
    if not isinstance(value, Mapping) or not depth:
        return False
    return any(_is_array(each) or _holds_arrays(each, depth - 1) for each in value.values())


def _counts(name: str) -> bool:
    return name.rpartition('.')[2] in COUNTERS


def _is_array(value: Any) -> bool:
    return hasattr(value, 'shape') and hasattr(value, 'dtype')


def _first_part(name: Any) -> tuple[str, str]:
    """The first part of an array's name, and the rest."""
    first, _, rest = _unwrapped(name).partition('.') if isinstance(name, str) else ('', '', '')
    return first, rest


def _unwrapped(name: str) -> str:
    """The name without the parts that wrapping the network put into it."""
    *parts, leaf = name.split('.')
    return '.'.join([*(part for part in parts if part not in WRAPPING), leaf])
