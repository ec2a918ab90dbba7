"""Retrieval on a data set: the nearest images of a gallery to each query image, judged by their classes."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from cnn_bench import data
from cnn_bench.errors import unknown
from cnn_bench.inference import layers, search
from cnn_bench.inference.features import extract
from cnn_bench.trained import TrainedModel


@dataclass(frozen=True)
class Retrieval:
    """Queries and their neighbours as indices into the two splits, nearest first."""

    query_labels: np.ndarray  # (q,)
    gallery_labels: np.ndarray  # (g,)
    neighbours: np.ndarray  # (q, k) indices into the gallery
    similarities: np.ndarray  # (q, k) cosines
    recalls: dict[int, float]  # k -> share of queries with an image of their class among the k nearest


def retrieve(
    model: TrainedModel,
    dataset: str,
    ks: list[int],
    queries: str = 'test',
    gallery: str = 'train',
    layer: str = layers.FEATURES,
    index: str = 'exact',
    data_dir: str | None = None,
    **options: Any,
) -> Retrieval:
    """The nearest images of the split `gallery` to each image of the split `queries`, other than itself.

    Features are the outputs of `layer`, averaged over pixels; those of both splits are held in memory. Options are
    `batch_size` and `track` of `extract`. Raises UserError for what is unknown, and where a k is larger than the
    gallery.
    """
    if index not in search.INDEXES:
        raise unknown('index', index, search.INDEXES)
    same = queries == gallery
    info = data.info(dataset, data_dir)
    for split in (queries, gallery):  # before minutes of work, and before either is read
        if split not in info.sizes:
            raise unknown(f'split of {dataset}', split, info.sizes)
    search.check_k(max(ks), info.sizes[gallery], same)
    search.check_index(index)
    features = {}
    for split in dict.fromkeys((queries, gallery)):
        rows, labels = extract(model, dataset, split, layer, 'mean', data_dir=data_dir, **options).arrays()
        features[split] = search.unit(rows), labels
    (asked, query_labels), (there, gallery_labels) = features[queries], features[gallery]
    neighbours, similarities = search.nearest(asked, there, max(ks), same, index)
    recalls = {k: search.recall(neighbours, query_labels, gallery_labels, k) for k in ks}
    return Retrieval(query_labels, gallery_labels, neighbours, similarities, recalls)
