"""The lecture's toy example, an X on 9x9 pixels: the numbers printed on its slides, and the same from our layers.

The slides ("Convolutional Neural Networks", lecture 12) took the example from Brandon Rohrer's "How convolutional
neural networks work". The image is convolved with three filters (the response is the mean of nine products), then come
ReLU, 2x2 max pooling and pooling again. The twelve numbers that remain are the votes for X and O.

Choices where the slides leave something open:

- The image as typeset has ten rows, the middle one twice, and up to ten columns. But only 9x9 pixels give 7x7 maps.
- The slides truncate decimals (7/9 is 0.77), so a printed number is right if it is the computed one truncated.
- They name no layer between the 4x4 and the 2x2 maps, but say that layers repeat. Pooling alone gives the printed
  maps, so only pooling is computed.
- They print two scores and no weights. `smallest_weights` and `equal_weights` are two of infinitely many that fit.
"""

from typing import NamedTuple

import jax
import numpy as np
import pandas as pd

from cnn_bench.lecture.given_filters import convolve, max_pool


def signs(drawing: str) -> np.ndarray:
    """An array (h, w) from a drawing with one word per row: '#' is 1, '.' is -1."""
    return np.array([[1.0 if dot == '#' else -1.0 for dot in row] for row in drawing.split()])


def numbers(text: str) -> np.ndarray:
    """An array (h, w) from text with slashes between the rows."""
    return np.array([[float(word) for word in row.split()] for row in text.split('/')])


X = signs('......... .#.....#. ..#...#.. ...#.#... ....#.... ...#.#... ..#...#.. .#.....#. .........')
# Our own drawing; the slides show an O without numbers.
O = signs('......... ...###... ..#...#.. .#.....#. .#.....#. .#.....#. ..#...#.. ...###... .........')  # noqa: E741
FILTERS = {
    '\\ filter': signs('#.. .#. ..#'),
    'X filter': signs('#.# .#. #.#'),
    '/ filter': signs('..# .#. #..'),
}
PRINTED = {
    ('response', '\\ filter'): numbers(
        '0.77 -0.11 0.11 0.33 0.55 -0.11 0.33 / -0.11 1.00 -0.11 0.33 -0.11 0.11 -0.11 /'
        '0.11 -0.11 1.00 -0.33 0.11 -0.11 0.55 / 0.33 0.33 -0.33 0.55 -0.33 0.33 0.33 /'
        '0.55 -0.11 0.11 -0.33 1.00 -0.11 0.11 / -0.11 0.11 -0.11 0.33 -0.11 1.00 -0.11 /'
        '0.33 -0.11 0.55 0.33 0.11 -0.11 0.77'
    ),
    ('response', 'X filter'): numbers(
        '0.39 -0.55 0.11 -0.11 0.11 -0.55 0.33 / -0.55 0.55 -0.55 0.33 -0.55 0.55 -0.55 /'
        '0.11 -0.55 0.55 -0.77 0.55 -0.55 0.11 / -0.11 0.33 -0.77 1.00 -0.77 0.33 -0.11 /'
        '0.11 -0.55 0.55 -0.77 0.55 -0.55 0.11 / -0.55 0.55 -0.55 0.33 -0.55 0.55 -0.55 /'
        '0.39 -0.55 0.11 -0.11 0.33 -0.55 0.33'
    ),
    ('response', '/ filter'): numbers(
        '0.33 -0.11 0.55 0.33 0.11 -0.11 0.77 / -0.11 0.11 -0.11 0.33 -0.11 1.00 -0.11 /'
        '0.55 -0.11 0.11 -0.33 1.00 -0.11 0.11 / 0.33 0.33 -0.33 0.55 -0.33 0.33 0.33 /'
        '0.11 -0.11 1.00 -0.33 0.11 -0.11 0.55 / -0.11 1.00 -0.11 0.33 -0.11 0.11 -0.11 /'
        '0.77 -0.11 0.11 0.33 0.55 -0.11 0.33'
    ),
    ('relu', '\\ filter'): numbers(
        '0.77 0 .11 .33 .55 0 .33 / 0 1.00 0 .33 0 .11 0 / .11 0 1.00 0 .11 0 .55 / .33 .33 0 .55 0 .33 .33 /'
        '.55 0 .11 0 1.00 0 .11 / 0 .11 0 .33 0 1.00 0 / .33 0 .55 .33 .11 0 .77'
    ),
    ('pooled', '\\ filter'): numbers('1.00 .33 .55 .33 / .33 1.00 .33 .55 / .55 .33 1.00 .11 / .33 .55 .11 .77'),
    ('pooled', 'X filter'): numbers('.55 .33 .55 .33 / .33 1.00 .55 .11 / .55 .55 .55 .11 / .33 .11 .11 .33'),
    ('pooled', '/ filter'): numbers('.33 .55 1.00 .77 / .55 .55 1.00 .33 / 1.00 1.00 .11 .55 / .77 .33 .55 .33'),
    ('pooled twice', '\\ filter'): numbers('1.00 .55 / .55 1.00'),
    ('pooled twice', 'X filter'): numbers('1.00 .55 / .55 .55'),
    ('pooled twice', '/ filter'): numbers('.55 1.00 / 1.00 .55'),
}
PRINTED_VOTES = {'\\ filter': (1.00, 0.55, 0.55, 1.00), 'X filter': (1.00, 0.55, 0.55, 0.55), '/ filter': (0.55,) * 4}
PRINTED_SCORES = {'X': 0.90, 'O': 0.10}


