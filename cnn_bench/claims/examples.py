"""The lecture's worked examples: the X that three filters are slid over, and the four pictures of 3x3 pixels.

Every map is computed by our convolution, ReLU and pooling. A filter's match is the mean of its products with the
pixels below it. The lecture cuts ninths off at two digits: 7/9 is printed as 0.77.
"""

from functools import cache, partial

import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from cnn_bench.claims.claim import Claim
from cnn_bench.models.layers import conv, max_pool

SLIDES = 'lecture, A toy example: {}'

# The picture of the X is 9x9: only then are the printed maps 7x7.
CROSS = np.array([[1.0 if 1 <= i <= 7 and j in (i, 8 - i) else -1.0 for j in range(9)] for i in range(9)])
FILTERS = {
    'falling': ((1, -1, -1), (-1, 1, -1), (-1, -1, 1)),
    'cross': ((1, -1, 1), (-1, 1, -1), (1, -1, 1)),
    'rising': ((-1, -1, 1), (-1, 1, -1), (1, -1, -1)),
}

MATCHES = {
    'falling': """ 0.77 -0.11  0.11  0.33  0.55 -0.11  0.33
                  -0.11  1.00 -0.11  0.33 -0.11  0.11 -0.11
                   0.11 -0.11  1.00 -0.33  0.11 -0.11  0.55
                   0.33  0.33 -0.33  0.55 -0.33  0.33  0.33
                   0.55 -0.11  0.11 -0.33  1.00 -0.11  0.11
                  -0.11  0.11 -0.11  0.33 -0.11  1.00 -0.11
                   0.33 -0.11  0.55  0.33  0.11 -0.11  0.77""",
    'cross': """ 0.39 -0.55  0.11 -0.11  0.11 -0.55  0.33
                -0.55  0.55 -0.55  0.33 -0.55  0.55 -0.55
                 0.11 -0.55  0.55 -0.77  0.55 -0.55  0.11
                -0.11  0.33 -0.77  1.00 -0.77  0.33 -0.11
                 0.11 -0.55  0.55 -0.77  0.55 -0.55  0.11
                -0.55  0.55 -0.55  0.33 -0.55  0.55 -0.55
                 0.39 -0.55  0.11 -0.11  0.33 -0.55  0.33""",
    'rising': """ 0.33 -0.11  0.55  0.33  0.11 -0.11  0.77
                 -0.11  0.11 -0.11  0.33 -0.11  1.00 -0.11
                  0.55 -0.11  0.11 -0.33  1.00 -0.11  0.11
                  0.33  0.33 -0.33  0.55 -0.33  0.33  0.33
                  0.11 -0.11  1.00 -0.33  0.11 -0.11  0.55
                 -0.11  1.00 -0.11  0.33 -0.11  0.11 -0.11
                  0.77 -0.11  0.11  0.33  0.55 -0.11  0.33""",
}
RECTIFIED = """0.77 0    0.11 0.33 0.55 0    0.33
               0    1.00 0    0.33 0    0.11 0
               0.11 0    1.00 0    0.11 0    0.55
               0.33 0.33 0    0.55 0    0.33 0.33
               0.55 0    0.11 0    1.00 0    0.11
               0    0.11 0    0.33 0    1.00 0
               0.33 0    0.55 0.33 0.11 0    0.77"""
POOLED = {
    'falling': """1.00 0.33 0.55 0.33
                  0.33 1.00 0.33 0.55
                  0.55 0.33 1.00 0.11
                  0.33 0.55 0.11 0.77""",
    'cross': """0.55 0.33 0.55 0.33
                0.33 1.00 0.55 0.11
                0.55 0.55 0.55 0.11
                0.33 0.11 0.11 0.33""",
    'rising': """0.33 0.55 1.00 0.77
                 0.55 0.55 1.00 0.33
                 1.00 1.00 0.11 0.55
                 0.77 0.33 0.55 0.33""",
}
STACKED = {
    'falling': '1.00 0.55\n0.55 1.00',
    'cross': '1.00 0.55\n0.55 0.55',
    'rising': '0.55 1.00\n1.00 0.55',
}
VOTES = {'falling': '1.00 0.55 0.55 1.00', 'cross': '1.00 0.55 0.55 0.55', 'rising': '0.55 0.55 0.55 0.55'}

