"""How every chart looks: colours, shapes, fonts, sizes and the titles above it."""

import bisect
import math

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cnn_bench.report.format import one_line
from cnn_bench.report.lineage import LINEAGES, OTHER

# Role -> (light, dark). Each light colour occurs once, so that the page can exchange it for a CSS variable.
THEME = {
    'ink': ('#1f2328', '#e6edf3'),
    'muted': ('#59636e', '#9da7b1'),
    'leader': ('#8b949e', '#77818b'),
    'grid': ('#e7eaee', '#2b3138'),
    'card': ('#ffffff', '#161b22'),
    # Okabe and Ito 2008, without their yellow, which is too faint on white, and grey for their black.
    'blue': ('#0072b2', '#4ba3e3'),
    'vermilion': ('#d55e00', '#f0813a'),
    'green': ('#009e73', '#2fbf96'),
    'purple': ('#cc79a7', '#dd9cc1'),
    'orange': ('#e69f00', '#f0b73d'),
    'sky': ('#56b4e9', '#92d1f6'),
    'grey': ('#5c5c5c', '#b3b9bf'),
}
INK, MUTED, LEADER, GRID, CARD = (THEME[role][0] for role in ('ink', 'muted', 'leader', 'grid', 'card'))
BLUE = THEME['blue'][0]
COLOURS = tuple(light for light, _ in list(THEME.values())[5:])

Shape = str | tuple[int, int, int]
# (3, 0, angle) is matplotlib's triangle about its centroid; '^' and its kin are off centre. The numbers of colours
# and of shapes have no common divisor: 77 families before a pair comes back.
SHAPES: tuple[Shape, ...] = ('o', 's', (3, 0, 0), 'D', (3, 0, 180), 'p', (3, 0, 90), (3, 0, 270), 'P', 'X', '*')
# Lineage -> its colour and the shape of its first family: the six hues and two greys, and a faint grey for others.
LOOKS: dict[str, tuple[str, Shape]] = {
    lineage: (THEME[role][0], shape)
    for lineage, role, shape in zip(
        (*LINEAGES, OTHER),
        ('grey', 'purple', 'green', 'orange', 'blue', 'sky', 'vermilion', 'ink', 'leader'),
        SHAPES,
        strict=False,
    )
}

SEED = {'s': 9.0, 'marker': 'o', 'facecolor': INK, 'edgecolor': CARD, 'linewidth': 0.6}  # the dot of a single seed
STYLE = {
    'font.family': 'DejaVu Sans',  # comes with matplotlib: the same chart on every machine
    'font.size': 9,
    'axes.edgecolor': LEADER,
    'axes.facecolor': CARD,
    'axes.labelcolor': INK,
    'axes.linewidth': 0.8,
    'figure.dpi': 100,
    'figure.facecolor': CARD,
    'grid.color': GRID,
    'grid.linewidth': 0.8,
    'pdf.fonttype': 42,  # text stays text
    'svg.fonttype': 'path',  # labels keep the extent they were placed with
    'svg.hashsalt': 'cnn_bench',
    'text.color': INK,
    'text.hinting': 'none',
    'text.parse_math': False,
    'xtick.color': LEADER,
    'xtick.labelcolor': MUTED,
    'ytick.color': LEADER,
    'ytick.labelcolor': MUTED,
}
PNG_DPI = 200
LABEL_SIZE, TITLE_SIZE = 8.5, 12
BOLD = 1.15  # width of bold text, as a multiple of the same in plain type
LONGEST_LABEL, WIDEST_LABEL = 40, 4.0  # characters, inches; the page and the tables show all of a label
_NARROWEST = 0.25  # letter that text is made of, as a share of the font size
WIDTH, TOP, BOTTOM, MARGIN = 10.5, 0.72, 0.62, 0.15  # inches


def blank(size: tuple[float, float]) -> Figure:
    """An empty figure with a canvas, so that text can be measured; size in inches."""
    figure = Figure(figsize=size)
    FigureCanvasAgg(figure)
    return figure


def add_titles(figure: Figure, title: str, subtitle: str, left: float = MARGIN) -> None:
    """Add title and subtitle to a figure of final size, `left` inches from its edge."""
    wide, high = figure.get_size_inches()
    room = wide - left - MARGIN
    title, subtitle = fit(title, room / BOLD, TITLE_SIZE), fit(subtitle, room, STYLE['font.size'])
    place = {'x': left / wide, 'ha': 'left', 'va': 'top'}
    figure.text(y=1 - 0.14 / high, s=title, fontsize=TITLE_SIZE, fontweight='bold', **place)
    figure.text(y=1 - 0.42 / high, s=subtitle, color=MUTED, **place)


def text_width(texts: list[str], fontsize: float = LABEL_SIZE) -> float:
    """The width in inches of the widest of `texts`."""
    with matplotlib.rc_context(STYLE):
        figure = blank((1, 1))
        drawn = [figure.text(0, 0, text, fontsize=fontsize).get_window_extent().width for text in texts]
    return max(drawn, default=0) / STYLE['figure.dpi']


def ticks(low: float, high: float, most: int, **options) -> list[float]:
    """Round numbers from `low` to `high`, none beyond: matplotlib would keep invisible labels for those."""
    return [
        tick for tick in MaxNLocator(most, steps=[1, 2, 5, 10], **options).tick_values(low, high) if low <= tick <= high
    ]


def log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten, and 3 or 2 and 5 times them where they fit; even steps over a narrow range."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for mantissas in ((1, 2, 5), (1, 3), (1,)):
        found = [m * 10.0**k for k in powers for m in mantissas if low <= m * 10.0**k <= high]
        if len(found) <= 9:
            break
    return found if len(found) >= 3 else ticks(low, high, most=6)


def shorten(label: str) -> str:
    """`label`, cut to a length that fits into a chart."""
    return fit(_cut(one_line(label), LONGEST_LABEL), WIDEST_LABEL)


def fit(text: str, inches: float, fontsize: float = LABEL_SIZE) -> str:
    """`text` in one line, cut so that it is at most `inches` wide."""
    text, most = one_line(text), int(inches / (_NARROWEST * fontsize / 72))
    if text.isascii() and len(text) * fontsize / 72 <= inches:  # no letter is wider than the font is high
        return text
    text = _cut(text, most)
    if text_width([text], fontsize) <= inches:
        return text
    too_wide = bisect.bisect_right(range(len(text)), inches, key=lambda n: text_width([_cut(text, n)], fontsize))
    return _cut(text, max(1, too_wide - 1))


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f'{text[: max(0, length - 1)].rstrip()}…'
