"""Picture files of every kind that people have, whole and broken."""

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, PngImagePlugin

HEIGHT, WIDTH = 30, 40
ORIENTATIONS = range(1, 9)
_ORIENTATION = 0x0112


def pixels() -> np.ndarray:
    """uint8 (30, 40, 3): smooth, with no symmetry."""
    row, column = np.mgrid[:HEIGHT, :WIDTH]
    return np.stack([6 * column, 8 * row, 3 * (column + row)], axis=-1).astype(np.uint8)


def turned(orientation: int) -> Image.Image:
    """The picture as a camera stores it that says `orientation` for it: turning it so makes it upright."""
    upright = Image.fromarray(pixels())
    back = {2: 'FLIP_LEFT_RIGHT', 3: 'ROTATE_180', 4: 'FLIP_TOP_BOTTOM', 5: 'TRANSPOSE'}
    back |= {6: 'ROTATE_90', 7: 'TRANSVERSE', 8: 'ROTATE_270'}
    return upright if orientation == 1 else upright.transpose(Image.Transpose[back[orientation]])


def png(width: int, height: int, depth: int, colour: int, rows: bytes) -> bytes:
    """A PNG file in the format's own words, of any depth: Pillow writes no colours of 16 bits."""
    header = struct.pack('>IIBBBBB', width, height, depth, colour, 0, 0, 0)
    chunks = [(b'IHDR', header), (b'IDAT', zlib.compress(rows)), (b'IEND', b'')]
    return b'\x89PNG\r\n\x1a\n' + b''.join(
        struct.pack('>I', len(body)) + kind + body + struct.pack('>I', zlib.crc32(kind + body)) for kind, body in chunks
    )


