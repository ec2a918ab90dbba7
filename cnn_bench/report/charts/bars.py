"""The chart of one number per network: bars in the order given, one colour per lineage of networks."""

from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cnn_bench.analysis.lineage import of_family
from cnn_bench.report.charts import rows
from cnn_bench.report.charts.spec import ChartSpec
from cnn_bench.report.charts.style import SEED, looks


@dataclass(frozen=True)
class Bar:
    """A network, its family, its number, the text behind its bar, and the numbers of its seeds where it has several."""

    label: str
    family: str
    value: float
    text: str
    seeds: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Bars(ChartSpec):
    """A bar per network."""

    x_label: str
    bars: tuple[Bar, ...]

    @property
    def alt_text(self) -> str:
        return f'{self.title}: a bar per network'


def draw(chart: Bars) -> Figure:
    """The figure, with gid `point-<i>` and `label-<i>` on bar i and its name; axes from 0, so that lengths compare."""
    found = looks([bar.family for bar in chart.bars])
    several = len(set(map(of_family, found))) > 1
    colours = {of_family(name) if several else name: colour for name, (colour, _) in found.items()}
    entries = [(name, Line2D([], [], ls='', marker='s', ms=7, color=colour)) for name, colour in colours.items()]
    limits = 0.0, rows.around([bar.value for bar in chart.bars])[1]
    labels, texts = [bar.label for bar in chart.bars], [bar.text for bar in chart.bars]
    groups = [(None, entries, 0.5)] if len(entries) > 1 else []
    figure, axes = rows.frame((chart.title, chart.subtitle), labels, texts, limits, chart.x_label, groups)
    own = [found[bar.family][0] for bar in chart.bars]
    for i, drawn in enumerate(axes.barh(range(len(labels)), [bar.value for bar in chart.bars], 0.7, color=own)):
        drawn.set_gid(f'point-{i}')
        seeds = chart.bars[i].seeds
        axes.scatter(seeds, [i] * len(seeds), gid=f'seeds-{i}', zorder=3, **SEED)
    return figure
