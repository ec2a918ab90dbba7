"""Damaged EXIF is told from whole, on blocks written in the format's own words and by Pillow's own warnings."""

import random
import struct
import warnings

import pytest
from PIL import Image

from cnn_bench.data import exif

RESOLUTION = struct.pack('>HHII', 0x011A, 5, 1, 38)  # a fraction, which lies behind the directory of two fields


def block(orientation: bytes, *fields: bytes, rest: bytes = bytes(4) + struct.pack('>II', 72, 1)) -> bytes:
    fields = (orientation, *fields)
    return b'Exif\0\0MM\0*\0\0\0\x08' + struct.pack('>H', len(fields)) + b''.join(fields) + rest


def turn(value: int, kind: int = 3, count: int = 1) -> bytes:
    return struct.pack('>HHIHH', 0x0112, kind, count, value, 0)


WHOLE = block(turn(6), RESOLUTION)


def pillow_minds(content: bytes) -> bool:
    """Whether Pillow warns or fails, or reads another orientation than 1 to 8."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter('always')
        read = Image.Exif()
        try:
            read.load(content)
        except Exception:
            return True
        return bool(warned) or read.get(0x0112, 1) not in range(1, 9)


@pytest.mark.parametrize(
    ('content', 'damaged'),
    [
        (b'', False),
        (b'Exif\0\0', False),
        (WHOLE, False),
        (WHOLE[6:], False),
        (b'Exif\0\0' + WHOLE, False),
        (WHOLE.replace(b'MM', b'XX'), True),
        (WHOLE[:-1], True),  # of the fraction
        (block(turn(6), rest=b''), True),  # without the place of the next directory
        (block(turn(6), rest=bytes(4)), False),
        (b'Exif\0\0II*\0\xff\xff\xff\xff', True),
        (block(turn(0)), True),
        (block(turn(9)), True),
        (block(turn(6, kind=99)), True),
        (block(turn(6, count=2)), True),
    ],
)
def test_whole_and_damaged(content, damaged):
    assert exif.is_damaged(content) is damaged


def test_whatever_pillow_minds_is_damaged():
    drawn, damaged = random.Random(0), 0
    for _ in range(2000):
        content = bytearray(WHOLE[6 : drawn.choice((None, drawn.randrange(14, len(WHOLE))))])
        for _ in range(drawn.randrange(3)):
            content[drawn.randrange(len(content))] = drawn.randrange(256)
        if pillow_minds(bytes(content)):
            damaged += 1
            assert exif.is_damaged(bytes(content)), bytes(content)
    assert 500 < damaged < 1900
