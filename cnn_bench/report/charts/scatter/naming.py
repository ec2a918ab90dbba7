"""Names beside the marks of a chart: as text or, where that has no room, as numbers of a list below the axes."""

from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cnn_bench.report.charts.scatter import labels
from cnn_bench.report.charts.style import CARD, LEADER, MARGIN, MUTED, STYLE, current

TEXT, NUMBERS, LIST = 'text', 'numbers', 'list'  # how marks are named; LIST: numbers have no room either
_MANY = 0.1  # of the names
_CLEAR = 3.0  # pixels between a label and the frame
_GROWTH = 1.15  # of the height, from one try to the next
_LINE = 1.3  # of the font size
_APART = 0.17  # inches between two names of a list


def tries(least: float) -> Iterator[tuple[str, float]]:
    """How marks are named and how high the figure is, in the order to try it in: LIST, the last, always fits."""
    tallest = current().tallest
    for how in (TEXT, NUMBERS):
        high = least
        while high < tallest:
            yield how, high
            high *= _GROWTH
        yield how, tallest
    yield LIST, tallest


def zorder(reach: float) -> float:
    """Drawing order of a mark: small ones above large ones, a leader line just below its own mark."""
    return 3 + 1 / (1 + reach)


def listing(figure: Figure, names: Sequence[str], how: str) -> float:
    """Write the names that stand for numbers at the bottom of a figure, in lines; return the inches they take."""
    if how == TEXT or not names:
        return 0.0
    style, line = current(), _LINE * current().label / 72
    said = [f'{i}  {name}' for i, name in enumerate(names, 1)] if how == NUMBERS else ['not named above:', *names]
    place = {'transform': figure.dpi_scale_trans, 'fontsize': style.label, 'va': 'top', 'color': MUTED}
    texts = [figure.text(0, 0, text, gid=f'listed-{i}', **place) for i, text in enumerate(said)]
    places, x, down = [], MARGIN, 1
    for text in texts:
        wide = text.get_window_extent().width / figure.dpi
        if x + wide > style.width - MARGIN and x > MARGIN:
            x, down = MARGIN, down + 1
        places.append((x, down))
        x += wide + _APART
    for text, (x, row) in zip(texts, places, strict=True):
        text.set_position((x, MARGIN + (down - row + 1) * line))
    return line * down + 0.1


def add(
    axes: Axes, names: Sequence[tuple[str, str]], anchors: np.ndarray, reach: np.ndarray, body: np.ndarray,
    how: str, lines: np.ndarray | None = None, dots: np.ndarray | None = None,
) -> bool:  # fmt: skip
    """Place and draw names, each a gid and a text, beside the first marks; False, without any, where they don't fit.

    anchors, lines, dots: in pixels, as `labels.place` takes them; how: TEXT or NUMBERS; reach, body: as `marks.Sizes`.
    """
    box = axes.get_window_extent()
    corner, whole = box.min + _CLEAR, np.array([box.width, box.height])
    style = {'fontsize': current().label, 'transform': axes.transAxes, 'va': 'bottom', 'zorder': 6}
    style['bbox'] = {'facecolor': CARD, 'alpha': 0.75, 'edgecolor': 'none', 'pad': 0.6}  # over lines and bars
    texts = [axes.text(0, 0, text, gid=gid, **style) for gid, text in names]
    extents = [text.get_window_extent() for text in texts]
    anchors = anchors - corner
    boxes = labels.place(
        anchors,
        reach,
        np.array([(extent.width, extent.height) for extent in extents]).reshape(-1, 2),
        tuple(whole - 2 * _CLEAR),
        None if lines is None else lines - np.tile(corner, 2),
        None if dots is None else dots - corner,
    )
    if boxes is None or (how == TEXT and _many_far(boxes, anchors)):
        for text in texts:
            text.remove()
        return False
    for i, text in enumerate(texts):
        text.set_position((boxes[i, :2] + _CLEAR) / whole)
        line = labels.leader(boxes[i], i, anchors, body)
        if line is not None:
            x, y = ((line.reshape(2, 2) + _CLEAR) / whole).T
            axes.plot(x, y, transform=axes.transAxes, color=LEADER, lw=0.7, zorder=zorder(reach[i]) - 1e-4)
    return True


def _many_far(boxes: np.ndarray, anchors: np.ndarray) -> bool:
    own = anchors[: len(boxes)]
    away = np.linalg.norm(own - np.clip(own, boxes[:, :2], boxes[:, 2:]), axis=1)
    return bool((away > current().reach * STYLE['figure.dpi']).sum() > _MANY * len(boxes))
