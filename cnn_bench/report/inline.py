"""Charts as parts of the page: their SVG, and what is said of their marks."""

import re
from html import escape

import pandas as pd

from cnn_bench.report.marks import THEME
from cnn_bench.report.saving import FORMATS, Described

_VARIABLES = {light: f'var(--{role})' for role, (light, _) in THEME.items()}
_PIXELS_PER_POINT = 96 / 72
_LEAST = 760  # pixels to which a chart shrinks before it scrolls
_PAGE = 1200  # what is wider than the page
_READABLE = 0.75  # shrinks to this share at most


def figure(chart: Described, svg: str) -> str:
    """The HTML of a chart: its SVG, its caption, and links to its files."""
    links = ' '.join(f'<a href="{chart.name}.{to}">{to.upper()}</a>' for to in FORMATS)
    return (
        f'<figure>\n<div class="wide chart">\n{_inline(chart, svg)}</div>\n'
        f'<figcaption>{escape(chart.caption)} {links}</figcaption>\n</figure>\n'
    )


def points(chart: Described, summary: pd.DataFrame) -> list[dict]:
    """For the page's script: the ids of each mark, of its label and of its row in the table, and what is said of it."""
    rows = {label: f'row-{i}' for i, label in enumerate(summary.label)}
    return [
        {
            'mark': f'{chart.name}-{hover.gid}',
            'text': f'{chart.name}-{hover.text}' if hover.text else '',
            'row': rows.get(hover.label, ''),
            'kind': hover.kind,
            'label': hover.label,
            'details': hover.details,
        }
        for hover in chart.hovers
    ]


def _inline(chart: Described, svg: str) -> str:
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
        f'{box} style="max-width: {wide}px; min-width: {least}px" role="group" aria-label="{escape(chart.described)}"'
    )
    head = f'<svg xmlns:xlink="http://www.w3.org/1999/xlink" {attributes}>'
    return re.sub(r'<svg[^>]*>', lambda _: head, svg, count=1)
