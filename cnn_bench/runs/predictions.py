"""What runs said of every test image, read back: for comparing networks image by image."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnn_bench.errors import UserError
from cnn_bench.runs import schema
from cnn_bench.runs.directory import RunDirectory
from cnn_bench.runs.load import find_some, name_below


@dataclass(frozen=True)
class Predictions:
    """`label` and the first prediction `top1`, both (n,), of the test images in their order; `log_probs` (n, classes),
    None where there were so many classes that the first five alone were kept.

    Kept log-probabilities have half precision: where two classes round to the same, the first of them counts, which
    can differ from the run's own count by an image in thousands.
    """

    label: np.ndarray
    top1: np.ndarray
    log_probs: np.ndarray | None = None

    @property
    def right(self) -> np.ndarray:
        """Bool (n,): whether the first prediction is the label."""
        return self.label == self.top1


def of_run(run: RunDirectory) -> Predictions | None:
    """The predictions that a run kept; None where it kept none. Raises UserError where the file is damaged."""
    path = run / schema.PREDICTIONS
    try:
        with np.load(path, allow_pickle=False) as kept:
            label, log_probs = kept['label'], None if 'top5' in kept else kept['log_probs']
            top1 = kept['top5'][:, 0] if log_probs is None else log_probs.argmax(axis=1)
    except FileNotFoundError:
        return None
    except Exception as error:  # zipfile, zlib and numpy raise a dozen kinds
        raise UserError(f'{path} cannot be read: {type(error).__name__}: {error}') from error
    if label.shape != top1.shape or label.ndim != 1:
        raise UserError(f'{path} does not hold a label and a prediction for each image')
    return Predictions(label, top1, log_probs)


def predictions(path: str | Path) -> dict[str, Predictions]:
    """Run (as `load` calls it) -> what it said, of the finished runs at or below `path` whose predictions can be read.

    Raises UserError where `path` holds no run.
    """
    found = {}
    for run in find_some(path):
        try:
            finished = (run.read(schema.SUMMARY) or {}).get('state') == 'finished'
            kept = of_run(run) if finished else None
        except (UserError, AttributeError):
            continue
        if kept is not None:
            found[name_below(run, path)] = kept
    return found
