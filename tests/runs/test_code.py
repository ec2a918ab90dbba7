"""The record of the code that made a run: which files count, what differs, and a patch that git applies."""

import hashlib
import subprocess

import pytest

from cnn_bench.runs import code
from cnn_bench.training.provenance import code_of


@pytest.fixture
def package(tmp_path):
    """A package `pack` in which a imports b, b imports sub.c, and d is by itself."""
    files = {
        '__init__.py': '',
        'a.py': 'import os\nfrom pack import b\n',
        'b.py': 'def later():\n    from pack.sub.c import x\n    return x\n',
        'd.py': 'import pack.a\n',
        'sub/__init__.py': '',
        'sub/c.py': 'x = 1\n',
    }
    for name, text in files.items():
        path = tmp_path / 'pack' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / 'pack'


def test_modules_are_those_that_are_imported_in_turn(package):
    found = code.modules(['a'], package)
    assert list(found) == ['pack/__init__.py', 'pack/a.py', 'pack/b.py', 'pack/sub/__init__.py', 'pack/sub/c.py']
    assert found['pack/sub/c.py'] == hashlib.sha256(b'x = 1\n').hexdigest()[:12]
    (package / 'd.py').write_text('y = 2\n')
    assert code.modules(['a'], package) == found
    (package / 'sub' / 'c.py').write_text('x = 2\n')
    assert code.changed({'modules': found}, {'modules': code.modules(['a'], package)}) == ['pack/sub/c.py']


def test_another_network_is_no_other_code():
    resnet, vgg = (set(code_of(arch)['modules']) for arch in ('resnet18', 'vgg16'))
    assert 'cnn_bench/models/resnet.py' in resnet - vgg
    assert 'cnn_bench/models/vgg.py' in vgg - resnet
    assert {'cnn_bench/training/step.py', 'cnn_bench/models/blocks.py', 'cnn_bench/data/augment.py'} <= resnet & vgg
    assert not [
        name
        for name in resnet
        if name.startswith(('cnn_bench/report', 'cnn_bench/analysis', 'cnn_bench/cli', 'cnn_bench/lecture'))
    ]


def test_a_file_that_only_moved_has_not_changed():
    then, now = {'network': {'/a/net.py': '1'}}, {'network': {'/b/net.py': '1'}}
    assert code.changed(then, now) == []
    assert code.changed(then, {'network': {'/b/net.py': '2'}}) == ['/b/net.py']
    assert code.changed({}, now) == []  # a record of an earlier version
    assert code.changed({'recipe': {'r.py': '1'}}, {'recipe': {'r.py': '2'}}) == []
    assert code.changed({'recipe': {'r.py': '1'}}, {'recipe': {'r.py': '2'}}, ('recipe',)) == ['r.py']


def test_git_makes_the_dirty_tree_again_from_the_patch(package):
    def git(*arguments: str, at=package.parent) -> None:
        identity = ('-c', 'user.name=x', '-c', 'user.email=x')
        subprocess.run(['git', '-C', str(at), *identity, *arguments], check=True, capture_output=True)

    git('init')
    git('add', '.')
    git('commit', '-m', 'x')
    assert code.patch(package) == ''
    git('clone', '.', 'clone')
    (package / 'a.py').write_bytes(b'x = "\xc3\xa4"\r\n')
    (package / 'b.py').unlink()
    (package / 'new one.py').write_text('y = 1')
    (package.parent / 'patch').write_text(code.patch(package), newline='')
    git('apply', str(package.parent / 'patch'), at=package.parent / 'clone')
    there = {p.relative_to(package.parent / 'clone'): p.read_bytes() for p in package.parent.glob('clone/pack/**/*.py')}
    assert there == {p.relative_to(package.parent): p.read_bytes() for p in package.rglob('*.py')}
    assert code.patch(package.parent.parent) == ''  # no repository
