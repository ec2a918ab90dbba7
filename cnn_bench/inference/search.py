"""Nearest images by cosine similarity of their features, and recall: how often they have the query's class.

The search is exact: matrix products of blocks, of which the best are kept. Ties go to the first in the gallery.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from cnn_bench.errors import UserError

QUERY_BLOCK, GALLERY_BLOCK = 1024, 8192
INDEXES = ('exact', 'faiss')


def unit(features: np.ndarray) -> np.ndarray:
    """Features (n, ...) as rows (n, d) float32 of length 1; a row of zeros stays zero and is similar to nothing."""
    rows = features.reshape(len(features), -1).astype(np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1)


def nearest(
    queries: np.ndarray, gallery: np.ndarray, k: int, same: bool = False, index: str = 'exact'
) -> tuple[np.ndarray, np.ndarray]:
    """Indices (q, k) int64 of the `k` nearest gallery rows to each query, nearest first, and their similarities.

    Rows (q, d) and (g, d) have length 1. With `same` both are the same images in the same order, and no image is its
    own neighbour. Raises UserError where the gallery has fewer than `k` candidates.
    """
    check_k(k, len(gallery), same)
    search = _faiss if index == 'faiss' else _exact
    return search(queries, gallery, k, same)


def recall(neighbours: np.ndarray, query_labels: np.ndarray, gallery_labels: np.ndarray, k: int) -> float:
    """The share of queries with an image of their class among the `k` nearest.

    A query whose class is not in the gallery is a miss. `neighbours` (q, at least k) are indices into the gallery.
    """
    return float((gallery_labels[neighbours[:, :k]] == query_labels[:, None]).any(axis=1).mean())


def _exact(queries: np.ndarray, gallery: np.ndarray, k: int, same: bool) -> tuple[np.ndarray, np.ndarray]:
    places, scores = [], []
    for start in range(0, len(queries), QUERY_BLOCK):
        block = jnp.asarray(queries[start : start + QUERY_BLOCK])
        own = np.arange(start, start + len(block)) if same else np.full(len(block), -1)
        best = jnp.full((len(block), 0), -jnp.inf), jnp.zeros((len(block), 0), jnp.int32)
        for first in range(0, len(gallery), GALLERY_BLOCK):
            part = jnp.asarray(gallery[first : first + GALLERY_BLOCK])
            best = _merge(*best, block, part, jnp.asarray(own), first, k=k)
        scores.append(np.asarray(best[0]))
        places.append(np.asarray(best[1], np.int64))
    return np.concatenate(places), np.concatenate(scores)


@partial(jax.jit, static_argnames='k')
def _merge(scores, places, queries, part, own, first, *, k: int) -> tuple[jax.Array, jax.Array]:
    """The best `k` of the candidates so far and of the part of the gallery that starts at `first`."""
    # Full float32: by default some devices multiply with fewer bits, and noise would order the neighbours.
    new = jnp.matmul(queries, part.T, precision=jax.lax.Precision.HIGHEST)
    where = first + jnp.arange(len(part), dtype=jnp.int32)
    new = jnp.where(where == own[:, None], -jnp.inf, new)
    scores = jnp.concatenate([scores, new], axis=1)
    places = jnp.concatenate([places, jnp.broadcast_to(where, new.shape)], axis=1)
    best, at = jax.lax.top_k(scores, min(k, scores.shape[1]))
    return best, jnp.take_along_axis(places, at, axis=1)


def _faiss(queries: np.ndarray, gallery: np.ndarray, k: int, same: bool) -> tuple[np.ndarray, np.ndarray]:
    """The same with FAISS's flat inner-product index; ties come in any order."""
    check_index('faiss')
    import faiss

    index = faiss.IndexFlatIP(gallery.shape[1])
    index.add(np.ascontiguousarray(gallery))
    scores, places = index.search(np.ascontiguousarray(queries), k + same)
    if same:
        others = places != np.arange(len(queries))[:, None]
        others[others.all(axis=1), -1] = False  # the query itself lies behind k equal rows
        scores, places = (array[others].reshape(-1, k) for array in (scores, places))
    return places, scores


def check_k(k: int, images: int, same: bool) -> None:
    """Raise UserError unless a gallery of so many images has `k` candidates for each query."""
    there = images - same
    if not 1 <= k <= there:
        raise UserError(f'the {k} nearest of {there} images were asked for; at least 1 and at most {there} can be')


def check_index(index: str) -> None:
    """Raise UserError where the `index` is not installed."""
    if index == 'faiss':
        try:
            import faiss  # noqa: F401
        except ImportError as error:
            raise UserError("--index faiss needs FAISS: pip install -e '.[faiss]'") from error
