r"""The lecture's second toy example: two layers, built by hand, that tell apart X, O, / and \ on 3x3 pixels.

It is on the bonus slides ("Convolutional Neural Networks", lecture 12), after Luis Serrano's "A friendly introduction
to convolutional neural networks". The first layer looks for two pieces of 2x2 pixels, \ and /, at the four positions
in the pattern. Its eight outputs, +1 where the piece is and -1 elsewhere, are the code of the pattern. The code of each
class is the filter of that class in the second layer, and the largest score names the class.

The slides print the codes and show the scores as pictures. They leave open when a piece "is there"; here, if all four
pixels agree. `ACTIVATIONS` has this rule and two alternatives, which fail.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from cnn_bench.lecture.given_filters import convolve
from cnn_bench.lecture.x_and_o import signs

PATTERNS = {'X': signs('#.# .#. #.#'), 'O': signs('.#. #.# .#.'), '/': signs('..# .#. #..'), '\\': signs('#.. .#. ..#')}
PIECES = {'\\': signs('#. .#'), '/': signs('.# #.')}
POSITIONS = ('top left', 'top right', 'bottom left', 'bottom right')
# The filter of each class as printed: a row per piece, a column per position.
PRINTED_FILTERS = {
    'X': ('+ - - +', '- + + -'),
    'O': ('- + + -', '+ - - +'),
    '/': ('- - - -', '- + + -'),
    '\\': ('+ - - +', '- - - -'),
}


def responses(pattern: np.ndarray) -> np.ndarray:
    """The mean of four products, a map per piece: (2, 2, 2) for a pattern (3, 3); 1 where all pixels agree."""
    return convolve(pattern, list(PIECES.values())) / 4


def whole_match(response: np.ndarray) -> np.ndarray:
    """+1 where all pixels of the piece agree, -1 elsewhere."""
    return np.where(response == 1, 1.0, -1.0)


def relu(response: np.ndarray) -> np.ndarray:
    """The responses, negative ones set to 0."""
    return np.maximum(response, 0)


def unchanged(response: np.ndarray) -> np.ndarray:
    """The responses without an activation."""
    return response


ACTIVATIONS = {'whole match': whole_match, 'ReLU': relu, 'none': unchanged}


def code(pattern: np.ndarray) -> np.ndarray:
    """Code of a pattern (3, 3): (2, 2, 2) of +1 and -1, a channel per piece."""
    return whole_match(responses(pattern))


def as_table(coded: np.ndarray) -> pd.DataFrame:
    """A code or responses (2, 2, 2) as on the slides: a row per piece, a column per position."""
    return pd.DataFrame(
        coded.transpose(2, 0, 1).reshape(2, 4), index=[f'piece {name}' for name in PIECES], columns=POSITIONS
    )


def in_signs(coded: np.ndarray) -> tuple[str, ...]:
    """A code as printed on the slides: '+ - - +' for each piece."""
    return tuple(' '.join('+' if value > 0 else '-' for value in row) for row in as_table(coded).to_numpy())


def scores(pattern: np.ndarray, act: Callable = whole_match) -> dict[str, float]:
    """The score of each class: its code, as a filter of the second layer, applied to the activated responses."""
    filters = [code(of_class) for of_class in PATTERNS.values()]
    found = convolve(act(responses(pattern)), filters)
    return dict(zip(PATTERNS, found.ravel().tolist(), strict=True))


def score_table(act: Callable = whole_match) -> pd.DataFrame:
    """The scores of the four patterns, a row each; the last column names the classes with the largest score."""
    rows = {name: scores(pattern, act) for name, pattern in PATTERNS.items()}
    table = pd.DataFrame(rows).T.rename(columns='score of {}'.format)
    best = [' or '.join(c for c, value in row.items() if value == max(row.values())) for row in rows.values()]
    return table.assign(largest=best).rename_axis('pattern')


def code_table() -> pd.DataFrame:
    """The code of each pattern in signs, and whether it is the filter that the slides print for its class."""
    rows = {name: in_signs(code(pattern)) for name, pattern in PATTERNS.items()}
    table = pd.DataFrame(rows, index=[f'piece {name}' for name in PIECES]).T.rename_axis('pattern')
    return table.assign(**{'as printed': [rows[name] == PRINTED_FILTERS[name] for name in PATTERNS]})


def named_by() -> pd.DataFrame:
    """The predicted class of each pattern, by activation between the layers."""
    return pd.DataFrame({name: score_table(act)['largest'] for name, act in ACTIVATIONS.items()})