WHY = {
    ('matches', 'cross'): 'printed 0.39 in two corners and 0.33 once in the last row; the picture is symmetric, and a '
    'ninth is 0.33 or 0.44, never 0.39: misprints for 0.33 and 0.11',
    ('votes', 'rising'): "the map's own pixels, printed one slide before, are 0.55 1.00 1.00 0.55",
}

# Pictures of 3x3 pixels, and their two maps: +1 where the 2x2 pattern is there, -1 where not.
PICTURES = {
    'X': ('+-+ -+- +-+', '+--+', '-++-'),
    'O': ('-+- +-+ -+-', '-++-', '+--+'),
    'rising line': ('--+ -+- +--', '----', '-++-'),
    'falling line': ('+-- -+- --+', '+--+', '----'),
}
PATTERNS = (((1, -1), (-1, 1)), ((-1, 1), (1, -1)))


def claims() -> list[Claim]:
    """The claims of the worked examples."""
    return [*_cross_claims(), *map(_picture_claim, PICTURES)]


def _cross_claims():
    for name in FILTERS:
        yield Claim(
            f'cross.matches_{name}',
            f'the map of the {name} filter over the X',
            SLIDES.format('Convolution Layer'),
            _table(MATCHES[name]),
            'our 3x3 convolution, no padding, kernel divided by 9, over the 9x9 picture',
            partial(_matches, name),
            cut=True,
            why=WHY.get(('matches', name), ''),
        )
    yield Claim(
        'cross.relu',
        'the first map without its negative values',
        SLIDES.format('ReLU'),
        _table(RECTIFIED),
        'ReLU of the recomputed map',
        partial(_rectified, 'falling'),
        cut=True,
    )
    for kind, words, slide, printed, how, compute in (
        (
            'pooled',
            'the pooled map',
            'Layers get stacked',
            POOLED,
            'our 2x2 max pooling, rounding up, after ReLU',
            _pooled,
        ),
        ('stacked', 'the last map', 'Deep Stacking', STACKED, 'our 2x2 max pooling of the pooled map', _stacked),
        ('votes', 'the votes in the last map', 'Fully Connected Layer', VOTES, 'the last map read row by row', _votes),
    ):
        for name in FILTERS:
            expected = _table(printed[name])
            yield Claim(
                f'cross.{kind}_{name}',
                f'{words} of the {name} filter',
                SLIDES.format(slide),
                expected[0] if kind == 'votes' else expected,
                how,
                partial(compute, name),
                cut=True,
                why=WHY.get((kind, name), ''),
            )


def _picture_claim(name):
    pixels, *maps = PICTURES[name]
    return Claim(
        f'picture.{name.replace(" ", "_")}',
        f'where the {name} of 3x3 pixels has the falling and the rising 2x2 pattern',
        'lecture, bonus slides: Building the filter',
        tuple(_signs(signs) for signs in maps),
        'our 2x2 convolution, kernel divided by 4: +1 where the match is 1, else -1',
        partial(_patterns_in, pixels),
    )


@cache
def _map(name):
    """The matches of a filter with the X, (1, 7, 7, 1)."""
    return _match(CROSS, FILTERS[name])


def _match(picture, kernel):
    kernel = jnp.asarray(kernel, jnp.float32)
    layer = conv(1, len(kernel), padding=0, use_bias=False)
    params = {'kernel': kernel[:, :, None, None] / kernel.size}
    return layer.apply({'params': params}, jnp.asarray(picture, jnp.float32)[None, :, :, None])


def _rows(x):
    return tuple(tuple(row) for row in np.asarray(x)[0, :, :, 0].tolist())


def _matches(name):
    return _rows(_map(name))


def _rectified(name):
    return _rows(nn.relu(_map(name)))


def _pool(name):
    return max_pool(nn.relu(_map(name)), 2, ceil=True)


def _pooled(name):
    return _rows(_pool(name))


def _stacked(name):
    return _rows(max_pool(_pool(name), 2))


def _votes(name):
    return sum(_stacked(name), ())


def _patterns_in(pixels):
    picture = np.array([_signs(row) for row in pixels.split()])
    found = [np.asarray(_match(picture, pattern)).ravel() for pattern in PATTERNS]
    return tuple(tuple(1 if match > 0.999 else -1 for match in matches.tolist()) for matches in found)


def _signs(text):
    return tuple(1 if sign == '+' else -1 for sign in text)


def _table(text):
    return tuple(tuple(row.split()) for row in text.splitlines())
