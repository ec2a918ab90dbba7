"""A chart's description as files: whatever kind of chart it is, drawn once and written in three formats."""

import io
import re
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from cnn_bench.report import charts, density, forest, learning_chart, overlap
from cnn_bench.report.density import Density
from cnn_bench.report.figures import Chart
from cnn_bench.report.forest import Forest
from cnn_bench.report.learning import Learning
from cnn_bench.report.overlap import Overlap
from cnn_bench.report.style import PNG_DPI, STYLE

Described = Chart | Learning | Density | Forest | Overlap

_DRAW = {
    Chart: charts.draw,
    Learning: learning_chart.draw,
    Density: density.draw,
    Forest: forest.draw,
    Overlap: overlap.draw,
}
_UNDATED = {
    'png': {'Software': None},
    'svg': dict.fromkeys(('Creator', 'Date', 'Format', 'Type')),
    'pdf': dict.fromkeys(('Creator', 'Producer', 'CreationDate')),
}
FORMATS = tuple(_UNDATED)


def draw(chart: Described) -> Figure:
    """The figure of a description of any kind, with the gids that its `hovers` name."""
    return _DRAW[type(chart)](chart)


def save(chart: Described, directory: Path) -> str:
    """Write `<name>.png`, `.svg` and `.pdf` into `directory` and return the text of the SVG. The same chart gives the
    same bytes."""
    figure, svg = draw(chart), io.StringIO()
    with matplotlib.rc_context(STYLE):
        for to in ('png', 'pdf'):
            figure.savefig(directory / f'{chart.name}.{to}', dpi=PNG_DPI, metadata=_UNDATED[to])
        figure.set_dpi(STYLE['figure.dpi'])
        figure.savefig(svg, format='svg', metadata=_UNDATED['svg'])
    text = re.sub(r'[ \t]+$', '', svg.getvalue(), flags=re.MULTILINE)
    (directory / f'{chart.name}.svg').write_text(text, encoding='utf-8')
    return text
