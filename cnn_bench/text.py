"""Text from users, such as the names of classes, runs and files: refused where it is not one line, or shown escaped."""

import unicodedata

from cnn_bench.errors import UserError

_BREAKING = ('Cc', 'Cs', 'Zl', 'Zp')  # control characters, bytes that are not UTF-8, separators of lines, of paragraphs


def is_one_line(text: str) -> bool:
    """Whether `text` is one line of UTF-8 without control characters: tables, files and messages can hold it."""
    return not any(unicodedata.category(character) in _BREAKING for character in text)


def check_one_line(what: str, text: str) -> None:
    """Raise UserError unless `is_one_line`; `what` says in the message what the text is."""
    if not is_one_line(text):
        raise UserError(f'{what} {text!r} is not one line of UTF-8 text without control characters')


def printable(text: str) -> str:
    """`text` on one line: control characters, and bytes that are not UTF-8, as escapes."""
    return ''.join(c if is_one_line(c) else c.encode('unicode_escape').decode() for c in text)
