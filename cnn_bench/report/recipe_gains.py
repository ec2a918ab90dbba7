"""How much of the gain of ten years is recipe, and how much architecture? Published results of torchvision compared.

torchvision trained many networks twice: by the recipe of 2015 and by one of 2021. Of the same network the difference is
due to the recipe (and to the images being shrunk to 232 instead of 256 before the crop). Of two networks trained alike
it is due to the architecture: each network is compared with ResNets of 2015 at as many multiply-adds, on a line through
the errors of those that both recipes trained, over the logarithm of multiply-adds.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cnn_bench import stats
from cnn_bench.models import registry
from cnn_bench.report.charts.forest import OVER_NETWORKS, Forest, Row
from cnn_bench.report.format import human, interval, number
from cnn_bench.report.verdicts import Pair
from cnn_bench.stats import Difference, Line
from cnn_bench.stats.over_seeds import mean_difference

OLD, NEW = 'torchvision 2015', 'torchvision 2021'
RESNETS = ('resnet18', 'resnet34', 'resnet50', 'resnet101', 'resnet152')
LATER = 2020  # the year from which networks count as later ones
_FEWEST = 3  # networks, or families, over which there is an interval worth telling
_SAYS = """\
**How much is recipe, how much architecture?** From the rows of torchvision, which has trained the same networks by the
recipe of 2015 and by one of 2021, and tested all on a crop of one size. Networks since 2020 are compared with ResNets
of 2015 of as many multiply-adds that were trained alike.

| less top-1 error, in points | mean over networks | over families |
|:---|---:|---:|
{rows}

{words}
"""


@dataclass(frozen=True)
class Gain:
    """Points less top-1 error of networks: by the recipe, or by the architecture where all are trained alike.

    `points` by network; `over_networks` is their mean with a 95 % t interval, `over_families` that of the means of
    families of networks, which are alike: nan where there are too few.
    """

    what: str
    points: pd.Series
    over_networks: Difference
    over_families: Difference


def gains(table: pd.DataFrame) -> list[Gain]:
    """Of a table by `published.table`: the gain by recipe, and the gains by architecture of networks since LATER by the
    old recipe and by the new; none of which no network is there."""
    old, new = _by_recipe(table)
    after = [name for name, arch in registry.ARCHS.items() if arch.year >= LATER]
    both = [name for name in RESNETS if name in (old - new).dropna()]
    found = {
        'recipe of 2021, same network': (old - new).dropna(),
        f'networks since {LATER}, recipe of 2015': _above_resnets(old, both, after),
        f'networks since {LATER}, recipe of 2021': _above_resnets(new, both, after),
    }
    return [_gain(what, points) for what, points in found.items() if len(points)]


def by_size(table: pd.DataFrame) -> Line | None:
    """The gain by recipe as a line over log10 of the multiply-adds; None for fewer than three networks."""
    old, new = _by_recipe(table)
    points = (old - new).dropna()
    return stats.fit_line(np.log10(_macs(points.index)), points) if len(points) >= _FEWEST else None


def answer(table: pd.DataFrame) -> str:
    """The gains in Markdown; '' where there are none."""
    found = gains(table)
    if not found:
        return ''
    rows = [f'| {gain.what} | {_mean(gain.over_networks)} | {_mean(gain.over_families)} |' for gain in found]
    return _SAYS.format(
        rows='\n'.join(rows), words=' '.join([*_of_size(table), *_of_both(found), *_of_pair(table), _LIMITS])
    )


def chart(summary: pd.DataFrame) -> Forest | None:
    """The gains as a chart: means with their intervals, and a dot for each network; None where there are none."""
    found = gains(summary)
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


_LIMITS = (
    'Intervals take networks as a sample of all such networks; many are RegNets, which is why the means of families '
    'stand beside. The newer weights are also tested on images shrunk to 232 pixels instead of 256, which for '
    'ResNet-50 is worth 0.2 of a point (torchvision’s blog of 2021), and networks since 2020 were designed with '
    'recipes like the newer one.'
)


def _by_recipe(table: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Network -> top-1 error by the old recipe and by the new, of those that were tested at one size."""
    rows = table[table.training.isin([OLD, NEW])]
    sizes = rows.groupby('arch').input_shape.transform('nunique')
    errors = rows[sizes.eq(1)].pivot(index='arch', columns='training', values='top1_err_pct')
    errors = errors.reindex(columns=[OLD, NEW])
    return errors[OLD], errors[NEW]


def _above_resnets(errors: pd.Series, resnets: list[str], networks: list[str]) -> pd.Series:
    """Network -> the error of a ResNet of as many multiply-adds minus its own; none beyond the ResNets there are."""
    errors = errors.dropna()
    reference = errors[resnets]
    later = errors[[name for name in networks if name in errors]]
    if len(reference) < 2:
        return later.head(0)
    x, known = np.log10(_macs(later.index)), np.log10(_macs(reference.index))
    later, x = later[(x >= known.min()) & (x <= known.max())], x[(x >= known.min()) & (x <= known.max())]
    return pd.Series(np.interp(x, known, reference), later.index) - later


def _macs(networks: pd.Index) -> np.ndarray:
    return np.array([registry.get(name).macs_in_use for name in networks], dtype=float)


def _gain(what: str, points: pd.Series) -> Gain:
    families = points.groupby([registry.get(name).family for name in points.index]).mean()
    return Gain(what, points, mean_difference(points), mean_difference(families))


def _mean(found: Difference) -> str:
    """'3.20 (2.90 to 3.50; n 24)'."""
    ends = f'{interval(found.low, found.high)}; ' if found.n >= _FEWEST else ''
    return f'{number(found.mean)} ({ends}n {found.n})'


def _row(gain: Gain) -> Row:
    found = gain.over_networks
    low, high = (found.low, found.high) if found.n >= _FEWEST else (np.nan, np.nan)
    pairs = tuple(Pair(float(i), float(points), False) for i, points in enumerate(gain.points))
    return Row(gain.what, found.mean, low, high, found.p, found.n, OVER_NETWORKS, pairs)


def _of_size(table: pd.DataFrame) -> list[str]:
    line = by_size(table)
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


def _of_both(found: list[Gain]) -> list[str]:
    """The gain by architecture of the networks that both recipes trained, by the one and by the other."""
    if len(found) < 3:
        return []
    old, new = (gain.points for gain in found[1:])
    shared = [name for name in old.index if name in new]
    if not shared:
        return []
    return [
        f'By architecture the networks that both recipes trained ({", ".join(shared)}) gain '
        f'{number(old[shared].mean())} points by the older recipe and {number(new[shared].mean())} by the newer.'
    ]


def _of_pair(table: pd.DataFrame, first: str = 'resnet50', last: str = 'convnext_tiny') -> list[str]:
    """From a ResNet-50 of 2015 to a network of 2022 at about as many multiply-adds, step by step."""
    old, new = _by_recipe(table)
    if any(np.isnan(value) for value in (old.get(first, np.nan), new.get(first, np.nan), new.get(last, np.nan))):
        return []
    by_recipe, by_network = old[first] - new[first], new[first] - new[last]
    share = 100 * by_recipe / (by_recipe + by_network)
    costs = ' and '.join(human(registry.get(name).macs_in_use) for name in (first, last))
    return [
        f'From {first} of 2015 to {last} of 2022, with {costs} multiply-adds, the error falls from {old[first]:.1f} to '
        f'{new[last]:.1f} %: by {number(by_recipe)} points as {first} itself is trained by the newer recipe, and by '
        f'{number(by_network)} more with the newer network, so that {share:.0f} % of the gain is the recipe.'
    ]
