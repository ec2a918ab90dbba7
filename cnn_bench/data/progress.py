"""How long work says how far it is: a function passes items on and shows that they pass."""

from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar('T')
# (items, description, number of items or None) -> the same items
Track = Callable[[Iterable[T], str, int | None], Iterable[T]]


def untracked(items: Iterable[T], description: str, total: int | None) -> Iterable[T]:
    """The items, without showing progress."""
    return items
