"""Files that are no recipe, terminals that lack characters, devices that are not there: one line each."""

import argparse
import io
import sys

import jax
import pytest

from cnn_bench.cli import main, output
from cnn_bench.errors import UserError, printable
from cnn_bench.runtime.backend import explained

FILES = {
    'words.txt': (b'hello', 'is no Python file'),
    'bytes.bin': (bytes(range(256)), 'is no Python file'),
    'bytes.py': (bytes(range(128, 256)), 'does not load: SyntaxError'),
    'nul.py': (b'a\0b', 'does not load: SyntaxError'),
    'half.py': (b'def get_config(:', 'does not load: SyntaxError'),
    'leaves.py': (b'import sys; sys.exit(0)', 'does not load: SystemExit'),
    'odd.py': (b'raise ValueError("a\\nb\\x1b[31m")', r'ValueError: a\nb\x1b[31m'),
    'folder.py': (None, 'did you mean'),
    'none.py': (b'', "has no attribute 'get_config'"),
}


def _one_line(capsys, *arguments):
    assert main(list(map(str, arguments))) == 2
    out, err = capsys.readouterr()
    assert len(err.splitlines()) == 1
    assert err.startswith('cnn-bench: error: ')
    assert out == ''
    return err


@pytest.mark.parametrize('name', FILES)
def test_files_that_are_no_recipe_and_no_experiment(name, tmp_path, capsys):
    content, said = FILES[name]
    (tmp_path / 'near.py').write_text('')
    if content is None:
        (tmp_path / name).mkdir()
    else:
        (tmp_path / name).write_bytes(content)
    line = _one_line(capsys, 'train', '--config', tmp_path / name, '--workdir', tmp_path / 'run')
    assert said in line
    assert not (tmp_path / 'run').exists()
    line = _one_line(capsys, 'sweep', tmp_path / name, '--out', tmp_path / 'sweep')
    assert said in line or 'lacks QUESTION' in line
    assert 'mean' not in line or 'near.py' in line
    assert not (tmp_path / 'sweep').exists()


def test_a_terminal_that_has_only_ascii(monkeypatch, capsys):
    """All commands print to the stream that `main` has prepared."""
    raw = io.BytesIO()
    monkeypatch.setattr(sys, 'stdout', io.TextIOWrapper(raw, encoding='ascii'))
    for arguments in (['list'], ['list', '--json'], ['cost', 'lenet5', '--layers'], ['data', 'list']):
        assert main(arguments) == 0
    output.print_line('Größe \udcff')
    sys.stdout.flush()
    text = raw.getvalue().decode('ascii')
    assert 'lenet5' in text
    assert r'Gr\xf6\xdfe \udcff' in text


def test_names_reach_no_terminal_raw(capsys):
    name = 'a\x1b[31m\n\udc80b'
    assert printable(name) == r'a\x1b[31m\n\udc80b'
    assert str(UserError(name)) == printable(name)
    output.print_line(name)
    columns, rows = [output.Column('name')], [{'name': name}]
    output.print_table(columns, rows, argparse.Namespace(columns=None, wide=False), title=name)
    output.print_markdown(columns, rows)
    assert '\x1b' not in capsys.readouterr().out


@pytest.mark.parametrize('cause', [RuntimeError("Unable to initialize backend 'tpu': no libtpu"), AssertionError()])
def test_devices_that_are_not_there(cause, monkeypatch):
    def raises():
        raise cause

    assert explained(cause) is cause  # this machine has what JAX_PLATFORMS asks for
    monkeypatch.setenv('JAX_PLATFORMS', 'tpu')
    monkeypatch.setattr(jax, 'local_devices', raises)
    error = explained(cause)
    assert isinstance(error, UserError)
    assert str(error).startswith("JAX_PLATFORMS is 'tpu': ")
    assert explained(ValueError('x')).args == ('x',)
