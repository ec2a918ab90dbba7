"""What the page says of a part of a chart when it is pointed at."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Hover:
    """Of the part of a drawn chart with the SVG id `gid`, and of its label with the id `text` (empty: it has none).

    `details` are pairs of name and value. `label` is that of a row of the summary, where it stands for one.
    """

    gid: str
    text: str
    label: str
    details: tuple[tuple[str, str], ...]
    kind: Literal['point', 'line', 'cell'] = 'point'
