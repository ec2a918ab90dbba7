"""How numbers and other values are written in tables, charts and sentences."""

import math
import re

# Control characters but tab and line breaks, halves of characters and non-characters: XML and HTML do not allow them.
_NOT_PRINTABLE = re.compile('[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]')


def human(count: float, unit: str = '') -> str:
    """A count with three digits and its prefix: 1.81 G, 62 k."""
    for prefix, size in (('G', 1e9), ('M', 1e6), ('k', 1e3)):
        if count >= 0.9995 * size:
            return f'{float(f"{count / size:.3g}"):g} {prefix}{unit}'
    return f'{count:.4g} {unit}'.strip()


def number(value: float) -> str:
    """A difference: two decimals, none from 1000 on, two significant digits below 0.095."""
    size = abs(value)
    text = f'{value:.2f}' if 0.095 <= size < 1000 else f'{value:,.0f}' if size >= 1000 else f'{value:.2g}'
    return text.replace('-', '−')


def signed(value: float) -> str:
    """`number` with its sign, also where it is positive."""
    return f'+{number(value)}' if value > 0 else number(value)


def interval(low: float, high: float) -> str:
    """'+0.90 to +2.10'; '' where the ends are unknown."""
    return f'{signed(low)} to {signed(high)}' if math.isfinite(low) else ''


def p_value(p: float) -> str:
    """'0.012', or '< 0.001'."""
    return '< 0.001' if p < 0.001 else f'{p:.3f}'


def compared(p: float) -> str:
    """A p-value as it follows a 'p': '= 0.012', or '< 0.001'."""
    return p_value(p) if p < 0.001 else f'= {p_value(p)}'


def percent(value: float, digits: int = 2) -> str:
    """'12.34 %'."""
    return f'{value:.{digits}f} %'


def three_digits(value: float) -> str:
    """Three significant digits, all digits from 1000 on."""
    return f'{value:,.0f}' if value >= 1000 else f'{value:.3g}'


def tick(value: float) -> str:
    """A number at an axis."""
    return f'{value:g}'.replace('-', '−')


def plain(value: object) -> str:
    """Any value as text; a float without trailing zeros."""
    return f'{value:g}' if isinstance(value, float) else str(value)


def printable(text: str) -> str:
    """`text` with a replacement character for each that no document may hold."""
    return _NOT_PRINTABLE.sub('\ufffd', text)


def one_line(text: str) -> str:
    """`text` in one line, without characters that cannot be shown."""
    return printable(' '.join(text.split()))


def text(value: object) -> str:
    """`value` where it is a text, else ''."""
    return value if isinstance(value, str) else ''
