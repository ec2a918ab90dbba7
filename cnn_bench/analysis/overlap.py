"""Which errors networks have in common."""

import itertools
from collections.abc import Mapping

import numpy as np
import pandas as pd

from cnn_bench.analysis.summary import tidy
from cnn_bench.runs import collapse
from cnn_bench.runs.predictions import Predictions


def shares(
    table: pd.DataFrame, predictions: Mapping[str, Predictions], names: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Per cent of the images that the row's network gets wrong which the column's gets wrong too, the cheapest first.

    table: tidy, for the label and seed of each run. names: run -> label, where it differs from the table's. With
    several seeds, the mean over those that both kept; nan where they share none, or the row's network has no error.
    Seeds that collapsed are left out, unless all of a network did.
    """
    wrong: dict[str, dict[object, Predictions]] = {}
    kept = table[table.run.isin(list(predictions))]
    for row in tidy(kept[~collapse.left_out_of_means(kept)]).itertuples():
        wrong.setdefault((names or {}).get(row.run, row.label), {}).setdefault(row.seed, predictions[row.run])
    made = pd.DataFrame(index=list(wrong), columns=list(wrong), dtype=float)
    for one, other in itertools.product(wrong, repeat=2):
        common = [seed for seed in wrong[one] if seed in wrong[other]]
        found = [_share(wrong[one][seed], wrong[other][seed]) for seed in common]
        known = [share for share in found if not np.isnan(share)]
        made.loc[one, other] = np.mean(known) if known else np.nan
    return made


def _share(one: Predictions, other: Predictions) -> float:
    if not np.array_equal(one.label, other.label) or one.right.all():
        return np.nan
    return 100 * float((~other.right)[~one.right].mean())
