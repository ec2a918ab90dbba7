"""Ranges of tuned fields: written, read from a command line, fitted to a recipe."""

import pytest

from cnn_bench.errors import UserError
from cnn_bench.runs.tuning import Range
from cnn_bench.sweep import choice, linear, log, space


def test_what_a_command_line_says():
    said = ['a.b=log(0.001, 1)', 'c=linear(-1,2)', 'd=choice(sgd, adamw)', 'e=choice(0, True, none)']
    assert space.parse(said) == {
        'a.b': Range(0.001, 1, log=True),
        'c': Range(-1, 2),
        'd': Range(choices=('sgd', 'adamw')),
        'e': Range(choices=(0, True, 'none')),
    }
    assert space.listed(space.parse(said[:3])) == "a.b=log(0.001, 1), c=linear(-1, 2), d=choice('sgd', 'adamw')"


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        ('a', 'is not FIELD=RANGE; a range is log'),
        ('a=0.1', 'is not FIELD=RANGE'),
        ('a=exp(1,2)', 'is not FIELD=RANGE'),
        ('a=log(1)', 'takes two numbers'),
        ('a=log(0,1)', '--tune a: .* 0 < LOW < HIGH'),
        ('a=linear(2,1)', 'LOW < HIGH'),
        ('a=log(__import__("os"),1)', 'must be two numbers'),
        ('a=linear(1,1e999)', 'must be two numbers'),
        ('a=choice(1)', 'at least two different'),
        ('a=choice(1,1)', 'at least two different'),
        ('a=choice([1],2)', 'no number, text'),
    ],
)
def test_what_is_no_range(text, said):
    with pytest.raises(UserError, match=said):
        space.parse([text])


def test_a_field_with_a_whole_number_gets_whole_numbers():
    assert space.fitted(log(8, 64), 32, 'f') == Range(8, 64, log=True)
    assert type(space.fitted(linear(0, 1), 0.5, 'f').high) is float
    assert space.fitted(choice(None, 1), None, 'f').choices == (None, 1)
    for given, own in ((linear(0, 1), None), (linear(0, 1), True), (choice(1, 2), True), (choice('a', 'b'), 'c')):
        with pytest.raises(UserError, match='the first trial is the recipe as it is'):
            space.fitted(given, own, 'f')
