"""What every chart has: names and texts as plain data, from which its files and its place on the page are made."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ChartSpec:
    """A chart before it is drawn. `name` is that of its files, `caption` explains the marks."""

    name: str
    title: str
    subtitle: str = ''
    caption: str

    @property
    def alt_text(self) -> str:
        """The chart in a sentence, for readers who can't see it."""
        raise NotImplementedError
