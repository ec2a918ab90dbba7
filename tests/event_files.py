"""TensorBoard's event files, read without TensorFlow: the framing by hand, the messages with tensorboardX's protos.

A record is its length (8 bytes, little-endian), the masked CRC-32C of these, the data, and the masked CRC-32C of them.
"""

import struct
from pathlib import Path

CASTAGNOLI = 0x82F63B78  # the polynomial of CRC-32C, bits reversed


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (CASTAGNOLI if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def records(path: Path) -> list[bytes]:
    data, found = path.read_bytes(), []
    while data:
        length, check = struct.unpack('<QI', data[:12])
        content, (last,) = data[12 : 12 + length], struct.unpack('<I', data[12 + length : 16 + length])
        assert (check, last) == (_masked(crc32c(data[:8])), _masked(crc32c(content)))
        found.append(content)
        data = data[16 + length :]
    return found


def shown(directory: Path) -> list[tuple[str, int, float]]:
    """(tag, step, value) of the scalars that TensorBoard shows: a session's start hides what came before of its step
    and later ones. In the order in which they were written."""
    return [(value.tag, event.step, value.simple_value) for event, value in _values(directory) if _is_scalar(value)]


def texts(directory: Path) -> dict[str, str]:
    """Tag -> the text that was written last."""
    return {v.tag: v.tensor.string_val[0].decode() for _, v in _values(directory) if not _is_scalar(v)}


def _values(directory: Path) -> list:
    from tensorboardX.proto.event_pb2 import Event, SessionLog

    kept = []
    for path in sorted(directory.glob('events.out.tfevents.*')):
        for event in map(Event.FromString, records(path)):
            if event.session_log.status == SessionLog.START:
                kept = [(old, value) for old, value in kept if old.step < event.step]
            kept += [(event, value) for value in event.summary.value]
    return kept


def _is_scalar(value) -> bool:
    return value.WhichOneof('value') == 'simple_value'


def _masked(crc: int) -> int:
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
