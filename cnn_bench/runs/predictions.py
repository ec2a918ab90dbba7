"""The predictions of runs for every test or validation image, for comparing networks image by image."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnn_bench.errors import UserError
from cnn_bench.runs import schema
from cnn_bench.runs.directory import RunDirectory
from cnn_bench.runs.load import find_some, name_below

MANY_CLASSES = 100  # of more, a file keeps only the top five classes and the label


@dataclass(frozen=True)
class Predictions:
    """`label` and first prediction `top1`, both (n,), of the images in their order, and `log_probs` (n, classes),
    None where the run kept only the top five of many classes.

    Log-probabilities were kept in half precision: of two classes that round to the same, the first counts, which can
    differ from the run's own count by one image in thousands.
    """

    label: np.ndarray
    top1: np.ndarray
    log_probs: np.ndarray | None = None

    @property
    def right(self) -> np.ndarray:
        """Bool (n,): whether the first prediction is the label."""
        return self.label == self.top1


def packed(label: np.ndarray, log_probs: np.ndarray) -> dict[str, np.ndarray]:
    """The arrays of a file of predictions: labels (n,) and float16 log-probabilities (n, classes).

    Of many classes, only the log-probabilities of the top five and the label are kept.
    """
    arrays = {'label': label.astype(np.int32)}
    if log_probs.shape[1] <= MANY_CLASSES:
        return {**arrays, 'log_probs': log_probs.astype(np.float16)}
    top = np.argsort(-log_probs, axis=1, kind='stable')[:, :5]
    return {
        **arrays,
        'top5': top.astype(np.int32),
        'top5_log_probs': np.take_along_axis(log_probs, top, axis=1).astype(np.float16),
        'label_log_prob': log_probs[np.arange(len(label)), label].astype(np.float16),
    }


def of_run(run: RunDirectory, file: str = schema.PREDICTIONS) -> Predictions | None:
    """The predictions of a run in `file`; None where it kept none. Raises UserError where the file is damaged."""
    path = run / file
    try:
        with np.load(path, allow_pickle=False) as kept:
            if 'confusion' in kept:  # of segmentation: no image has one label
                return None
            label, log_probs = kept['label'], None if 'top5' in kept else kept['log_probs']
            top1 = kept['top5'][:, 0] if log_probs is None else log_probs.argmax(axis=1)
    except FileNotFoundError:
        return None
    except Exception as error:  # zipfile, zlib and numpy raise a dozen kinds
        raise UserError(f'{path} cannot be read: {type(error).__name__}: {error}') from error
    whole = label.ndim == 1 and label.shape == top1.shape and label.dtype.kind == top1.dtype.kind == 'i'
    if not whole or not (log_probs is None or (log_probs.dtype.kind == 'f' and not np.isnan(log_probs).any())):
        raise UserError(f'{path} does not hold a label and a prediction for each image')
    return Predictions(label, top1, log_probs)


def predictions(path: str | Path, file: str = schema.PREDICTIONS) -> dict[str, Predictions]:
    """Run (its name in `load`) -> Predictions, for the finished runs at or below `path` that have readable ones.

    They are for the test images, or with `file=schema.VALIDATION_PREDICTIONS` for the validation images. Raises
    UserError where `path` holds no run.
    """
    return read(path, file)[0]


def read(path: str | Path, file: str = schema.PREDICTIONS) -> tuple[dict[str, Predictions], dict[str, str]]:
    """`predictions`, and run -> reason for the finished runs whose predictions are damaged."""
    found, damaged = {}, {}
    for run in find_some(path):
        name = name_below(run, path)
        try:
            finished = (run.read(schema.SUMMARY) or {}).get('state') == 'finished'
        except UserError:  # `load` says so
            continue
        try:
            kept = of_run(run, file) if finished else None
        except UserError as error:
            damaged[name] = str(error)
            continue
        if kept is not None:
            found[name] = kept
    return found, damaged
