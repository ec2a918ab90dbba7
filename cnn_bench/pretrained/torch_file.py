"""Reading what `torch.save` wrote, without PyTorch and without running code.

Both of its formats are read: a zip archive with the pickled content and a member for the numbers of each storage (since
PyTorch 1.6, 2020), and the older sequence of pickles with the numbers behind. A pickle is a program: it names functions
and has them called. Here a few names lead to the functions below, and a file with any other is refused before anything
of that name is called.
"""

import io
import math
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from operator import index
from pathlib import Path
from typing import Any, ClassVar

import ml_dtypes
import numpy as np

from cnn_bench.data.readers.pickled_arrays import Dtype, encode_latin1, make_dtype
from cnn_bench.pretrained.checks import unreadable

_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001  # what the older format begins with
_OLDER_BEGINS = b'\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19'
_STORAGES = {
    'DoubleStorage': np.float64,
    'FloatStorage': np.float32,
    'HalfStorage': np.float16,
    'BFloat16Storage': ml_dtypes.bfloat16,
    'LongStorage': np.int64,
    'IntStorage': np.int32,
    'ShortStorage': np.int16,
    'CharStorage': np.int8,
    'ByteStorage': np.uint8,
    'BoolStorage': np.bool_,
}


class _Refused(Exception):
    """The file holds something that is not read. The message says what."""


def load(path: str | Path, most_values: int) -> Any:
    """The content of a file of `torch.save`: dictionaries, lists, numbers and text, with read-only arrays for tensors.

    Parameters and tensors with gradients are arrays too; an `argparse.Namespace` is a dictionary of its values, numbers
    of NumPy are its scalars. The arrays share memory where the tensors did, and have their dtype (bfloat16 as
    `ml_dtypes` has it).

    Raises UserError for a file in neither format, for TorchScript, for one that is cut or damaged, that names any
    other class or function, or whose tensors have more than `most_values` numbers.
    """
    path = Path(path)
    try:
        if zipfile.is_zipfile(path):
            return _from_zip(path, most_values)
        with open(path, 'rb') as file:
            if file.read(len(_OLDER_BEGINS)) != _OLDER_BEGINS:
                raise _Refused('it is not a file of torch.save')
        return _from_older(path.read_bytes(), most_values)
    except _Refused as error:
        raise unreadable(path, error) from None
    except Exception as error:  # pickle and zipfile raise nearly anything for what is damaged
        raise unreadable(path, f'it is cut or damaged ({error or type(error).__name__})') from None


def _from_zip(path: Path, most_values: int) -> Any:
    with zipfile.ZipFile(path) as archive:
        members = {member.filename: member for member in archive.infolist()}
        top = next((name.removesuffix('data.pkl') for name in members if name.endswith('/data.pkl')), None)
        if top is None:
            raise _Refused('it is not a file of torch.save')
        if f'{top}constants.pkl' in members:
            raise _Refused(
                'it is a TorchScript archive; save torch.jit.load(FILE).state_dict() with torch.save and import that'
            )
        if any(member.compress_type != zipfile.ZIP_STORED for member in members.values()):
            raise _Refused('it is compressed, as torch.save writes no file')
        order = f'{top}byteorder'
        swapped = order in members and archive.read(order).strip() == b'big'

        def numbers(key: str, dtype: np.dtype, count: int) -> np.ndarray:
            return _numbers(archive.read(f'{top}data/{key}'), dtype, count, swapped)

        return _Reader(io.BytesIO(archive.read(f'{top}data.pkl')), numbers, most_values).load()


def _from_older(content: bytes, most_values: int) -> Any:
    """The numbers stand behind the pickle that needs them, which is therefore read twice: for their types first."""
    file = io.BytesIO(content)
    magic, protocol, system = (_Reader(file, None, most_values).load() for _ in range(3))
    if (magic, protocol) != (_MAGIC, _PROTOCOL):
        raise _Refused('it is of an unknown version of torch.save')
    swapped = not system['little_endian']
    start = file.tell()
    first = _Reader(file, None, most_values)
    first.load()
    found = {}
    for key in _Reader(file, None, most_values).load():
        dtype, count = first.storages[key]
        [written] = np.frombuffer(file.read(8), '>i8' if swapped else '<i8')
        if written != count:
            raise ValueError(f'a storage of {count:,} numbers has {written:,}')
        found[key] = _numbers(file.read(count * dtype.itemsize), dtype, count, swapped)
    file.seek(start)
    return _Reader(file, lambda key, *_: found[key], most_values).load()


def _numbers(content: bytes, dtype: np.dtype, count: int, swapped: bool) -> np.ndarray:
    if len(content) != count * dtype.itemsize:
        raise ValueError(f'a storage of {count:,} numbers has {len(content):,} bytes')
    array = np.frombuffer(content, dtype)
    return array.byteswap() if swapped else array


