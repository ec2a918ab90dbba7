"""Charts as files: any kind of chart is drawn once and written in three formats."""

import contextlib
import io
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_all_start_methods, get_context
from pathlib import Path

from fontTools import subset
from matplotlib.figure import Figure

from cnn_bench.format import printable
from cnn_bench.report.charts import absent, bars, blobs, forest, lines, overlap
from cnn_bench.report.charts.absent import Absent
from cnn_bench.report.charts.bars import Bars
from cnn_bench.report.charts.blobs import Blobs
from cnn_bench.report.charts.forest import Forest
from cnn_bench.report.charts.lines import Lines
from cnn_bench.report.charts.overlap import Overlap
from cnn_bench.report.charts.scatter import draw as scatter
from cnn_bench.report.charts.scatter.spec import Scatter
from cnn_bench.report.charts.spec import ChartSpec
from cnn_bench.report.charts.style import PAGE, STYLE, Style, using
from cnn_bench.runtime import cores

_DRAW = {
    Scatter: scatter.draw,
    Lines: lines.draw,
    Forest: forest.draw,
    Overlap: overlap.draw,
    Bars: bars.draw,
    Blobs: blobs.draw,
    Absent: absent.draw,
}
_UNDATED = {
    'png': {'Software': None},
    'svg': dict.fromkeys(('Creator', 'Date', 'Format', 'Type')),
    'pdf': dict.fromkeys(('Creator', 'Producer', 'CreationDate')),
}
FORMATS = tuple(_UNDATED)
MOST_LARGER = 2.0  # the canvas of a slide, where text of 9 points is just legible


def draw(chart: ChartSpec, style: Style = PAGE) -> Figure:
    """The figure of any kind of chart, with gids on its marks and labels.

    In a style of one height, a chart that would be higher is drawn on a larger canvas of the same shape, up to
    MOST_LARGER times: on a slide all of it is smaller.
    """
    larger, tried = 1.0, style
    while True:
        with using(tried):
            figure = _DRAW[type(chart)](chart)
        over = figure.get_figheight() / tried.tallest
        if style.least < style.tallest or over <= 1 or larger == MOST_LARGER:
            return figure
        larger = min(MOST_LARGER, larger * max(1.15, over**0.5))
        sizes = {name: larger * getattr(style, name) for name in ('width', 'least', 'tallest')}
        tried = replace(style, **sizes)


def save(chart: ChartSpec, directory: Path, style: Style = PAGE) -> str:
    """Write `<name>.png`, `.svg` and `.pdf` into `directory` and return the text of the SVG.

    The same chart gives the same bytes. Text is text in the PDF, with its letters' part of the font, and outlines in
    the SVG.
    """
    with using(style), _without_layout_tables(), warnings.catch_warnings():
        warnings.filterwarnings('ignore', 'Glyph .* missing')  # the report says of which label
        figure, svg = draw(chart, style), io.StringIO()
        dpi = style.dpi * style.width / max(style.width, figure.get_figwidth())
        for to in ('png', 'pdf'):
            figure.savefig(directory / f'{chart.name}.{to}', dpi=dpi, metadata=_UNDATED[to])
        figure.set_dpi(STYLE['figure.dpi'])
        figure.savefig(svg, format='svg', metadata=_UNDATED['svg'])
    text = printable(re.sub(r'[ \t]+$', '', svg.getvalue(), flags=re.MULTILINE))
    (directory / f'{chart.name}.svg').write_text(text, encoding='utf-8')
    return text


def save_all(charts: Sequence[ChartSpec], directory: Path, style: Style = PAGE) -> list[tuple[ChartSpec, str]]:
    """`save` each chart, in several processes where that is faster; each with its SVG, in order."""
    one, workers = partial(save, directory=directory, style=style), min(len(charts) // 2, len(cores.available()), 4)
    # A fork has all imports already, which take as long as two charts. JAX has threads, which do not survive one.
    if workers < 2 or 'jax' in sys.modules or 'fork' not in get_all_start_methods():
        return [(chart, one(chart)) for chart in charts]
    with ProcessPoolExecutor(workers, get_context('fork')) as pool:
        return list(zip(charts, pool.map(one, charts), strict=True))


@contextlib.contextmanager
def _without_layout_tables() -> Iterator[None]:
    """Leave out of a PDF's fonts the tables that say where letters go, which is settled: they took half of the time."""
    before = subset.Options._drop_tables_default
    subset.Options._drop_tables_default = [*before, 'GDEF', 'GPOS', 'GSUB', 'kern', 'name']
    try:
        yield
    finally:
        subset.Options._drop_tables_default = before
