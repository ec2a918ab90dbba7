"""Text of users in a Markdown document."""

import re

from cnn_bench.format import one_line

# Within a word an underscore is one; at the end of a heading a # is left out.
_SIGNS = re.compile(r'[\\`*\[\]|~]|(?<![^\W_])_|_(?![^\W_])|#(?=#*$)')
_START = re.compile(r'^(\d*)([-+#>.)])')  # of a heading, a list or a quotation
_ENTITY = re.compile(r'&(?=#?\w+;)')


def escaped(text: str) -> str:
    """`text` in one line, every sign of which is shown as it is."""
    text = _ENTITY.sub('&amp;', _SIGNS.sub(r'\\\g<0>', one_line(text)))
    return text.replace('<', '&lt;')


def line(text: str) -> str:
    """`escaped`, at the beginning of a line."""
    return _START.sub(r'\1\\\2', escaped(text))


def without_html(text: str) -> str:
    """Markdown whose HTML is shown as text and whose pictures are links, as on the page."""
    return text.replace('<', '&lt;').replace('![', '!\\[')
