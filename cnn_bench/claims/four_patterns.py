r"""A toy example in full: X, O, / and \ on 3x3 pixels told apart by two layers whose filters are made of the classes.

The example is that of the bonus slides of a lecture ("Convolutional Neural Networks", lecture 12) after Luis
Serrano's "A friendly introduction to convolutional neural networks". The first layer looks for two pieces of 2x2
pixels, \ and /, at the four places of the pattern. Its eight answers, +1 where the piece is and -1 where it is not,
are the code of the pattern; the code of each class is the filter of that class in the second layer, and the largest
score names the class.

The slides print the codes and show the scores as pictures. Ours to choose was the rule for "the piece is there": all
four pixels agree. `ACTIVATIONS` has that and two other things to do with the responses, which fail.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from cnn_bench.claims.given_filters import convolve
from cnn_bench.claims.x_and_o import signs

PATTERNS = {'X': signs('#.# .#. #.#'), 'O': signs('.#. #.# .#.'), '/': signs('..# .#. #..'), '\\': signs('#.. .#. ..#')}
PIECES = {'\\': signs('#. .#'), '/': signs('.# #.')}
PLACES = ('top left', 'top right', 'bottom left', 'bottom right')
# A row per piece, a column per place, as the slides print the filter of each class.
PRINTED_FILTERS = {
    'X': ('+ - - +', '- + + -'),
    'O': ('- + + -', '+ - - +'),
    '/': ('- - - -', '- + + -'),
    '\\': ('+ - - +', '- - - -'),
}


def responses(pattern: np.ndarray) -> np.ndarray:
    """The mean of four products, a map per piece: (2, 2, 2) of a pattern (3, 3); 1 where all pixels agree."""
    return convolve(pattern, list(PIECES.values())) / 4


def whole_match(response: np.ndarray) -> np.ndarray:
    """+1 where the piece is, pixel for pixel, and -1 elsewhere."""
    return np.where(response == 1, 1.0, -1.0)


def relu(response: np.ndarray) -> np.ndarray:
    """The responses with 0 for negative ones."""
    return np.maximum(response, 0)


def nothing(response: np.ndarray) -> np.ndarray:
    """The responses as they are."""
    return response


ACTIVATIONS = {'whole match': whole_match, 'ReLU': relu, 'nothing': nothing}


def code(pattern: np.ndarray) -> np.ndarray:
    """The pattern (3, 3) as its pieces: (2, 2, 2) of +1 and -1, a channel per piece."""
    return whole_match(responses(pattern))


def as_table(coded: np.ndarray) -> pd.DataFrame:
    """A code or responses (2, 2, 2) with a row per piece and a column per place, as the slides lay it out."""
    return pd.DataFrame(
        coded.transpose(2, 0, 1).reshape(2, 4), index=[f'piece {name}' for name in PIECES], columns=PLACES
    )


def in_signs(coded: np.ndarray) -> tuple[str, ...]:
    """A code as the slides print it: '+ - - +' for each piece."""
    return tuple(' '.join('+' if value > 0 else '-' for value in row) for row in as_table(coded).to_numpy())


def scores(pattern: np.ndarray, act: Callable = whole_match) -> dict[str, float]:
    """The score of each class: the second layer's filters, the classes' codes, on the activated responses."""
    filters = [code(of_class) for of_class in PATTERNS.values()]
    found = convolve(act(responses(pattern)), filters)
    return dict(zip(PATTERNS, found.ravel().tolist(), strict=True))


def score_table(act: Callable = whole_match) -> pd.DataFrame:
    """The scores of the four patterns, a row each; the last column names the classes with the largest."""
    rows = {name: scores(pattern, act) for name, pattern in PATTERNS.items()}
    table = pd.DataFrame(rows).T.rename(columns='score of {}'.format)
    best = [' or '.join(c for c, value in row.items() if value == max(row.values())) for row in rows.values()]
    return table.assign(largest=best).rename_axis('pattern')


def code_table() -> pd.DataFrame:
    """The code of each pattern in signs, and whether the slides print the same as the filter of its class."""
    rows = {name: in_signs(code(pattern)) for name, pattern in PATTERNS.items()}
    table = pd.DataFrame(rows, index=[f'piece {name}' for name in PIECES]).T.rename_axis('pattern')
    return table.assign(**{'as printed': [rows[name] == PRINTED_FILTERS[name] for name in PATTERNS]})


def named_by() -> pd.DataFrame:
    """The class that each pattern is taken for, by what is done to the responses between the layers."""
    return pd.DataFrame({name: score_table(act)['largest'] for name, act in ACTIVATIONS.items()})
