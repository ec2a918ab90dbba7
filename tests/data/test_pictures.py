"""Picture files as images: what they are read as, what is refused, and how much memory the largest take."""

import subprocess
import sys

import numpy as np
import odd_pictures
import pytest
from PIL import Image

from cnn_bench.data import pictures
from cnn_bench.data.preprocessing import Preprocessing


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    """The folder of odd pictures, the paths of the whole ones, and path -> reason of the others."""
    folder = tmp_path_factory.mktemp('pictures') / 'odd'
    return folder, *odd_pictures.write(folder)


def upright():
    return odd_pictures.pixels()


@pytest.mark.parametrize('name', odd_pictures.whole())
def test_whole_pictures_are_read(name, files):
    for channels in (1, 3):
        image = pictures.read(files[0] / name, channels)
        assert (image.ndim, image.shape[2], image.dtype) == (3, channels, np.uint8)


def test_what_cannot_be_used_is_refused_with_the_reason(files, capfd):
    _, _, reasons = files
    assert len(reasons) > 20
    for path, reason in reasons.items():
        if not path.endswith('nothing_in_it'):
            with pytest.raises(pictures.Refused, match=reason or None) as refused:
                pictures.read(path, 3)
            assert '\n' not in str(refused.value)
    assert capfd.readouterr().err == ''  # of the libraries in C neither


IN_THREADS = """
import sys
from concurrent.futures import ThreadPoolExecutor
from cnn_bench.data import pictures

def read(path):
    try:
        pictures.read(path, 3)
    except pictures.Refused:
        pass

with ThreadPoolExecutor(8) as pool:
    list(pool.map(read, 10 * sys.argv[1:]))
with open(sys.argv[1], 'rb') as file:
    pictures.decode(file.read())
"""


def test_nothing_of_pillow_is_printed(files, tmp_path):
    """In a process of its own: pytest collects warnings itself, and threads share what filters them."""
    warned_of = [files[0] / name for name in ('odd_exif.jpg', 'palette_clear.png', 'clear_in_bytes.png', 'bomb.png')]
    (tmp_path / 'large.png').write_bytes(odd_pictures.png(10_000, 10_000, 8, 0, b''))
    command = [sys.executable, '-c', IN_THREADS, *map(str, warned_of), str(tmp_path / 'large.png')]
    assert subprocess.run(command, capture_output=True, check=True).stderr == b''


EXACT = 'colour.bmp colour.tif lzw.tiff colour.ppm colour.webp a_png.txt no_ending sixteen_colour.png'.split()
FIRST_FRAME = 'animated.png animated.webp pages.tif'.split()


@pytest.mark.parametrize('name', EXACT + FIRST_FRAME)
def test_the_same_picture_in_another_file(files, name):
    np.testing.assert_array_equal(pictures.read(files[0] / name, 3), upright())


@pytest.mark.parametrize('name', [*(f'turned_{n}.jpg' for n in odd_pictures.ORIENTATIONS), 'turned.png', 'turned.tif'])
def test_it_is_turned_upright(files, name):
    found = pictures.read(files[0] / name, 3).astype(int)
    assert np.abs(found - upright()).max() <= (2 if name.endswith(('png', 'tif')) else 8)  # JPEG loses some


def test_proportions_of_a_network_that_is_not_square(files):
    """Turned upright first, then cropped: a file that is stored on its side gives the same image."""
    network = Preprocessing((15, 20, 3), (0.5,), (0.5,))
    whole, turned = (network.crop(pictures.read(files[0] / name, 3)) for name in ('colour.png', 'turned.png'))
    assert np.abs(whole.astype(int) - turned).max() <= 2
    expected = np.asarray(Image.fromarray(odd_pictures.pixels()).resize((20, 15), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(whole, expected)


def test_transparent_parts_are_white(tmp_path):
    image = np.dstack([np.zeros((16, 16, 3), np.uint8), np.repeat([[0, 255]], 8, 1).repeat(16, 0)]).astype(np.uint8)
    Image.fromarray(image).save(tmp_path / 'p.png')
    found = pictures.read(tmp_path / 'p.png', 1)
    assert (found[:, :8] == 255).all()
    assert (found[:, 8:] == 0).all()


def test_grey_and_colour_become_each_other(files):
    grey = pictures.read(files[0] / 'colour.png', 1)
    assert np.abs(grey[:, :, 0] - upright() @ np.array([0.299, 0.587, 0.114])).max() <= 1
    colour = pictures.read(files[0] / 'grey.png', 3)
    assert (colour == colour[:, :, :1]).all()


@pytest.mark.parametrize('name', ['sixteen.png', 'sixteen.tif', 'sixteen.pgm'])
def test_the_upper_bits_of_sixteen(files, name):
    found = pictures.read(files[0] / name, 1)
    np.testing.assert_array_equal(found[:, :, 0], odd_pictures.pixels()[:, :, 0])


def test_cmyk_keeps_its_colours(tmp_path):
    Image.new('RGB', (20, 20), (250, 20, 20)).convert('CMYK').save(tmp_path / 'red.jpg', quality=95)
    red, green, blue = pictures.read(tmp_path / 'red.jpg', 3).mean((0, 1))
    assert red > 220
    assert max(green, blue) < 50


MEMORY = """
import resource, sys
from cnn_bench.data import pictures
pictures.read(sys.argv[1], 3)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
pictures.read(sys.argv[2], 3)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform != 'linux', reason='the unit of ru_maxrss is that of Linux')
def test_a_huge_picture_takes_little_memory(tmp_path, files):
    huge = tmp_path / 'huge.jpg'
    Image.new('RGB', (9000, 9000), 'teal').save(huge)  # 232 MiB
    arguments = [sys.executable, '-c', MEMORY, str(files[0] / 'colour.png'), str(huge)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 140 << 10  # KiB
