"""The chart of one number per network: bars in the order given, one colour per group of networks."""

from collections.abc import Mapping
from dataclasses import dataclass

import matplotlib
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from cnn_bench.report.charts import rows
from cnn_bench.report.charts.spec import ChartSpec
from cnn_bench.report.charts.style import LABEL_SIZE, MARGIN, STYLE, WIDTH, Shape

_LEGEND = 0.34  # inches


@dataclass(frozen=True)
class Bar:
    """A network, its group, its number, and the text behind its bar."""

    label: str
    group: str
    value: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Bars(ChartSpec):
    """A bar per network. `looks` are colour and shape of each group, in the order of the legend."""

    x_label: str
    bars: tuple[Bar, ...]
    looks: Mapping[str, tuple[str, Shape]]

    @property
    def alt_text(self) -> str:
        return f'{self.title}: a bar per network'


@matplotlib.rc_context(STYLE)
def draw(chart: Bars) -> Figure:
    """The figure, with gid `point-<i>` and `label-<i>` on bar i and its name; axes from 0, so that lengths compare."""
    limits = 0.0, rows.around([bar.value for bar in chart.bars])[1]
    labels, texts = [bar.label for bar in chart.bars], [bar.text for bar in chart.bars]
    figure, axes = rows.frame((chart.title, chart.subtitle), labels, texts, limits, chart.x_label, _LEGEND)
    colours = [chart.looks[bar.group][0] for bar in chart.bars]
    for i, drawn in enumerate(axes.barh(range(len(labels)), [bar.value for bar in chart.bars], 0.7, color=colours)):
        drawn.set_gid(f'point-{i}')
    there = {bar.group for bar in chart.bars}
    handles = [Patch(facecolor=colour, label=name) for name, (colour, _) in chart.looks.items() if name in there]
    place = {'loc': 'lower left', 'bbox_to_anchor': (MARGIN / WIDTH, 0), 'borderaxespad': 0.5}
    figure.legend(handles=handles, ncols=len(handles), frameon=False, fontsize=LABEL_SIZE, handlelength=1.2, **place)
    return figure
