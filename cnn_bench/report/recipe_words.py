"""How much of the gain of ten years is recipe, and how much architecture, in words and as a chart."""

import numpy as np
import pandas as pd

from cnn_bench.analysis import recipe_gains
from cnn_bench.analysis.recipe_gains import FEWEST, LATER, NEW, OLD, Gain
from cnn_bench.analysis.verdicts import Pair
from cnn_bench.format import human, interval, number
from cnn_bench.models import registry
from cnn_bench.report.charts.forest import OVER_NETWORKS, Forest, Row
from cnn_bench.stats import Difference

_SAYS = """\
**How much is recipe, how much architecture?** From the rows of torchvision, which has trained the same networks by the
recipe of 2015 and by one of 2021, and tested all on a crop of one size. Networks since 2020 are compared with ResNets
of 2015 of as many multiply-adds that were trained alike.

| less top-1 error, in points | mean over networks | over families |
|:---|---:|---:|
{rows}

{words}
"""
_LIMITS = (
    'Intervals take networks as a sample of all such networks; many are RegNets, which is why the means of families '
    'stand beside. The newer weights are also tested on images shrunk to 232 pixels instead of 256, which for '
    'ResNet-50 is worth 0.2 of a point (torchvision’s blog of 2021), and networks since 2020 were designed with '
    'recipes like the newer one.'
)


def answer(table: pd.DataFrame) -> str:
    """The gains in Markdown; '' where there are none."""
    found = recipe_gains.gains(table)
    if not found:
        return ''
    rows = [f'| {gain.what} | {_mean(gain.over_networks)} | {_mean(gain.over_families)} |' for gain in found]
    return _SAYS.format(
        rows='\n'.join(rows), words=' '.join([*_of_size(table), *_of_both(table), *_of_pair(table), _LIMITS])
    )


def chart(summary: pd.DataFrame) -> Forest | None:
    """The gains as a chart: means with their intervals, and a dot for each network; None where there are none."""
    found = recipe_gains.gains(summary)
    if not found:
        return None
    return Forest(
        name='recipe_or_architecture',
        title='Recipe or architecture?',
        subtitle='torchvision, one crop of ImageNet: the same networks by two recipes, and networks trained alike',
        x_label='points less top-1 error',
        caption='Dots: networks; circles: their means, with 95 % t intervals over networks. First row: the recipe '
        f'of 2021 instead of that of 2015. Others: a network since {LATER} instead of a ResNet of 2015 trained alike, '
        'on the line through those at as many multiply-adds.',
        rows=tuple(map(_row, found)),
    )


def _mean(found: Difference) -> str:
    """'3.20 (2.90 to 3.50; n 24)'."""
    ends = f'{interval(found.low, found.high)}; ' if found.n >= FEWEST else ''
    return f'{number(found.mean)} ({ends}n {found.n})'


def _row(gain: Gain) -> Row:
    found = gain.over_networks
    low, high = (found.low, found.high) if found.n >= FEWEST else (np.nan, np.nan)
    pairs = tuple(Pair(float(i), float(points), False) for i, points in enumerate(gain.points))
    return Row(gain.what, found.mean, low, high, found.p, found.n, OVER_NETWORKS, pairs)


def _of_size(table: pd.DataFrame) -> list[str]:
    line = recipe_gains.by_size(table)
    if line is None or not np.isfinite(line.slope.low):
        return []
    ends = interval(line.slope.low, line.slope.high)
    return [
        f'The recipe gains more in larger networks: {number(line.slope.value)} points for every tenfold of multiply-'
        f'adds ({ends}).'
        if line.slope.low > 0
        else f'Whether the recipe gains more in larger networks is not known: the slope is {ends} points for every '
        'tenfold of multiply-adds.'
    ]


def _of_both(table: pd.DataFrame) -> list[str]:
    """The gain by architecture of the networks that both recipes trained, by the one and by the other."""
    found = recipe_gains.of_both(table)
    if found.empty:
        return []
    return [
        f'By architecture the networks that both recipes trained ({", ".join(found.index)}) gain '
        f'{number(found[OLD].mean())} points by the older recipe and {number(found[NEW].mean())} by the newer.'
    ]


def _of_pair(table: pd.DataFrame, first: str = 'resnet50', last: str = 'convnext_tiny') -> list[str]:
    """From a ResNet-50 of 2015 to a network of 2022 at about as many multiply-adds, step by step."""
    errors = recipe_gains.steps(table, first, last)
    if errors is None:
        return []
    by_recipe, by_network = -np.diff(errors)
    share = 100 * by_recipe / (by_recipe + by_network)
    costs = ' and '.join(human(registry.get(name).macs_in_use) for name in (first, last))
    return [
        f'From {first} of 2015 to {last} of 2022, with {costs} multiply-adds, the error falls from {errors[0]:.1f} to '
        f'{errors[2]:.1f} %: by {number(by_recipe)} points as {first} itself is trained by the newer recipe, and by '
        f'{number(by_network)} more with the newer network, so that {share:.0f} % of the gain is the recipe.'
    ]
