"""The command itself: help, speed of start-up by what it imports, and what is on the command line."""

import subprocess
import sys

import pytest

from cnn_bench.cli import COMMANDS, main


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit) as stop:
        main(['--help'])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert all(command in text for command in COMMANDS)


@pytest.mark.parametrize('command', COMMANDS)
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command, '--help'])
    assert stop.value.code == 0
    assert f'cnn-bench {command}' in capsys.readouterr().out


@pytest.mark.parametrize('arguments', [['--help'], ['list'], *[[command, '--help'] for command in COMMANDS]])
def test_help_and_list_import_nothing_heavy(arguments):
    code = (
        'import sys\nfrom cnn_bench.cli import main\n'
        f'try:\n    main({arguments!r})\nexcept SystemExit:\n    pass\n'
        "heavy = {'jax', 'flax', 'pandas', 'matplotlib', 'tensorflow_datasets', 'orbax'} & set(sys.modules)\n"
        'sys.exit(f"imported {heavy}" if heavy else 0)'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize('command', [name for name in COMMANDS if name != 'predict'])  # which takes any file name
def test_arguments_that_are_not_text_are_one_line(command, capsys):
    assert main([command, '/no/such/\udcff\n']) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert r'\udcff' in line
