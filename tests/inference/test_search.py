"""Nearest neighbours and recall, against sorting all of them."""

import importlib.util

import numpy as np
import pytest

from cnn_bench.errors import UserError
from cnn_bench.inference import search

INDEXES = [
    'exact',
    pytest.param('faiss', marks=pytest.mark.skipif(not importlib.util.find_spec('faiss'), reason='extra')),
]


def by_sorting(queries, gallery, k, same):
    cosines = queries @ gallery.T
    if same:
        np.fill_diagonal(cosines, -np.inf)
    places = np.argsort(-cosines, axis=1, kind='stable')[:, :k]
    return places, np.take_along_axis(cosines, places, axis=1)


@pytest.mark.parametrize('index', INDEXES)
@pytest.mark.parametrize('same', [False, True])
def test_the_nearest_are_those_of_sorting(same, index, monkeypatch):
    monkeypatch.setattr(search, 'QUERY_BLOCK', 7)
    monkeypatch.setattr(search, 'GALLERY_BLOCK', 5)
    generator = np.random.default_rng(0)
    gallery = search.unit(generator.normal(size=(33, 4)))
    queries = gallery if same else search.unit(generator.normal(size=(18, 2, 2)))
    places, cosines = search.nearest(queries, gallery, 6, same, index)
    expected_places, expected_cosines = by_sorting(queries, gallery, 6, same)
    np.testing.assert_array_equal(places, expected_places)
    np.testing.assert_allclose(cosines, expected_cosines, atol=1e-6)


@pytest.mark.parametrize('index', INDEXES)
def test_a_query_is_not_its_own_neighbour_among_equals(index):
    gallery = search.unit(np.ones((5, 3)))
    places, _ = search.nearest(gallery, gallery, 2, True, index)
    assert all(own not in row for own, row in enumerate(places))
    if index == 'exact':
        assert places.tolist() == [[1, 2], [0, 2], [0, 1], [0, 1], [0, 1]]


def test_recall_by_hand():
    # In the plane: two of class 0 to the right, two of class 1 above, one of class 2 that is alone, between them.
    rows = search.unit(np.array([[1, 0], [1, 0.1], [0, 1], [0.1, 1], [1, 0.9]]))
    labels = np.array([0, 0, 1, 1, 2])
    places, _ = search.nearest(rows, rows, 4, same=True)
    assert [search.recall(places, labels, labels, k) for k in (1, 2, 4)] == [0.8, 0.8, 0.8]
    mixed = np.array([0, 1, 0, 1, 2])
    assert [search.recall(places, mixed, mixed, k) for k in (1, 2, 3, 4)] == [0, 0, 0.4, 0.8]


def test_zeros_are_like_nothing():
    assert search.unit(np.array([[0.0, 0.0], [3.0, 4.0]])).tolist() == [[0, 0], pytest.approx([0.6, 0.8])]


def test_no_more_than_there_are():
    rows = search.unit(np.eye(3))
    assert search.nearest(rows, rows, 3)[0].shape == (3, 3)
    for k, same in [(3, True), (4, False), (0, False)]:
        with pytest.raises(UserError, match='at most'):
            search.nearest(rows, rows, k, same)
