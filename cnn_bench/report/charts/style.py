"""How every chart looks: colours, shapes, fonts, sizes and the titles above it."""

import bisect
import contextlib
import math
from collections.abc import Iterable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache

import matplotlib
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cnn_bench.analysis.lineage import FAMILIES, LINEAGES, OTHER, of_family
from cnn_bench.errors import UserError, unknown
from cnn_bench.format import one_line

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
# and of shapes have no common divisor: 119 families before a pair comes back.
SHAPES: tuple[Shape, ...] = (
    *('o', 's', (3, 0, 0), 'D', (3, 0, 180), 'p', (3, 0, 90), (3, 0, 270), 'P', 'X', '*'),
    *('h', 'd', (4, 1, 45), (3, 1, 0), (3, 1, 180), '8'),
)
# Lineage -> its colour: six hues and two greys, and a faint grey for others.
HUES = dict(
    zip(
        (*LINEAGES, OTHER),
        (THEME[role][0] for role in 'grey purple green orange blue sky vermilion ink leader'.split()),
        strict=True,
    )
)

SEED = {'s': 9.0, 'marker': 'o', 'facecolor': INK, 'edgecolor': CARD, 'linewidth': 0.6}  # the dot of a single seed
FONT = 'DejaVu Sans'
# Fonts with Chinese, Japanese and Korean, one of which stands in for letters that FONT lacks, where it is there.
_WIDE_FONTS = (
    'Noto Sans CJK|Noto Sans JP|Source Han Sans|WenQuanYi|IPAexGothic|IPAGothic|Droid Sans Fallback|PingFang|'
    'Hiragino Sans|Microsoft YaHei|Malgun Gothic|Yu Gothic|Arial Unicode MS'
).split('|')
STYLE = {
    'font.family': FONT,  # comes with matplotlib: the same chart on every machine
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
BOLD = 1.15  # width of bold text, as a multiple of the same in plain type
LONGEST_LABEL, WIDEST_LABEL = 40, 4.0  # characters, inches; the page and the tables show all of a label
_NARROWEST = 0.25  # letter that text is made of, as a share of the font size
BOTTOM, MARGIN = 0.62, 0.15  # inches


@dataclass(frozen=True)
class Style:
    """Where a figure goes: its width, the least and greatest height of one with labels in it (inches), sizes in points.

    title: 0 where a caption beside the figure says what a title would. narrow: the legend goes below the axes. reach:
    inches from a mark to its name; farther away a number is easier to follow.
    """

    width: float = 10.5
    least: float = 6.0
    tallest: float = 30.0
    label: float = 8.5
    text: float = 9.0
    title: float = 12.0
    dpi: int = 200  # of the PNG
    narrow: bool = False
    reach: float = math.inf

    @property
    def rc(self) -> dict:
        """What matplotlib draws and saves with."""
        return {**STYLE, 'font.family': _families(), 'font.size': self.text}

    @property
    def top(self) -> float:
        """Inches above the axes."""
        return 0.72 if self.title else 0.12

    @property
    def left(self) -> float:
        """Inches left of axes with numbers at their ticks."""
        return 0.08 * self.text


PAGE = Style()
# A slide is 13.3 in wide: half of it here, so that text of 9 pt has 18 there. Columns as in journals of two columns.
SLIDES = Style(width=6.67, least=3.75, tallest=3.75, dpi=400, reach=0.6)
PAPER = {
    1: Style(width=3.3, least=2.6, tallest=4.5, label=7.0, text=7.5, title=0, dpi=300, narrow=True, reach=0.6),
    2: Style(width=6.9, least=3.7, tallest=6.5, label=7.0, text=8.0, title=0, dpi=300, narrow=True, reach=0.6),
}
STYLES = ('paper', 'slides')
_STYLE: ContextVar[Style] = ContextVar('style', default=PAGE)


def named(style: str | None = None, columns: int | None = None) -> Style:
    """The Style `paper` (in 1 or 2 columns, 2 by default) or `slides`, or of the page. Raises UserError for others."""
    if style not in (None, *STYLES):
        raise unknown('style', style, STYLES)
    if columns is not None and style != 'paper':
        raise UserError('a width in columns goes with the style paper')
    if columns not in (None, *PAPER):
        raise UserError(f'a figure is {" or ".join(map(str, PAPER))} columns wide, not {columns}')
    return {'slides': SLIDES, 'paper': PAPER[columns or 2]}.get(style, PAGE)


def current() -> Style:
    """The style in which is drawn."""
    return _STYLE.get()


@contextlib.contextmanager
def using(style: Style) -> Iterator[None]:
    """Draw and save in `style`."""
    token = _STYLE.set(style)
    try:
        with matplotlib.rc_context(style.rc):
            yield
    finally:
        _STYLE.reset(token)


@cache
def _families() -> list[str]:
    there = font_manager.get_font_names()
    return [FONT, *[name for wide in _WIDE_FONTS for name in sorted(there) if name.startswith(wide)][:1]]


def without_letters(labels: Iterable[str]) -> list[str]:
    """Those of `labels` with letters that no font here has, which are drawn as boxes."""
    fonts = [font_manager.get_font(font_manager.findfont(name)) for name in _families()]
    return [
        label
        for label in dict.fromkeys(labels)
        if any(all(not font.get_char_index(ord(letter)) for font in fonts) for letter in one_line(label))
    ]


def looks(families: Iterable[str]) -> dict[str, tuple[str, Shape]]:
    """family -> (colour, shape), by lineage: colour tells the lineage, shape the family in it.

    A family looks the same wherever there are several lineages; where all are of one, each has a colour of its own.
    Families outside the registry take colours that no other has, as long as there are some.
    """
    found: dict[str, list[str]] = {}
    for family in sorted(set(families)):
        found.setdefault(of_family(family), []).append(family)
    if len(found) == 1:
        (members,) = found.values()
        return {name: (COLOURS[i % len(COLOURS)], SHAPES[i % len(SHAPES)]) for i, name in enumerate(members)}
    free = [hue for lineage, hue in HUES.items() if lineage not in found]
    made = {}
    for k, lineage in enumerate(LINEAGES):
        for family in found.pop(lineage, ()):
            made[family] = (HUES[lineage], SHAPES[(k + FAMILIES[lineage].index(family)) % len(SHAPES)])
    for k, (family,) in enumerate(found.values()):  # each is a lineage of its own
        made[family] = ((free or [HUES[OTHER]])[k % max(1, len(free))], SHAPES[(8 + k) % len(SHAPES)])
    return made


def blank(size: tuple[float, float]) -> Figure:
    """An empty figure with a canvas, so that text can be measured; size in inches."""
    figure = Figure(figsize=size)
    FigureCanvasAgg(figure)
    return figure


def add_titles(figure: Figure, title: str, subtitle: str, left: float = MARGIN) -> None:
    """Add title and subtitle to a figure of final size, `left` inches from its edge, where its style has titles."""
    style, (wide, high) = current(), figure.get_size_inches()
    if not style.title:
        return
    room = wide - left - MARGIN
    title, subtitle = fit(title, room / BOLD, style.title), fit(subtitle, room, style.text)
    place = {'x': left / wide, 'ha': 'left', 'va': 'top'}
    figure.text(y=1 - 0.14 / high, s=title, fontsize=style.title, fontweight='bold', **place)
    figure.text(y=1 - 0.42 / high, s=subtitle, color=MUTED, **place)


def plain_axes(axes: Axes, grid: str = 'both', without: Sequence[str] = ('top', 'right')) -> None:
    """A grid behind what is drawn, short ticks, and no frame on the sides `without`."""
    axes.tick_params(which='both', length=3)
    axes.grid(True, axis=grid)
    axes.set_axisbelow(True)
    axes.spines[[*without]].set_visible(False)


def text_width(texts: list[str], fontsize: float | None = None) -> float:
    """The width in inches of the widest of `texts`, by default as labels."""
    with matplotlib.rc_context(current().rc):
        figure, size = blank((1, 1)), fontsize or current().label
        drawn = [figure.text(0, 0, text, fontsize=size).get_window_extent().width for text in texts]
    return max(drawn, default=0) / STYLE['figure.dpi']


def ticks(low: float, high: float, most: int, **options) -> list[float]:
    """Round numbers from `low` to `high`, none beyond: matplotlib would keep invisible labels for those."""
    return [
        tick for tick in MaxNLocator(most, steps=[1, 2, 5, 10], **options).tick_values(low, high) if low <= tick <= high
    ]


def log_ticks(low: float, high: float, inches: float = 9.0) -> list[float]:
    """Powers of ten, and 3 or 2 and 5 times them where they fit on an axis; even steps over a narrow range."""
    most = min(9, int(inches / 0.45))
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for mantissas in ((1, 2, 5), (1, 3), (1,)):
        found = [m * 10.0**k for k in powers for m in mantissas if low <= m * 10.0**k <= high]
        if len(found) <= most:
            break
    return found if len(found) >= 3 else ticks(low, high, most=min(6, most))


def shorten(label: str) -> str:
    """`label`, cut to a length that fits into a chart."""
    return fit(_cut(one_line(label), LONGEST_LABEL), min(WIDEST_LABEL, 0.5 * current().width))


def fit(text: str, inches: float, fontsize: float | None = None) -> str:
    """`text` in one line, cut so that it is at most `inches` wide, by default as a label."""
    fontsize = fontsize or current().label
    text, most = one_line(text), int(inches / (_NARROWEST * fontsize / 72))
    if text.isascii() and len(text) * fontsize / 72 <= inches:  # no letter is wider than the font is high
        return text
    text = _cut(text, most)
    if text_width([text], fontsize) <= inches:
        return text
    too_wide = bisect.bisect_right(range(len(text)), inches, key=lambda n: text_width([_cut(text, n)], fontsize))
    return _cut(text, max(1, too_wide - 1))


def wrap(text: str, inches: float) -> str:
    """`text` in one line that is `inches` wide, or two in a narrow figure, cut beyond."""
    if not current().narrow:
        return fit(text, inches, current().text)
    size, words, first = current().text, one_line(text).split(' '), []
    while words and (not first or text_width([' '.join([*first, words[0]])], size) <= inches):
        first.append(words.pop(0))
    return '\n'.join(fit(' '.join(line), inches, size) for line in (first, words) if line)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f'{text[: max(0, length - 1)].rstrip()}…'
