"""A chart as part of the page: its SVG with ids of its own and the page's colours."""

import re

from markupsafe import Markup, escape

from cnn_bench.report.charts.spec import ChartSpec
from cnn_bench.report.charts.style import THEME

_VARIABLES = {light: f'var(--{role})' for role, (light, _) in THEME.items()}
_PIXELS_PER_POINT = 96 / 72
_LEAST = 760  # pixels to which a chart shrinks before it scrolls
_PAGE = 1200  # pixels; a chart wider than that
_READABLE = 0.75  # shrinks to this fraction of its width


def inline(chart: ChartSpec, svg: str) -> Markup:
    """The SVG as part of the page: ids of its own, colours as CSS variables, no wider than drawn, no metadata."""
    svg = svg[svg.index('<svg') :]
    svg = re.sub(r'<metadata>.*?</metadata>\s*|<!--.*?-->\s*', '', svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="', f'id="{chart.name}-', svg)
    svg = re.sub(r'(href="#|url\(#)', rf'\1{chart.name}-', svg)
    svg = re.sub(r'#[0-9a-f]{6}\b', lambda match: _VARIABLES.get(match[0], match[0]), svg)
    box = re.search(r'viewBox="[^"]*"', svg)[0]
    wide = round(float(box.split('"')[1].split()[2]) * _PIXELS_PER_POINT * 1.1)
    least = min(wide, _LEAST) if wide <= _PAGE else round(_READABLE * wide)
    attributes = (
        f'{box} style="max-width: {wide}px; min-width: {least}px" role="img" aria-label="{escape(chart.alt_text)}"'
    )
    head = f'<svg xmlns:xlink="http://www.w3.org/1999/xlink" {attributes}>'
    return Markup(re.sub(r'<svg[^>]*>', lambda _: head, svg, count=1))
