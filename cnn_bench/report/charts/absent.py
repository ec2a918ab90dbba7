"""What stands in the place of a chart that the data do not allow: its titles, and why it is not drawn."""

import textwrap
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cnn_bench.report.charts.spec import ChartSpec
from cnn_bench.report.charts.style import LEADER, MARGIN, MUTED, add_titles, blank, current

_HIGH = 1.6  # inches, of the panel
_LETTER = 0.085  # inches, of a letter at most


@dataclass(frozen=True, kw_only=True)
class Absent(ChartSpec):
    """A chart that is not drawn. `why` says it in a sentence."""

    why: str

    @property
    def alt_text(self) -> str:
        return f'{self.title}: not drawn, {self.why}'


def draw(chart: Absent) -> Figure:
    """The figure: an empty panel with the reason."""
    wide, high = current().width, current().top + _HIGH + MARGIN
    figure = blank((wide, high))
    axes = figure.add_axes((MARGIN / wide, MARGIN / high, 1 - 2 * MARGIN / wide, _HIGH / high))
    add_titles(figure, chart.title, chart.subtitle)
    say(axes, chart.why, wide - 2 * MARGIN)
    return figure


def say(axes: Axes, why: str, wide: float) -> None:
    """Make of `axes`, `wide` inches, a panel that says why nothing is drawn in it."""
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(visible=True, linestyle=(0, (4, 3)), color=LEADER)
    text = textwrap.fill(why, max(20, int(0.9 * wide / _LETTER)))
    axes.text(0.5, 0.5, text, ha='center', va='center', color=MUTED, transform=axes.transAxes, gid='why')
