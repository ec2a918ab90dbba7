"""Text from users, such as the names of classes and runs, which has to be one line."""

from cnn_bench.errors import UserError, printable


def is_one_line(text: str) -> bool:
    """Whether `text` is one line of UTF-8 without control characters: tables, files and messages can hold it."""
    return printable(text) == text


def check_one_line(what: str, text: str) -> None:
    """Raise UserError unless `is_one_line`; `what` says in the message what the text is."""
    if not is_one_line(text):
        raise UserError(f'{what} {text!r} is not one line of UTF-8 text without control characters')
