"""Whether a picture's EXIF is damaged. Pillow only warns, and a filter of warnings is shared by all threads."""

import struct

ORIENTATION = 0x0112
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}  # bytes, by type of a field
_PREFIX = b'Exif\0\0'


def is_damaged(exif: bytes) -> bool:
    """Whether the first directory of an EXIF block, with or without its prefix 'Exif', breaks the standards (CIPA
    DC-008, TIFF 6.0): it is cut, a field has an unknown type or lies outside, or the orientation is none of 1 to 8."""
    block = exif.removeprefix(_PREFIX).removeprefix(_PREFIX)  # some cameras write it twice
    order = {b'II*\0': '<', b'MM\0*': '>'}.get(block[:4])
    if not block or order is None:
        return bool(block)
    try:
        (start,) = struct.unpack_from(f'{order}I', block, 4)
        (count,) = struct.unpack_from(f'{order}H', block, start)
        struct.unpack_from(f'{order}I', block, start + 2 + 12 * count)  # the place of the next directory
        return any(_is_wrong(block, order, start + 2 + 12 * number) for number in range(count))
    except struct.error:
        return True


def _is_wrong(block: bytes, order: str, place: int) -> bool:
    tag, kind, count, where = struct.unpack_from(f'{order}HHII', block, place)
    size = count * _SIZES.get(kind, 0)
    if not size or (size > 4 and where + size > len(block)):
        return True
    if tag != ORIENTATION:
        return False
    code = {3: 'H', 4: 'I'}.get(kind)  # the standard has 3, some programs write 4
    return count != 1 or code is None or not 1 <= struct.unpack_from(order + code, block, place + 8)[0] <= 8
