"""Directories of sweeps made by hand: runs with curves and predictions, and the study that they were made for."""

from pathlib import Path

import numpy as np
from run_files import PROVENANCE, write_run

from cnn_bench.runs import schema, study
from cnn_bench.runs.predictions import packed
from cnn_bench.runs.study import Hypothesis, Study

CLASSES, IMAGES = 10, 400
HYPOTHESES = (
    Hypothesis('Shortcuts help a deep network', 'He et al. 2015', less='resnet', more='plain'),
    Hypothesis('Depth helps a plain network', 'folklore', less='plain', more='shallow', by=1.0),
    Hypothesis('Nobody trained this one', 'nobody', less='resnet', more='absent'),
)


def write_sweep(path: Path, errors: dict[str, list[float]], epochs: int = 4, hypotheses=HYPOTHESES, **fields) -> Path:
    """A sweep of a variant per entry of `errors`, with a seed per error (None: that trial diverged), at `path`.

    The last evaluation has just that error, and so have the predictions; training errors are two points less.
    """
    trials = []
    for place, (name, of_seeds) in enumerate(errors.items()):
        for seed, error in enumerate(of_seeds):
            trials.append(_trial(path, place, name, seed, error, epochs))
    asked = {
        'experiment': 'experiments/made_up.py', 'question': 'Do shortcuts <help>?', 'source': 'He et al. 2015',
        'preset': 'demo', 'seeds': max(map(len, errors.values())), 'held_equal': 'epochs', 'baseline': 'plain',
        'charts': ('learning_curves', 'differences'), 'answer': 'They **do**.',
    }  # fmt: skip
    study.write(path, Study(**{**asked, **fields}, hypotheses=tuple(hypotheses), trials=tuple(trials)))
    return path


def _trial(path: Path, place: int, name: str, seed: int, error: float | None, epochs: int) -> dict:
    trial = {'id': f'{name}-s{seed}', 'name': name, 'seed': seed, 'state': 'finished' if error else 'diverged'}
    network = {
        'params': 50_000 * (place + 1), 'macs': 1_000_000 * (place + 1) ** 2, 'flops': 2_000_000 * (place + 1) ** 2,
        'activation_bytes': 60_000 * (place + 1), 'family': name, 'year': 2015, 'input_shape': [28, 28, 1],
    }  # fmt: skip
    provenance = {**PROVENANCE, 'network': network, 'data': {'name': 'd', 'fingerprint': 'ab' * 32}}
    config = {'name': name, 'seed': seed, 'total_epochs': epochs, 'model': {'arch': name, 'depth': place + 1}}
    if error is None:
        summary = {'state': 'diverged', 'reason': 'the loss of step 3 is nan'}
        write_run(path / 'trials' / trial['id'], _rows(50.0, epochs)[:2], summary, provenance, **config)
        return {**trial, 'reason': summary['reason']}
    summary = {
        'state': 'finished', 'top1_err_pct': error, 'top5_err_pct': error / 10, 'test_loss': error / 30,
        'train_s': 10.0 * (place + 1), 'images_per_s': 4000.0 / (place + 1),
    }  # fmt: skip
    run = write_run(path / 'trials' / trial['id'], _rows(error, epochs), summary, provenance, **config)
    run.write_arrays(schema.PREDICTIONS, packed(*_predicted(error, place)))
    return {**trial, 'measured': {'epochs_to_50_pct': 1.0 + place}}


def _rows(error: float, epochs: int) -> list[dict]:
    rows = []
    for epoch in range(1, epochs + 1):
        now = error + 12 * (epochs - epoch) / epoch
        row = {'step': 4 * epoch, 'epoch': float(epoch), 'loss': now / 30}
        rows += [{'kind': 'train', **row, 'top1_err_pct': now - 2}, {'kind': 'val', **row, 'top1_err_pct': now}]
    return rows


def _predicted(error: float, place: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels and log-probabilities, wrong on the first images but for a shift by `place`."""
    labels = np.arange(IMAGES) % CLASSES
    wrong = np.roll(np.arange(IMAGES) < round(IMAGES * error / 100), 3 * place)
    scores = np.full((IMAGES, CLASSES), -9.0)
    scores[np.arange(IMAGES), np.where(wrong, (labels + 1) % CLASSES, labels)] = -0.1
    return labels, scores
