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
from cnn_bench.stats import Difference, Line
from cnn_bench.stats.over_seeds import mean_difference

OLD, NEW = 'torchvision 2015', 'torchvision 2021'
RESNETS = ('resnet18', 'resnet34', 'resnet50', 'resnet101', 'resnet152')
LATER = 2020  # the year from which networks count as later ones
FEWEST = 3  # networks, or families, over which there is an interval worth telling


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
    later = _by_architecture(table)
    found = {
        'recipe of 2021, same network': (old - new).dropna(),
        f'networks since {LATER}, recipe of 2015': later[0],
        f'networks since {LATER}, recipe of 2021': later[1],
    }
    return [_gain(what, points) for what, points in found.items() if len(points)]


def by_size(table: pd.DataFrame) -> Line | None:
    """The gain by recipe as a line over log10 of the multiply-adds; None for fewer than three networks."""
    old, new = _by_recipe(table)
    points = (old - new).dropna()
    return stats.fit_line(np.log10(_macs(points.index)), points) if len(points) >= FEWEST else None


def of_both(table: pd.DataFrame) -> pd.DataFrame:
    """The gains by architecture of later networks that both recipes trained: a row each, columns OLD and NEW."""
    old, new = _by_architecture(table)
    return pd.concat({OLD: old, NEW: new}, axis=1, join='inner')


def steps(table: pd.DataFrame, first: str, last: str) -> tuple[float, float, float] | None:
    """Top-1 errors of network `first` by the old recipe, of it by the new, and of `last` by the new; None where one of
    them is unknown."""
    old, new = _by_recipe(table)
    errors = old.get(first, np.nan), new.get(first, np.nan), new.get(last, np.nan)
    return None if np.isnan(errors).any() else errors


def _by_architecture(table: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Network since LATER -> its gain by architecture, by the old recipe and by the new."""
    old, new = _by_recipe(table)
    after = [name for name, arch in registry.ARCHS.items() if arch.year >= LATER]
    both = [name for name in RESNETS if name in (old - new).dropna()]
    return _above_resnets(old, both, after), _above_resnets(new, both, after)


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
