"""The sentences that experiments answer in."""

import pandas as pd
import pytest

from cnn_bench.sweep import answers

TABLE = pd.DataFrame(
    [('b', 0, 3.0), ('a', 0, 1.0), ('b', 1, 5.0), ('a', 1, 2.0), ('c', 0, None)],
    columns=['label', 'seed', 'top1_err_pct'],
)


def test_means_keep_the_order_of_the_table_and_leave_out_what_was_not_measured():
    values = answers.means(TABLE)
    assert values.to_dict() == {'b': 4.0, 'a': 1.5}
    assert list(values) == [4.0, 1.5]
    assert answers.means(TABLE, 'train_err_pct').empty


def test_seeds_are_counted_by_variant():
    assert answers.seeds(TABLE) == 'as means over 2 seeds'
    assert answers.seeds(TABLE[TABLE.seed == 0]) == 'with one seed'


@pytest.mark.parametrize(
    ('values', 'said'),
    [
        ({'b': 2.0, 'a': 1.0, 'c': 3.0}, 'a 1.0 %; b 2.0 %; c 3.0 %'),
        ({'b': 2.0, 'a': 1.0}, 'a 1.0 %; b 2.0 %'),
        ({'a': 1.0}, 'a 1.0 %'),
        ({}, ''),
    ],
)
def test_ranked(values, said):
    assert answers.ranked(pd.Series(values, dtype=float)) == said


def test_difference():
    values = pd.Series({'a': 1.0, 'b': 3.04, 'c': 3.0})
    assert answers.difference(values, 'a', 'c') == 'a has 2.0 points less test error than c (1.0 against 3.0 %).'
    assert answers.difference(values, 'c', 'a', 'loss') == 'c has 2.0 points more loss than a (3.0 against 1.0 %).'
    assert answers.difference(values, 'b', 'c') == 'b has as much test error as c (3.0 against 3.0 %).'
    assert answers.difference(values, 'a', 'missing') == ''


def test_a_paragraph_leaves_out_what_is_empty():
    assert answers.paragraph('One.', '', 'Two.') == 'One. Two.'
