"""Reading pickles that hold arrays, bytes, text, numbers, lists and dictionaries, without running any code.

A pickle is a program: it names functions and has them called. Here no name leads to anything but the few functions
below, which build arrays from bytes, and a pickle with any other name is refused before anything is called.
"""

import io
import math
import pickle
from dataclasses import dataclass
from typing import Any

import numpy as np

_KINDS = 'biuf'  # of the numbers that an array may hold: no objects


class Unsafe(Exception):
    """A pickle holds more than data. The message says what."""


def load(content: bytes) -> Any:
    """What a pickle holds. Strings of Python 2 become bytes.

    Raises:
      Unsafe: it names something else than arrays and bytes.
      ValueError: it is cut or damaged.
    """
    try:
        return _as_arrays(_Reader(io.BytesIO(content), encoding='bytes').load())
    except Unsafe:
        raise
    except Exception as error:  # pickle raises nearly anything for what is damaged
        raise ValueError(str(error).split('\n')[0] or type(error).__name__) from None


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _KNOWN:
            raise Unsafe(f'{module}.{name}')
        return _KNOWN[module, name]


@dataclass
class Dtype:
    """Stands for a numpy.dtype: the code of its numbers, and the order of their bytes, which comes as its state."""

    code: str
    order: str = '='

    def __setstate__(self, state: tuple) -> None:
        self.order = _text(state[1])

    def real(self) -> np.dtype:
        """The dtype of numbers. Raises ValueError for any other."""
        dtype = np.dtype(self.code)
        if dtype.kind not in _KINDS:
            raise ValueError(f'an array holds {dtype}, not numbers')
        return dtype.newbyteorder(self.order)


class _Array:
    """Stands for a numpy.ndarray, whose content comes as its state."""

    array: np.ndarray

    def __setstate__(self, state: tuple) -> None:
        _, shape, dtype, fortran, content = state
        self.array = _from_bytes(content, dtype, shape, 'F' if fortran else 'C').array


def _from_bytes(content: Any, dtype: Dtype, shape: tuple, order: str = 'C') -> _Array:
    if not isinstance(content, bytes | bytearray) or not isinstance(dtype, Dtype):
        raise ValueError('an array has no bytes')
    numbers, shape = dtype.real(), tuple(map(int, shape))
    if len(content) != math.prod(shape) * numbers.itemsize:
        raise ValueError(f'an array of shape {shape} has {len(content):,} bytes')
    made = _Array()
    made.array = np.frombuffer(content, numbers).reshape(shape, order=_text(order))
    return made


def _empty(subtype: Any, shape: tuple, code: Any) -> _Array:
    """In place of numpy's _reconstruct."""
    return _Array()


def make_dtype(code: Any, align: Any = False, copy: Any = True) -> Dtype:
    """In place of numpy.dtype."""
    return Dtype(_text(code))


def encode_latin1(text: str, encoding: str) -> bytes:
    """In place of codecs.encode, by which Python 3 writes bytes in the older protocols."""
    if encoding != 'latin1':
        raise ValueError(f'bytes are written as {encoding}')
    return text.encode('latin1')


_KNOWN = {
    ('numpy', 'ndarray'): 'numpy.ndarray',  # only ever an argument of _reconstruct
    ('numpy', 'dtype'): make_dtype,
    ('_codecs', 'encode'): encode_latin1,
    **{(f'numpy.{core}.multiarray', '_reconstruct'): _empty for core in ('core', '_core')},
    **{(f'numpy.{core}.numeric', '_frombuffer'): _from_bytes for core in ('core', '_core')},
}


def _text(value: str | bytes) -> str:
    return value.decode('ascii') if isinstance(value, bytes) else value


def _as_arrays(value: Any) -> Any:
    """`value` with real arrays, in the dictionaries, lists and tuples where CIFAR's files have them."""
    if isinstance(value, _Array):
        return value.array
    if isinstance(value, dict):
        return {key: _as_arrays(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_as_arrays(item) for item in value) if any(map(_holds, value)) else value
    return value


def _holds(value: Any) -> bool:
    return isinstance(value, _Array | dict | list | tuple)
