"""Networks outside the package: found, built and counted by their place, and refused in one line."""

import datetime
import sys

import pytest
from own_network import MACS, NETWORK, PARAMS

from cnn_bench.cli import main
from cnn_bench.errors import UserError
from cnn_bench.models import registry
from cnn_bench.models.registry import Arch


@pytest.fixture
def file(tmp_path, monkeypatch):
    """mynet.py in the current directory."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / 'mynet.py'
    path.write_text(NETWORK)
    return path


def test_its_line_for_the_registry_holds_hand_computed_counts(file, capsys):
    assert main(['cost', 'mynet.py:MyNet']) == 0
    line = capsys.readouterr().err.splitlines()[-1]
    ((name, arch),) = eval(f'{{{line}}}', {'Arch': Arch}).items()
    year = datetime.date.today().year
    assert (name, arch) == ('mynet', Arch('mynet:MyNet', year, 28, PARAMS, MACS, channels=1, num_classes=10))
    file.write_text(f'{NETWORK}\nYEAR, FAMILY = 2025, "ours"\n')
    assert main(['cost', 'mynet.py:MyNet', '--size', '56', '--classes', '5']) == 0
    line = capsys.readouterr().err.splitlines()[-1]
    ((_, arch),) = eval(f'{{{line}}}', {'Arch': Arch}).items()
    assert (arch.year, arch.family, arch.size, arch.num_classes) == (2025, 'ours', 56, 5)
    assert arch.params == PARAMS - 9 * 5
    assert arch.macs == 4 * (MACS - 80) + 8 * 5


def test_a_class_is_the_same_as_long_as_its_file_does_not_change(file):
    one, other = registry.build('mynet.py:MyNet', width=0.5), registry.build(f'{file}:MyNet', width=0.5)
    assert one == other
    assert hash(one) == hash(other)
    assert registry.build('mynet.py:Deep').depth == 3
    file.write_text(NETWORK.replace('depth: int = 2', 'depth: int = 4'))
    assert registry.build('mynet.py:MyNet').depth == 4


def test_in_a_package_and_with_annotations_as_text(file, tmp_path, monkeypatch):
    package = tmp_path / 'nets_of_this_test'
    package.mkdir()
    (package / 'small.py').write_text(f'from __future__ import annotations\n{NETWORK}')
    monkeypatch.syspath_prepend(tmp_path)
    module = registry.build('nets_of_this_test.small:MyNet', depth=1, bn_axis=None)
    assert module.depth == 1
    assert registry.get('nets_of_this_test.small:MyNet').family == 'small'
    with pytest.raises(UserError, match=r"depth of .* must be of type int, not 'x'"):
        registry.build('nets_of_this_test.small:MyNet', depth='x')
    del sys.modules['nets_of_this_test.small']


def test_the_registry_does_not_know_of_it(file):
    registry.build('mynet.py:MyNet')
    assert not [name for name in registry.names() if ':' in name]


@pytest.mark.parametrize(
    ('arch', 'added', 'said'),
    [
        ('mynet.py', '', 'name the network in that file too: mynet.py:MyNet'),
        ('mynett.py:MyNet', '', 'unknown network .*did you mean .*mynet.py'),
        ('mynet.py:MyNett', '', "unknown network of .*mynet.py 'MyNett'; did you mean MyNet"),
        ('mynet.py:x', 'x = 3', 'is of type int; a network is a class that derives from .*Classifier'),
        ('mynet.py:x', 'x = partial(print)', 'is a functools.partial of <built-in function print>'),
        (
            'mynet.py:X',
            'class X(nn.Module):\n  width: float = 1.0',
            'lacks the fields num_classes, stem, dtype, bn_axis;',
        ),
        ('mynet.py:X', 'class X(Classifier): pass', r'lacks the method features\(x, train=False\)'),
        ('mynet.py:MyNet', 'YEAR = "new"', "YEAR of .*mynet.py is 'new'; it must be a whole number from 1900"),
        ('mynet.py:MyNet', 'FAMILY = 1', 'FAMILY of .* is 1; it must be a line of text'),
        ('mynet.py:MyNet', 'import nothing_of_that_name', 'does not load: No module named'),
        ('no_such_package.net:MyNet', '', 'cannot be imported: ModuleNotFoundError'),
        ('not a place:MyNet', '', 'is no network; write path/to/file.py:Name, or package.module:Name'),
    ],
)
def test_what_is_no_network_gets_one_line(file, arch, added, said):
    file.write_text(f'{NETWORK}\n{added}\n')
    with pytest.raises(UserError, match=said) as error:
        registry.build(arch)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    ('old', 'new', 'said'),
    [
        ('return x', 'return x.no_such_attribute', 'cannot take images of 28x28x1: AttributeError'),
        ('return x', 'assert not train; return x', 'cannot train on images of 28x28x1: AssertionError'),
        ('return x', 'return x[0]', r'must give \(2, 10\), a logit per image and class|cannot take images'),
    ],
)
def test_what_its_code_raises_gets_one_line(file, old, new, said):
    file.write_text(NETWORK.replace(old, new))
    with pytest.raises(UserError, match=said) as error:
        registry.check_runs('mynet.py:MyNet', registry.build('mynet.py:MyNet'), (28, 28, 1))
    assert '\n' not in str(error.value)
