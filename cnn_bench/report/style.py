"""How every chart looks: fonts, colours, sizes, the title above it."""

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cnn_bench.report import marks

STYLE = {
    'font.family': 'DejaVu Sans',  # comes with matplotlib: the same chart on every machine
    'font.size': 9,
    'axes.edgecolor': marks.LEADER,
    'axes.facecolor': marks.CARD,
    'axes.labelcolor': marks.INK,
    'axes.linewidth': 0.8,
    'figure.dpi': 100,
    'figure.facecolor': marks.CARD,
    'grid.color': marks.GRID,
    'grid.linewidth': 0.8,
    'pdf.fonttype': 42,  # text stays text
    'svg.fonttype': 'path',  # labels keep the extent they were placed with
    'svg.hashsalt': 'cnn_bench',
    'text.color': marks.INK,
    'text.hinting': 'none',
    'text.parse_math': False,
    'xtick.color': marks.LEADER,
    'xtick.labelcolor': marks.MUTED,
    'ytick.color': marks.LEADER,
    'ytick.labelcolor': marks.MUTED,
}
PNG_DPI = 200
LABEL_SIZE = 8.5
LONGEST_LABEL = 40  # characters; the page and the tables have the whole
WIDTH, TOP, BOTTOM, MARGIN = 10.5, 0.72, 0.62, 0.15  # inches


def blank(size: tuple[float, float]) -> Figure:
    """An empty figure of a size in inches, on which text can be measured."""
    figure = Figure(figsize=size)
    FigureCanvasAgg(figure)
    return figure


def add_titles(figure: Figure, title: str, subtitle: str, left: float = MARGIN) -> None:
    """Put the titles above a figure that has its final size, `left` inches from its edge."""
    wide, high = figure.get_size_inches()
    place = {'x': left / wide, 'ha': 'left', 'va': 'top'}
    figure.text(y=1 - 0.14 / high, s=title, fontsize=12, fontweight='bold', **place)
    figure.text(y=1 - 0.42 / high, s=subtitle, color=marks.MUTED, **place)


def text_width(texts: list[str], fontsize: float = LABEL_SIZE) -> float:
    """The width in inches of the widest of `texts`."""
    with matplotlib.rc_context(STYLE):
        figure = blank((1, 1))
        drawn = [figure.text(0, 0, text, fontsize=fontsize).get_window_extent().width for text in texts]
    return max(drawn, default=0) / STYLE['figure.dpi']


def ticks(low: float, high: float, most: int, **options) -> list[float]:
    """Round numbers from `low` to `high`: none beyond, whose labels would be there and yet not be drawn."""
    return [
        tick for tick in MaxNLocator(most, steps=[1, 2, 5, 10], **options).tick_values(low, high) if low <= tick <= high
    ]


def shorten(label: str) -> str:
    """A label of a length that a chart has room for."""
    return label if len(label) <= LONGEST_LABEL else f'{label[: LONGEST_LABEL - 1].rstrip()}…'
