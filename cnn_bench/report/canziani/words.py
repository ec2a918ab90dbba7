"""Estimates with their intervals in words."""

import math

from cnn_bench.report.format import number
from cnn_bench.stats import Estimate


def estimate(found: Estimate, unit: str = '') -> str:
    """'1.30 (1.21 to 1.38)'; without an interval the value alone."""
    if not math.isfinite(found.low):
        return f'{number(found.value)}{unit}'
    return f'{number(found.value)}{unit} ({number(found.low)} to {number(found.high)})'