class Misprint(NamedTuple):
    """A printed number that differs from the computed one truncated to two decimals."""

    stage: str
    filter: str
    row: int
    column: int
    printed: float
    computed: float
    why: str  # why the printed number cannot be right


def responses(image: np.ndarray = X) -> np.ndarray:
    """The mean of the nine products at every position: (7, 7, 3) for an image (9, 9)."""
    return convolve(image, list(FILTERS.values())).astype(float) / 9


def stages(image: np.ndarray = X) -> dict[str, np.ndarray]:
    """Output of each layer: 'response' (7, 7, 3), 'relu' (7, 7, 3), 'pooled' (4, 4, 3), 'pooled twice' (2, 2, 3)."""
    response = responses(image)
    rectified = np.maximum(response, 0)
    pooled = _pooled(rectified)
    return {'response': response, 'relu': rectified, 'pooled': pooled, 'pooled twice': _pooled(pooled)}


def _pooled(maps: np.ndarray) -> np.ndarray:
    return np.rint(9 * max_pool(maps, 2)).astype(float) / 9  # float32 is too coarse to truncate ninths correctly


def by_filter(maps: np.ndarray) -> dict[str, np.ndarray]:
    """Split maps (h, w, 3) into one array (h, w) per filter."""
    return {name: maps[..., channel] for channel, name in enumerate(FILTERS)}


def truncate(values: np.ndarray) -> np.ndarray:
    """Truncate to two decimals, as the slides do."""
    return np.trunc(np.asarray(values) * 100 + np.sign(values) * 1e-6) / 100


def comparison() -> pd.DataFrame:
    """By printed map, the number of values that are the computed ones truncated, rounded, or neither."""
    computed = stages()
    rows = []
    for (stage, name), printed in PRINTED.items():
        ours = by_filter(computed[stage])[name]
        truncated, rounded = (np.isclose(printed, values, atol=1e-9) for values in (truncate(ours), np.round(ours, 2)))
        counts = {'truncated': truncated.sum(), 'rounded': rounded.sum(), 'neither': (~truncated & ~rounded).sum()}
        rows.append({'stage': stage, 'map of': name, 'numbers': printed.size, **counts})
    return pd.DataFrame(rows)


def misprints() -> list[Misprint]:
    """Every printed number, including the votes, that differs from the computed one, and why it cannot be right."""
    computed = stages()
    found = []
    for (stage, name), printed in PRINTED.items():
        ours = by_filter(computed[stage])[name]
        for row, column in np.argwhere(~np.isclose(printed, truncate(ours), atol=1e-9)).tolist():
            why = _why_not(printed, row, column)
            found.append(Misprint(stage, name, row, column, printed[row, column], ours[row, column], why))
    for name, printed in PRINTED_VOTES.items():
        ours = by_filter(computed['pooled twice'])[name].ravel()
        for place in np.flatnonzero(~np.isclose(printed, truncate(ours), atol=1e-9)).tolist():
            row, column = divmod(place, 2)
            why = f'the 2x2 map that it is read from prints {PRINTED["pooled twice", name][row, column]:.2f} there'
            found.append(Misprint('votes', name, row, column, printed[place], ours[place], why))
    return found


def _why_not(printed: np.ndarray, row: int, column: int) -> str:
    value = printed[row, column]
    ninths = np.arange(-9, 10, 2) / 9
    if not np.isclose(truncate(ninths), value, atol=1e-9).any():
        return 'nine products of ±1 add up to an odd number; this is no odd number of ninths'
    mirrored = printed[row, ::-1][column]
    return f'image and filter are symmetric; the same row prints {mirrored:.2f} at the mirrored place'


def votes(image: np.ndarray = X) -> np.ndarray:
    """The twelve votes (12,), map by map."""
    return stages(image)['pooled twice'].transpose(2, 0, 1).ravel()


def gap() -> float:
    """Logit of X minus logit of O: all that the two printed scores determine, if they come from a softmax."""
    return float(np.log(PRINTED_SCORES['X'] / PRINTED_SCORES['O']))


def smallest_weights() -> np.ndarray:
    """The weights (12, 2) of least norm that give the printed scores."""
    difference = gap() * votes() / (votes() ** 2).sum()
    return np.stack([difference, -difference], axis=1) / 2


def equal_weights() -> np.ndarray:
    """The weights (12, 2) that give the printed scores and weigh all votes equally."""
    difference = np.full(12, gap() / votes().sum())
    return np.stack([difference, -difference], axis=1) / 2


def scores(weights: np.ndarray, image: np.ndarray = X) -> dict[str, float]:
    """The scores of X and O for an image with `weights` (12, 2); they add up to 1."""
    return dict(zip(PRINTED_SCORES, np.asarray(jax.nn.softmax(votes(image) @ weights)).tolist(), strict=True))


def score_table() -> pd.DataFrame:
    """Scores of the X and of our own O with both sets of weights, a row for each."""
    sets = {'least norm': smallest_weights(), 'equal': equal_weights()}
    drawn = {'the X': X, 'an O': O}
    rows = {(image, name): scores(weights, drawn[image]) for image in drawn for name, weights in sets.items()}
    return pd.DataFrame(rows).T.rename_axis(['image', 'weights']).rename(columns='score of {}'.format)