def _encoded(picture: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def _exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[_ORIENTATION] = orientation
    return exif


def _odd_exif() -> bytes:
    """Orientation 6, and a resolution that is text where a fraction belongs."""
    entries = struct.pack('>HHIHH', _ORIENTATION, 3, 1, 6, 0) + struct.pack('>HHI4s', 0x011A, 2, 4, b'abc\0')
    return b'Exif\0\0MM\0*\0\0\0\x08' + struct.pack('>H', 2) + entries + bytes(4)


def _comment(size: int) -> PngImagePlugin.PngInfo:
    comment = PngImagePlugin.PngInfo()
    comment.add_text('Comment', 'x' * size, zip=True)
    return comment


def whole() -> dict[str, bytes]:
    """Name -> content of files that hold a picture."""
    colour = Image.fromarray(pixels())
    grey, clear = colour.convert('L'), colour.copy()
    clear.putalpha(grey)
    palette = colour.convert('P', palette=Image.Palette.ADAPTIVE)
    sixteen = Image.fromarray(pixels()[:, :, 0].astype(np.uint16) * 257)
    frames = [colour, colour.transpose(Image.Transpose.ROTATE_180)]
    rows = b''.join(b'\0' + line.astype('>u2').tobytes() for line in pixels().astype(np.uint16) * 257)
    animated = {'save_all': True, 'append_images': frames[1:], 'duration': 50}
    files = {
        'colour.png': _encoded(colour, 'PNG'),
        'colour.jpg': _encoded(colour, 'JPEG'),
        'colour.webp': _encoded(colour, 'WEBP', lossless=True),
        'colour.bmp': _encoded(colour, 'BMP'),
        'colour.gif': _encoded(colour, 'GIF'),
        'colour.tif': _encoded(colour, 'TIFF'),
        'lzw.tiff': _encoded(colour, 'TIFF', compression='tiff_lzw'),
        'colour.ppm': _encoded(colour, 'PPM'),
        'grey.png': _encoded(grey, 'PNG'),
        'grey.jpg': _encoded(grey, 'JPEG'),
        'grey.pgm': _encoded(grey, 'PPM'),
        'bilevel.png': _encoded(colour.convert('1'), 'PNG'),
        'bilevel.pbm': _encoded(colour.convert('1'), 'PPM'),
        'palette.png': _encoded(palette, 'PNG'),
        'palette_clear.png': _encoded(palette, 'PNG', transparency=0),
        'clear_in_bytes.png': _encoded(palette, 'PNG', transparency=bytes([0, 128])),
        'palette_clear.gif': _encoded(palette, 'GIF', transparency=0),
        'grey_clear.png': _encoded(clear.convert('LA'), 'PNG'),
        'clear.png': _encoded(clear, 'PNG'),
        'clear.webp': _encoded(clear, 'WEBP', lossless=True),
        'cmyk.jpg': _encoded(colour.convert('CMYK'), 'JPEG'),
        'cmyk.tif': _encoded(colour.convert('CMYK'), 'TIFF'),
        'sixteen.png': _encoded(sixteen, 'PNG'),
        'sixteen.tif': _encoded(sixteen, 'TIFF'),
        'sixteen.pgm': b'P5 40 30 65535\n' + (pixels()[:, :, 0].astype('>u2') * 257).tobytes(),
        'sixteen_colour.png': png(WIDTH, HEIGHT, 16, 2, rows),
        'animated.gif': _encoded(frames[0], 'GIF', **animated),
        'animated.png': _encoded(frames[0], 'PNG', **animated),
        'animated.webp': _encoded(frames[0], 'WEBP', lossless=True, **animated),
        'pages.tif': _encoded(frames[0], 'TIFF', save_all=True, append_images=frames[1:]),
        'progressive.jpg': _encoded(colour, 'JPEG', progressive=True),
        'one_pixel.png': _encoded(colour.crop((0, 0, 1, 1)), 'PNG'),
        'wide.png': _encoded(colour.resize((20_000, 10)), 'PNG'),
        'tall.jpg': _encoded(colour.resize((10, 20_000)), 'JPEG'),
        'huge.jpg': _encoded(grey.resize((6000, 6000)), 'JPEG'),
        'turned.png': _encoded(turned(6), 'PNG', exif=_exif(6)),
        'turned.tif': _encoded(turned(6), 'TIFF', exif=_exif(6)),
        'odd_exif.jpg': _encoded(colour, 'JPEG', exif=b'Exif\0\0II*\0\xff\xff\xff\xff'),
        'no_such_turn.png': _encoded(colour, 'PNG', exif=_exif(77)),
        'turned_and_odd.jpg': _encoded(turned(6), 'JPEG', exif=_odd_exif()),
        'long_comment.png': _encoded(colour, 'PNG', pnginfo=_comment(2 << 20)),
    }
    return files | _named(colour) | _turned()


def _turned() -> dict[str, bytes]:
    """The same picture in each orientation that EXIF has."""
    return {
        f'turned_{n}.jpg': _encoded(turned(n), 'JPEG', exif=_exif(n), quality=95, subsampling=0) for n in ORIENTATIONS
    }


def _named(colour: Image.Image) -> dict[str, bytes]:
    """The same picture by names that mislead or are hard to print."""
    return {
        'a_jpeg.png': _encoded(colour, 'JPEG'),
        'a_png.txt': _encoded(colour, 'PNG'),
        'no_ending': _encoded(colour, 'PNG'),
        'UPPER.JPG': _encoded(colour, 'JPEG'),
        'with space.png': _encoded(colour, 'PNG'),
        'two\nlines.png': _encoded(colour, 'PNG'),
        'größe 图.png': _encoded(colour, 'PNG'),
        '[bold]markup.png': _encoded(colour, 'PNG'),
    }


def broken() -> dict[str, tuple[bytes, str]]:
    """Name -> content, and a word of the reason, of files that cannot be used."""
    colour = Image.fromarray(pixels())
    good = {kind: _encoded(colour, kind) for kind in ('PNG', 'JPEG', 'GIF', 'BMP', 'WEBP')}
    lzw = _encoded(colour, 'TIFF', compression='tiff_lzw')
    flipped = bytearray(good['PNG'])
    flipped[60] ^= 0xFF
    number = Image.fromarray(pixels()[:, :, 0].astype(np.float32))
    files = {
        f'cut.{kind.lower()}': (content[: len(content) // 2], 'cannot be decoded') for kind, content in good.items()
    }
    return files | {
        'cut.tif': (lzw[:200], ''),
        'empty.png': (b'', 'is empty'),
        'header.png': (good['PNG'][:20], ''),
        'magic.png': (good['PNG'][:8], ''),
        'magic.jpg': (good['JPEG'][:3], ''),
        'flipped.png': (bytes(flipped), 'cannot be decoded'),
        'text.jpg': (b'not a picture\n', 'no picture'),
        'page.jpg': (b'<!DOCTYPE html><html></html>', 'no picture'),
        'drawing.png': (b'<svg xmlns="http://www.w3.org/2000/svg"/>', 'no picture'),
        'program.png': (b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n', 'no picture'),
        'noise.webp': (np.random.default_rng(0).bytes(500), 'no picture'),
        'icon.png': (_encoded(colour, 'ICO'), 'no picture'),
        'float.tif': (_encoded(number, 'TIFF'), '32 bits'),
        'integer.tif': (_encoded(number.convert('I'), 'TIFF'), '32 bits'),
        'huge.png': (png(6000, 6000, 8, 0, bytes(6000 * 6001)), '6000x6000 pixels'),
        'bomb.png': (png(60_000, 60_000, 8, 0, b''), '178,956,970 pixels'),
    }


def write(folder: Path) -> tuple[list[str], dict[str, str]]:
    """All of them in `folder`, and what is no file: paths of the whole ones, and path -> reason of the others."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in whole().items():
        (folder / name).write_bytes(content)
    reasons = {}
    for name, (content, reason) in broken().items():
        (folder / name).write_bytes(content)
        reasons[str(folder / name)] = reason
    (folder / 'nothing_in_it').mkdir()
    os.mkfifo(folder / 'pipe.png')
    (folder / 'to_nowhere.png').symlink_to(folder / 'nowhere')
    reasons |= {
        str(folder / 'nothing_in_it'): 'holds no pictures',
        str(folder / 'pipe.png'): 'is not a file',
        str(folder / 'to_nowhere.png'): 'is not there',
        str(folder / 'missing.png'): 'is not there',
    }
    return [str(folder / name) for name in whole()], reasons
