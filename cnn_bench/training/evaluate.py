"""Evaluation: every image counted once, on any number of devices and processes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cnn_bench.errors import RunFailed
from cnn_bench.runtime import distributed, parallel
from cnn_bench.training.feed import Feed


@dataclass(frozen=True)
class Evaluation:
    """Metrics over a split, and its labels (n,) and log-probabilities (n, classes) in the order of the split."""

    metrics: dict[str, float]
    labels: np.ndarray
    log_probs: np.ndarray


def evaluate(
    step: Callable, variables: dict, feed: Feed, batch_size: int, between: Callable[[], None] = lambda: None
) -> Evaluation:
    """Run the compiled evaluation `step` over all of `feed`, calling `between` before each batch.

    Metrics are `loss` (nats), `top1_err_pct`, `top5_err_pct` and `images`. Raises RunFailed where a logit is not
    finite.
    """
    totals, labels, log_probs = [], [], []
    for batch, batch_labels in feed.eval_batches(batch_size):
        between()
        sums, own = step(variables, feed.dataset, batch)
        totals.append(sums)
        labels.append(batch_labels)
        log_probs.append(own)
    totals = {name: sum(float(sums[name]) for sums in totals) for name in totals[0]}
    if totals['bad']:
        raise RunFailed(f'{totals["bad"]:.0f} of {totals["count"]:.0f} test images got a logit that is not finite')
    labels = distributed.gather(labels)
    log_probs = distributed.gather([parallel.rows_here(own).reshape(-1, own.shape[-1]) for own in log_probs])
    count = totals['count']
    metrics = {
        'loss': totals['loss'] / count,
        'top1_err_pct': 100 * (count - totals['top1']) / count,
        'top5_err_pct': 100 * (count - totals['top5']) / count,
        'images': int(count),
    }
    return Evaluation(metrics, labels[labels >= 0], log_probs[labels >= 0])
