"""Every option of every command that takes a number: nonsense is refused in one line or is a number in range."""

import argparse
import importlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cnn_bench.cli import COMMANDS, main
from cnn_bench.cli.arguments import address

TEXTS = ('-1', '0', '1', '1.5', 'nan', 'inf', '-inf', '1e400', '9' * 24, '9' * 5000, '', ' ', 'x', '1_0', '½', '0x10')


def _options(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.Action]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for chosen in action.choices.values():
                yield from _options(chosen)
        elif action.type not in (None, Path, address) and action.dest != 'columns':
            yield parser.prog, action


def _all() -> dict[str, argparse.Action]:
    found = {}
    for name in COMMANDS:
        parser = argparse.ArgumentParser(prog=name)
        importlib.import_module(f'cnn_bench.cli.{name}').add_arguments(parser)
        found |= {f'{command} {action.option_strings[-1:]}': action for command, action in _options(parser)}
    return found


OPTIONS = _all()


def test_all_numbers_go_through_the_types_of_one_module():
    assert len(OPTIONS) >= 18
    assert not [name for name, action in OPTIONS.items() if action.type in (int, float)]


def _converted(convert: Callable, text: str) -> list[float] | str:
    """The numbers that `text` becomes, or how it is refused."""
    try:
        values = convert(text)
    except argparse.ArgumentTypeError as error:
        return str(error)
    return values if isinstance(values, list) else [values]


@pytest.mark.parametrize('name', OPTIONS)
def test_nonsense_is_refused_or_a_number_in_range(name):
    answers = [_converted(OPTIONS[name].type, text) for text in TEXTS]
    refusals = [answer for answer in answers if isinstance(answer, str)]
    assert len(refusals) >= len(TEXTS) - 4  # all but 0, 1, 1.5 and 1_0
    assert max(map(len, refusals)) < 120
    for answer in answers:
        if isinstance(answer, list):
            assert all(0 <= value <= 10**9 for value in answer)


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        (['cost', 'lenet5', '--size', '9' * 24], 'cost: argument --size'),
        (['cost', 'lenet5', '--width', 'inf'], 'a number above 0 and at most 1,000,000,000'),
        (['sweep', 'e.py', '--memory-limit', 'nan'], 'sweep: argument --memory-limit'),
        (['sweep', 'e.py', '--seeds', '100000000'], 'at least 1 and at most 1,000'),
        (['train', '--config', 'r.py', '--workdir', 'w', '--coordinator', 'host:99999'], 'a port from 1 to 65535'),
        (['retrieve', '--workdir', 'w', '--dataset', 'd', '--k', '1,,2'], 'retrieve: argument --k'),
        (['train', '--config', 'a\0b.py', '--workdir', 'w'], 'NUL'),
    ],
)
def test_the_line_names_the_option(arguments, said, capsys):
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert said in err
    assert len(err.splitlines()) == 1
