"""Class folders in archives, as Imagenette is handed out, are the same set as class folders on the disk."""

import imagenet_files as files
import numpy as np
import pytest
from imagenet_files import CAR, HEN, NAMES, TENCH

from cnn_bench import data
from cnn_bench.data.check import check
from cnn_bench.data.prepare import prepare
from cnn_bench.errors import UserError

TOP = 'imagenette2-320'
CONTENT = {
    f'{TOP}/noisy_imagenette.csv': b'path,label',
    **{f'{TOP}/train/{name}': content for name, content in sorted(files.train_files().items())},
    **{f'{TOP}/val/{id_}/{id_}_{n}.JPEG': files.encode(files.pixels(n, 9)) for n, id_ in enumerate((TENCH, HEN, CAR))},
}


@pytest.mark.parametrize('suffix', ['.tgz', '.tar', '.tar.xz', '.zip'])
def test_an_archive_and_its_directory_are_the_same_set(tmp_path, suffix):
    mode = {'.tgz': 'w:gz', '.tar': 'w', '.tar.xz': 'w:xz'}
    packed = files.zipped(CONTENT) if suffix == '.zip' else files.tar(CONTENT, mode[suffix])
    (tmp_path / f'{TOP}{suffix}').write_bytes(packed)
    info = prepare('imagenette', tmp_path / f'{TOP}{suffix}')
    assert (info.class_ids, info.class_names) == ((TENCH, HEN, CAR), NAMES)
    assert (info.sizes, info.image_shape) == ({'train': 6, 'test': 3}, None)
    folders = prepare('folders', files.write(tmp_path / 'unpacked', CONTENT) / TOP)
    assert (folders.class_ids, folders.fingerprint, folders.mean) == (info.class_ids, info.fingerprint, info.mean)
    assert check('imagenette') == info


def test_other_names_of_classes_stay_and_grey_pictures_make_a_grey_set(tmp_path):
    grey = files.encode(files.pixels(1)[..., 0], 'PNG')
    content = {f'{split}/{name}/1.png': grey for split in ('train', 'test', 'val') for name in ('n01440764', 'cat')}
    (tmp_path / 'x.tar').write_bytes(files.tar(content))
    info = prepare('grey', tmp_path / 'x.tar')
    assert (info.class_names, info.class_ids) == (('cat', 'n01440764'), ())
    assert (info.image_shape, info.sizes) == ((20, 24, 1), {'train': 2, 'test': 2, 'validation': 2})
    np.testing.assert_array_equal(data.open_split('grey', 'validation')[0]['image'], files.pixels(1)[..., :1])


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ({'train/a/1.png': files.encode(files.pixels(1), 'PNG')}, 'has no test/ directory'),
        ({f'{split}/a/1.png': b'x' for split in ('train', 'val')}, r'2 unreadable.*x\.tar: train/a/1\.png'),
        (
            {f'{split}/{split}/1.png': files.encode(files.pixels(1), 'PNG') for split in ('train', 'val')},
            "the class 'val' of test has no training pictures",
        ),
    ],
)
def test_what_is_wrong(tmp_path, data_dir, content, message):
    (tmp_path / 'x.tar').write_bytes(files.tar(content))
    with pytest.raises(UserError, match=message):
        prepare('x', tmp_path / 'x.tar')
    assert not data_dir.exists()
