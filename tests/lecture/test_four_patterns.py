import numpy as np
import pytest

from cnn_bench.lecture import four_patterns

# By hand: eight signs, those that agree minus those that differ, in the order X, O, /, \.
SCORES = {'X': [8, -8, 4, 4], 'O': [-8, 8, -4, -4], '/': [4, -4, 8, 0], '\\': [4, -4, 0, 8]}


@pytest.mark.parametrize('name', four_patterns.PATTERNS)
def test_codes_are_the_printed_filters(name):
    code = four_patterns.code(four_patterns.PATTERNS[name])
    assert four_patterns.in_signs(code) == four_patterns.PRINTED_FILTERS[name]


@pytest.mark.parametrize('name', four_patterns.PATTERNS)
def test_a_piece_is_where_all_four_pixels_agree(name):
    pattern = four_patterns.PATTERNS[name]
    coded = four_patterns.as_table(four_patterns.code(pattern))
    for place, (row, column) in zip(four_patterns.POSITIONS, np.ndindex(2, 2), strict=True):
        for piece, pixels in four_patterns.PIECES.items():
            is_there = np.array_equal(pattern[row : row + 2, column : column + 2], pixels)
            assert coded.loc[f'piece {piece}', place] == (1 if is_there else -1)


def test_each_pattern_is_named_by_its_largest_score():
    table = four_patterns.score_table()
    assert {name: list(table.loc[name][:4]) for name in table.index} == SCORES
    assert list(table.largest) == list(four_patterns.PATTERNS)
    assert four_patterns.code_table()['as printed'].all()


def test_without_a_decision_between_the_layers_slashes_are_taken_for_an_x():
    named = four_patterns.named_by()
    assert list(named['whole match']) == ['X', 'O', '/', '\\']
    assert list(named['ReLU']) == list(named['none']) == ['X', 'O', 'X', 'X']
