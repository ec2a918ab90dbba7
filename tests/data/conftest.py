"""Small sources of images to prepare data sets from, and a data directory of the test's own."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from image_files import save_image, write_idx

from cnn_bench.data.prepare import prepare


@pytest.fixture(autouse=True)
def data_dir(tmp_path, monkeypatch) -> Path:
    """The data directory, empty, in the environment."""
    directory = tmp_path / 'data_dir'
    monkeypatch.setenv('CNN_BENCH_DATA', str(directory))
    return directory


@pytest.fixture(scope='session')
def idx_arrays() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """split -> images uint8 (n, 6, 5) and labels uint8 (n,) of a tiny set in IDX files."""
    generator = np.random.default_rng(0)
    return {
        split: (generator.integers(0, 256, (n, 6, 5), np.uint8), np.arange(n, dtype=np.uint8) % 10)
        for split, n in {'train': 40, 'test': 13}.items()
    }


@pytest.fixture(scope='session')
def idx_source(tmp_path_factory, idx_arrays) -> Path:
    """A directory with the IDX files of `idx_arrays`."""
    return write_idx(tmp_path_factory.mktemp('idx'), idx_arrays)


@pytest.fixture(scope='session')
def prepared_once(tmp_path_factory, idx_source) -> Path:
    """A data directory with the set 'tiny' of `idx_arrays`; for tests that only read."""
    directory = tmp_path_factory.mktemp('prepared')
    prepare('tiny', idx_source, directory)
    return directory


@pytest.fixture
def prepared(prepared_once, data_dir) -> Path:
    """The set's own directory in the data directory of the test, to damage."""
    shutil.copytree(prepared_once, data_dir)
    return data_dir / 'tiny' / '1.0.0'


@pytest.fixture
def class_folders(tmp_path) -> Path:
    """train/ and test/ with the classes 'ant' and 'bee', 3 and 2 RGB images each, PNG, sizes varying."""
    generator = np.random.default_rng(1)
    for split, n in {'train': 3, 'test': 2}.items():
        for name in ('ant', 'bee'):
            for number in range(n):
                pixels = generator.integers(0, 256, (20 + number, 24, 3), np.uint8)
                save_image(tmp_path / 'folders' / split / name / f'{number}.png', pixels)
    return tmp_path / 'folders'