class _Reader(pickle._Unpickler):  # the one in Python: that in C takes gigabytes for a damaged index of its memo
    """Reads one pickle. Without `numbers(key, dtype, count)` tensors are None, and `storages` says what there are."""

    dispatch: ClassVar[dict] = dict(pickle._Unpickler.dispatch)

    def __init__(self, file: io.BytesIO, numbers: Callable[..., np.ndarray] | None, most_values: int):
        super().__init__(file, encoding='utf-8')
        self.numbers, self.most_values, self.values = numbers, most_values, 0
        self.storages: dict[str, tuple[np.dtype, int]] = {}
        self.read_before: dict[str, np.ndarray] = {}

    def find_class(self, module: str, name: str) -> Any:
        if module in ('torch', 'torch.storage') and name in _STORAGES:
            return np.dtype(_STORAGES[name])
        if (module, name) == ('torch._utils', '_rebuild_tensor_v2'):
            return self.tensor
        if (module, name) not in _KNOWN:
            raise _Refused(
                f'it holds pickled objects other than tensors ({module}.{name}), which are not loaded; save '
                'model.state_dict()'
            )
        return _KNOWN[module, name]

    def persistent_load(self, pid: Any) -> Any:
        kind, dtype, key, _, count, *view = pid
        if kind != 'storage' or not isinstance(dtype, np.dtype) or any(view):
            raise ValueError('a storage is described in another way')
        count = index(count)
        if self.storages.setdefault(key, (dtype, count)) != (dtype, count):
            raise ValueError('a storage is described twice')
        if self.numbers is not None and key not in self.read_before:
            self.read_before[key] = self.numbers(key, dtype, count)
        return _Storage(self.read_before.get(key))

    def tensor(self, storage: '_Storage', offset: int, size: tuple, stride: tuple, *_: Any) -> np.ndarray | None:
        """In place of PyTorch's function of the name: an array of `size`, with steps of `stride` numbers."""
        size, stride, offset = tuple(map(index, size)), tuple(map(index, stride)), index(offset)
        if len(size) != len(stride) or min((offset, *size, *stride)) < 0:
            raise ValueError('a tensor has no shape')
        self.values += math.prod(size)
        if self.values > self.most_values:
            raise _Refused(f'its arrays have {self.values:,} numbers; at most {self.most_values:,} are expected')
        numbers = storage.numbers
        if numbers is None:
            return None
        last = offset + sum((count - 1) * step for count, step in zip(size, stride, strict=True))
        if 0 in size:
            return np.empty(size, numbers.dtype)
        if last >= len(numbers):
            raise ValueError('a tensor is larger than its storage')
        steps = tuple(step * numbers.itemsize for step in stride)
        return np.lib.stride_tricks.as_strided(numbers[offset:], size, steps, writeable=False)

    def load_build(self) -> None:
        """Give an object its state: only those of this file and of `pickled_arrays` have any."""
        state, made = self.stack.pop(), self.stack[-1]
        if isinstance(made, _Namespace):
            made.update(state)
        elif isinstance(made, Dtype):
            made.__setstate__(state)
        elif not isinstance(made, OrderedDict):  # whose state is the versions of a network's layers
            raise ValueError(f'{type(made).__name__} has a state')

    dispatch[pickle.BUILD[0]] = load_build


class _Storage:
    """The numbers that tensors are views of. A class of its own, so that the pickle cannot do anything with them."""

    def __init__(self, numbers: np.ndarray | None):
        self.numbers = numbers


class _Namespace(dict):
    """In place of argparse.Namespace."""


def _parameter(data: np.ndarray, *_: Any) -> np.ndarray:
    return data


def _scalar(dtype: Dtype, content: bytes) -> np.generic:
    [value] = np.frombuffer(content, dtype.real())
    return value


_KNOWN: dict[tuple[str, str], Any] = {
    ('collections', 'OrderedDict'): OrderedDict,
    **{('torch._utils', f'_rebuild_parameter{state}'): _parameter for state in ('', '_with_state')},
    **{
        ('torch', name): name
        for name in ('float64', 'float32', 'float16', 'bfloat16', 'int64', 'int32', 'uint8', 'bool')
    },
    **{(module, 'set'): set for module in ('builtins', '__builtin__')},
    ('torch', 'Size'): tuple,
    ('torch', 'device'): lambda *parts: ':'.join(map(str, parts)),
    ('argparse', 'Namespace'): _Namespace,
    ('numpy', 'dtype'): make_dtype,
    ('_codecs', 'encode'): encode_latin1,
    **{(f'numpy.{core}.multiarray', 'scalar'): _scalar for core in ('core', '_core')},
}
