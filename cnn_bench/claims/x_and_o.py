"""The toy example of a lecture, an X on 9x9 pixels: every number that its slides print, and the same from our layers.

The slides ("Convolutional Neural Networks", lecture 12) took the example from Brandon Rohrer's "How convolutional
neural networks work". The image is convolved with three filters, the mean of nine products being the response;
then ReLU, 2x2 max pooling and once more pooling; the twelve numbers left are the votes for X and O.

Choices where the slides leave something open:

- Where the image is set in type it has ten rows, the middle one twice, and up to ten columns. Maps of 7x7 come from
  9x9 pixels only.
- The slides cut decimals off (7/9 is 0.77), so a printed number is called right if it is the computed one cut off.
- They name no layer between the 4x4 and the 2x2 maps but say that layers repeat. Pooling alone gives the printed
  maps, so pooling alone is computed.
- They print two scores and no weights. `smallest_weights` and `equal_weights` are two of endlessly many that fit.
"""

from typing import NamedTuple

import jax
import numpy as np
import pandas as pd

from cnn_bench.claims.given_filters import convolve, max_pool


def signs(drawing: str) -> np.ndarray:
    """A drawing as an array (h, w), a word per row: '#' is 1, '.' is -1."""
    return np.array([[1.0 if dot == '#' else -1.0 for dot in row] for row in drawing.split()])


def numbers(text: str) -> np.ndarray:
    """An array (h, w) from its rows between slashes."""
    return np.array([[float(word) for word in row.split()] for row in text.split('/')])


X = signs('......... .#.....#. ..#...#.. ...#.#... ....#.... ...#.#... ..#...#.. .#.....#. .........')
# Ours; the slides' O is a picture without numbers.
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
    """A printed number that is not the computed one cut off."""

    stage: str
    filter: str
    row: int
    column: int
    printed: float
    computed: float
    why: str  # the printed number cannot be right


def responses(image: np.ndarray = X) -> np.ndarray:
    """The mean of the nine products at every place: (7, 7, 3) of an image (9, 9)."""
    return convolve(image, list(FILTERS.values())).astype(float) / 9


def stages(image: np.ndarray = X) -> dict[str, np.ndarray]:
    """What follows from an image: 'response' (7, 7, 3), 'relu', 'pooled' (4, 4, 3) and 'pooled twice' (2, 2, 3)."""
    response = responses(image)
    rectified = np.maximum(response, 0)
    pooled = _pooled(rectified)
    return {'response': response, 'relu': rectified, 'pooled': pooled, 'pooled twice': _pooled(pooled)}


def _pooled(maps: np.ndarray) -> np.ndarray:
    return np.rint(9 * max_pool(maps, 2)).astype(float) / 9  # float32 is not near enough to ninths to cut digits off


def by_filter(maps: np.ndarray) -> dict[str, np.ndarray]:
    """Maps (h, w, 3) as one array (h, w) per filter."""
    return {name: maps[..., channel] for channel, name in enumerate(FILTERS)}


def cut(values: np.ndarray) -> np.ndarray:
    """`values` with the digits behind the second decimal cut off, as the slides do."""
    return np.trunc(np.asarray(values) * 100 + np.sign(values) * 1e-6) / 100


def comparison() -> pd.DataFrame:
    """A row per printed map: how many of its numbers are the computed ones cut off, rounded, neither."""
    computed = stages()
    rows = []
    for (stage, name), printed in PRINTED.items():
        ours = by_filter(computed[stage])[name]
        same, near = (np.isclose(printed, values, atol=1e-9) for values in (cut(ours), np.round(ours, 2)))
        counts = {'cut off': same.sum(), 'rounded': near.sum(), 'neither': (~same & ~near).sum()}
        rows.append({'stage': stage, 'map of': name, 'numbers': printed.size, **counts})
    return pd.DataFrame(rows)


def misprints() -> list[Misprint]:
    """Every printed number, the votes' included, that is not the computed one cut off, and why it cannot be right."""
    computed = stages()
    found = []
    for (stage, name), printed in PRINTED.items():
        ours = by_filter(computed[stage])[name]
        for row, column in np.argwhere(~np.isclose(printed, cut(ours), atol=1e-9)).tolist():
            why = _why_not(printed, row, column)
            found.append(Misprint(stage, name, row, column, printed[row, column], ours[row, column], why))
    for name, printed in PRINTED_VOTES.items():
        ours = by_filter(computed['pooled twice'])[name].ravel()
        for place in np.flatnonzero(~np.isclose(printed, cut(ours), atol=1e-9)).tolist():
            row, column = divmod(place, 2)
            why = f'the 2x2 map that it is read from prints {PRINTED["pooled twice", name][row, column]:.2f} there'
            found.append(Misprint('votes', name, row, column, printed[place], ours[place], why))
    return found


def _why_not(printed: np.ndarray, row: int, column: int) -> str:
    value = printed[row, column]
    ninths = np.arange(-9, 10, 2) / 9
    if not np.isclose(cut(ninths), value, atol=1e-9).any():
        return 'nine products of ±1 add up to an odd number; this is no odd number of ninths'
    mirrored = printed[row, ::-1][column]
    return f'image and filter are symmetric; the same row prints {mirrored:.2f} at the mirrored place'


def votes(image: np.ndarray = X) -> np.ndarray:
    """The twelve numbers (12,) that vote, map by map."""
    return stages(image)['pooled twice'].transpose(2, 0, 1).ravel()


def gap() -> float:
    """The difference between the logits of X and O: all that the two printed scores determine, if softmax made them."""
    return float(np.log(PRINTED_SCORES['X'] / PRINTED_SCORES['O']))


def smallest_weights() -> np.ndarray:
    """The weights (12, 2) with the least sum of squares that give the printed scores."""
    difference = gap() * votes() / (votes() ** 2).sum()
    return np.stack([difference, -difference], axis=1) / 2


def equal_weights() -> np.ndarray:
    """The weights (12, 2) that give the printed scores and count all votes alike."""
    difference = np.full(12, gap() / votes().sum())
    return np.stack([difference, -difference], axis=1) / 2


def scores(weights: np.ndarray, image: np.ndarray = X) -> dict[str, float]:
    """The scores of X and O, adding up to 1, that `weights` (12, 2) give the image."""
    return dict(zip(PRINTED_SCORES, np.asarray(jax.nn.softmax(votes(image) @ weights)).tolist(), strict=True))


def score_table() -> pd.DataFrame:
    """What the two sets of weights say of the X and of an O of our own drawing, a row for each of the four."""
    sets = {'least sum of squares': smallest_weights(), 'equal': equal_weights()}
    drawn = {'the X': X, 'an O': O}
    rows = {(image, name): scores(weights, drawn[image]) for image in drawn for name, weights in sets.items()}
    return pd.DataFrame(rows).T.rename_axis(['image', 'weights']).rename(columns='score of {}'.format)
