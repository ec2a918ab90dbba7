"""What every chart has: names and texts as plain data, from which its files and its place on the page are made."""

from dataclasses import dataclass
from typing import Literal

Details = tuple[tuple[str, str], ...]  # pairs of name and value


@dataclass(frozen=True)
class Hover:
    """What the page shows beside a part of a chart when a reader points at it.

    `gid` is the SVG id of the part, `text` that of its label ('': it has none), `label` the label of its row in the
    summary, where it stands for one.
    """

    gid: str
    text: str
    label: str
    details: Details
    kind: Literal['point', 'line', 'cell'] = 'point'


@dataclass(frozen=True, kw_only=True)
class ChartSpec:
    """A chart before it is drawn. `name` is that of its files, `caption` explains the marks."""

    name: str
    title: str
    subtitle: str = ''
    caption: str

    @property
    def hovers(self) -> tuple[Hover, ...]:
        """A Hover for each part that a reader can point at."""
        raise NotImplementedError

    @property
    def alt_text(self) -> str:
        """The chart in a sentence, for readers who can't see it."""
        raise NotImplementedError


def known(*details: tuple[str, str]) -> Details:
    """The details that have a value."""
    return tuple((name, value) for name, value in details if value)
