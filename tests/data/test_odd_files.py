"""Odd picture files, such as ImageNet has, are read right and counted, in folders and in archives alike."""

import io

import imagenet_files as files
import numpy as np
import odd_pictures
import pytest
from image_files import save_image
from imagenet_files import CAR, HEN, TENCH
from PIL import Image

from cnn_bench import data
from cnn_bench.cli import main
from cnn_bench.data.prepare import prepare
from cnn_bench.data.readers import picture_stream

COLOUR = Image.fromarray(odd_pictures.pixels())
WHOLE = odd_pictures.whole()
ODD = {  # name -> content, and what is counted; PNGs are exact, so that pixels can be compared
    'n02105855_2933.JPEG': (files.encode(COLOUR, 'PNG'), {'PNG named .JPEG'}),
    'cmyk.JPEG': (files.encode(COLOUR.convert('CMYK'), quality=95), {'CMYK', 'converted to PNG'}),
    'bad_exif.JPEG': (WHOLE['odd_exif.jpg'], {'with bad EXIF (ignored)'}),
    'no_such_turn.png': (WHOLE['no_such_turn.png'], {'with bad EXIF (ignored)'}),
    'turned.JPEG': (WHOLE['turned_6.jpg'], {'turned as EXIF says', 'converted to PNG'}),
    'grey.JPEG': (files.encode(COLOUR.convert('L')), {'greyscale'}),
    'clear.png': (WHOLE['clear.png'], {'transparent', 'converted to PNG'}),
    'palette.png': (WHOLE['palette.png'], {'with a palette', 'converted to PNG'}),
    'sixteen.png': (WHOLE['sixteen_colour.png'], {'of 16 bits', 'converted to PNG'}),
    'colour.gif': (WHOLE['colour.gif'], {'GIF', 'with a palette', 'converted to PNG'}),
    'a_gif.JPEG': (WHOLE['colour.gif'], {'GIF', 'GIF named .JPEG', 'with a palette', 'converted to PNG'}),
    'colour.jpg': (WHOLE['colour.jpg'], set()),
}


@pytest.mark.parametrize('name', ODD)
def test_what_is_odd(name):
    content, oddities = ODD[name]
    example = picture_stream.load(picture_stream.Packed(f'x.tar: {name}', content), 3)
    assert set(example.oddities) == oddities
    assert (example.encoded == content) is ('converted to PNG' not in oddities)
    stored = np.asarray(Image.open(io.BytesIO(example.encoded)).convert('RGB'))
    np.testing.assert_array_equal(stored, example.pixels)
    assert example.pixels.shape == (30, 40, 3)


def test_pixels_are_those_of_the_picture():
    """Within what the files lose: nothing but for JPEG, whose errors are a few grey levels in the mean."""
    upright = odd_pictures.pixels().astype(int)
    for name in ('n02105855_2933.JPEG', 'cmyk.JPEG', 'turned.JPEG', 'bad_exif.JPEG', 'no_such_turn.png', 'sixteen.png'):
        read = picture_stream.load(picture_stream.Packed(name, ODD[name][0]), 3).pixels
        assert np.abs(read - upright).mean() < 3, name


def imagenet_with_oddities(directory):
    source = files.ilsvrc(directory)
    more = files.train_files() | {
        f'{CAR}/{CAR}_90.JPEG': ODD['cmyk.JPEG'][0],
        f'{CAR}/{CAR}_91.JPEG': ODD['cmyk.JPEG'][0],
        f'{HEN}/n02105855_2933.JPEG': ODD['n02105855_2933.JPEG'][0],
        f'{TENCH}/{TENCH}_92.JPEG': ODD['bad_exif.JPEG'][0],
    }
    (source / 'ILSVRC2012_img_train.tar').write_bytes(files.tar_of_tars(more))
    return source


def test_they_are_counted_in_the_report_and_the_metadata(tmp_path, capsys):
    source = imagenet_with_oddities(tmp_path / 'source')
    assert main(['data', 'prepare', 'imagenet', '--from', str(source)]) == 0
    said = 'odd files: 2 CMYK, 2 converted to PNG, 1 with bad EXIF (ignored), 1 PNG named .JPEG'
    assert said in capsys.readouterr().out
    assert data.info('imagenet').oddities == {
        'CMYK': 2,
        'converted to PNG': 2,
        'PNG named .JPEG': 1,
        'with bad EXIF (ignored)': 1,
    }


def test_folders_count_them_too(tmp_path):
    for split in ('train', 'val'):
        save_image(tmp_path / split / 'a' / '1.png', odd_pictures.pixels())
    (tmp_path / 'train' / 'a' / '2.JPEG').write_bytes(ODD['cmyk.JPEG'][0])
    assert prepare('folders', tmp_path).oddities == {'CMYK': 1, 'converted to PNG': 1}
