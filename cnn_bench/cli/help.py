"""The argument parser of all commands: errors are one line, and help fits the terminal."""

import argparse
import re
import textwrap

from cnn_bench.cli.output import wrapped
from cnn_bench.errors import UserError

_EXAMPLE = re.compile(' +cnn-bench ')
_LEAD = re.compile(r' *(?:\S+ {2,}|- )?')  # of a line that stands for itself: its indent, and a word set apart


class Help(argparse.ArgumentDefaultsHelpFormatter):
    """Help whose prose is wrapped to the terminal, and whose other lines stay lines; with defaults other than None.

    Lines that begin with a space stand for themselves: examples, which are broken by backslashes, and lists.
    """

    def _get_help_string(self, action: argparse.Action) -> str:
        shown = action.default not in (None, False) and 'default' not in (action.help or '')
        return super()._get_help_string(action) if shown else action.help

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        paragraphs = (_filled(paragraph, width - len(indent)) for paragraph in text.strip('\n').split('\n\n'))
        return textwrap.indent('\n\n'.join(paragraphs), indent)


class Parser(argparse.ArgumentParser):
    """An argument parser with `Help`, whose errors are one line, as all others are."""

    def __init__(self, *, formatter_class: type = Help, **settings):
        super().__init__(formatter_class=formatter_class, **settings)

    def error(self, message: str):
        raise UserError(f'{self.prog.removeprefix("cnn-bench ")}: {message}')


def _filled(paragraph: str, width: int) -> str:
    """`paragraph` in lines of at most `width` characters; lines that begin with a space are not joined."""
    lines: list[str] = []
    for line in paragraph.splitlines():
        if not line.startswith(' ') and lines and not lines[-1].startswith(' '):
            lines[-1] += f' {line}'
        else:
            lines.append(line)
    narrow = max(map(len, lines)) > width
    return '\n'.join(_command(line, width, narrow) if _EXAMPLE.match(line) else _hanging(line, width) for line in lines)


def _hanging(line: str, width: int) -> str:
    return wrapped(line, width, ' ' * len(_LEAD.match(line)[0]))


def _command(line: str, width: int, narrow: bool) -> str:
    """An example, and where the terminal is `narrow` what it does on the next line."""
    command, _, words = line.partition('   ')
    if not words or not narrow:
        return wrapped(line, width - 2, '    ').replace('\n', ' \\\n') if narrow else line
    return f'{_command(command, width, narrow)}\n{wrapped(f"      {words.strip()}", width, " " * 6)}'
