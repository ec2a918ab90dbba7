"""The errors that a user can mend or must know of: one clear line, and the exit status that goes with it."""

import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches

_BREAKING = ('Cc', 'Cs', 'Zl', 'Zp')  # control characters, bytes that are not UTF-8, separators of lines, of paragraphs


class UserError(Exception):
    """Bad input. The message says in one line what was wrong, where, and what is allowed. Exit status 2."""

    exit_status = 2

    def __init__(self, message: str):
        super().__init__(printable(message))  # it may quote a file, a name or another error


class RunFailed(UserError):
    """The input was good but the work did not succeed: a run diverged, a trial of a sweep failed. Exit status 1."""

    exit_status = 1


class Stopped(Exception):
    """A signal asked the work to stop; it did, with all of it kept. Exit status 75: a scheduler may start it again."""

    exit_status = 75


def printable(text: object) -> str:
    """`text` on one line and safe for a terminal: control characters, and bytes that are not text, as escapes."""
    breaks = (unicodedata.category(c) in _BREAKING for c in str(text))
    return ''.join(c.encode('unicode_escape').decode() if b else c for c, b in zip(str(text), breaks, strict=True))


def unknown(kind: str, name: str, allowed: Iterable[str]) -> UserError:
    """The error for a `name` that is not among the `allowed` ones of its `kind`, with its nearest matches."""
    allowed = sorted(allowed)
    near = get_close_matches(name, allowed, n=3, cutoff=0.5)
    hint = f'did you mean {" or ".join(near)}?' if near else f'known: {", ".join(allowed) or "none"}'
    return UserError(f'unknown {kind} {name!r}; {hint}')
