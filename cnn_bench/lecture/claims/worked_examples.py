"""The claims in the lecture's worked examples. `x_and_o` and `four_patterns` hold the numbers and recompute them.

The match of a filter is the mean of its products with the pixels below it. The lecture truncates ninths to two digits:
7/9 is printed as 0.77.
"""

from functools import cache, partial

from cnn_bench.lecture import four_patterns, x_and_o
from cnn_bench.lecture.claims.claim import Claim

SLIDES = 'lecture, A toy example: {}'
FILTERS = {'\\ filter': 'falling', 'X filter': 'cross', '/ filter': 'rising'}
# By stage of x_and_o: part of the claim's id, its text, the slide, how it is recomputed.
STAGES = {
    'response': (
        'matches',
        'the map of the {} filter over the X',
        'Convolution Layer',
        'our 3x3 convolution, no padding, divided by 9, over the 9x9 picture',
    ),
    'relu': ('relu', 'the map of the {} filter without its negative values', 'ReLU', 'ReLU of the recomputed map'),
    'pooled': (
        'pooled',
        'the pooled map of the {} filter',
        'Layers get stacked',
        'our 2x2 max pooling, rounding up, after ReLU',
    ),
    'pooled twice': (
        'stacked',
        'the last map of the {} filter',
        'Deep Stacking',
        'our 2x2 max pooling of the pooled map',
    ),
}
PICTURES = {'X': 'X', 'O': 'O', '/': 'rising_line', '\\': 'falling_line'}


def claims() -> list[Claim]:
    """The claims in the worked examples."""
    return [
        *(_map_claim(*key, printed) for key, printed in x_and_o.PRINTED.items()),
        *(_vote_claim(name, printed) for name, printed in x_and_o.PRINTED_VOTES.items()),
        *map(_picture_claim, PICTURES),
    ]


def _map_claim(stage, name, printed):
    kind, text, slide, how = STAGES[stage]
    return Claim(
        f'cross.{kind}_{FILTERS[name]}',
        text.format(FILTERS[name]),
        SLIDES.format(slide),
        tuple(tuple(map(_digits, row)) for row in printed),
        how,
        partial(_computed, stage, name),
        truncated=True,
        why=_misprints(stage, name),
    )


def _vote_claim(name, printed):
    return Claim(
        f'cross.votes_{FILTERS[name]}',
        f'the votes in the last map of the {FILTERS[name]} filter',
        SLIDES.format('Fully Connected Layer'),
        tuple(map(_digits, printed)),
        'the last map read row by row',
        lambda: sum(_computed('pooled twice', name), ()),
        truncated=True,
        why=_misprints('votes', name),
    )


def _picture_claim(name):
    return Claim(
        f'picture.{PICTURES[name]}',
        f'where the {name} of 3x3 pixels has the falling and the rising 2x2 pattern',
        'lecture, bonus slides: Building the filter',
        tuple(map(_signs, four_patterns.PRINTED_FILTERS[name])),
        'our 2x2 convolution, divided by 4: +1 where the match is 1, else -1',
        lambda: tuple(map(_signs, four_patterns.in_signs(four_patterns.code(four_patterns.PATTERNS[name])))),
    )


@cache
def _stages():
    return x_and_o.stages()


def _computed(stage, name):
    return tuple(map(tuple, x_and_o.by_filter(_stages()[stage])[name].tolist()))


def _misprints(stage, name):
    """Why each printed number of a map that differs from the computed one is wrong."""
    found = [one for one in x_and_o.misprints() if (one.stage, one.filter) == (stage, name)]
    return '; '.join(f'printed {one.printed:.2f}, computed {one.computed:.2f}: {one.why}' for one in found)


def _digits(printed):
    return f'{printed:.2f}'


def _signs(text):
    return tuple(1 if sign == '+' else -1 for sign in text.split())
