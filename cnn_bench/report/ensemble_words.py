"""What ensembles gain and what that costs, in sentences."""

from collections.abc import Sequence

import pandas as pd

from cnn_bench.report import ensembles
from cnn_bench.report.ablation import signed
from cnn_bench.report.ensemble_chart import gain
from cnn_bench.report.ensembles import Member
from cnn_bench.report.figures import human


def in_words(found: Sequence[Member], best: pd.DataFrame, pairs: pd.DataFrame) -> str:
    """The best member, all of them together, the best ensemble that was chosen, and how much pairs disagree.

    From `ensembles.members`, `.best` and `.pairs`; empty where there is no ensemble.
    """
    if best.empty:
        return ''
    rows = best.to_dict('records')
    whole = next(row for row in rows if ensembles.ALL in row['chosen'])
    least = min(rows, key=lambda row: (row['top1_err_pct'], row['macs']))
    single = min(found, key=lambda member: member.error)
    kind = 'networks' if len({member.network for member in found}) == len(found) else 'runs'
    sentences = [
        f'The best of {len(found)} {kind} alone is {single.label}: {single.error:.2f} % top-1 error at '
        f'{human(single.macs)} multiply-adds.',
        f'All {len(found)} together err {_said(whole, single)}; no member was chosen.',
    ]
    if least is not whole:
        sentences.append(
            f'The least error of those chosen has {"; ".join(least["members"])}: {_said(least, single)}. Its members '
            'were chosen on the same test images, so this is optimistic.'
        )
    return ' '.join([*sentences, _kin(pairs)]).strip()


def _said(row: dict, single: Member) -> str:
    against = (
        '' if row['best_member'] == single.label else f' against {row["best_err_pct"]:.2f} % of {row["best_member"]}'
    )
    return (
        f'{row["top1_err_pct"]:.2f} %{against}, {gain(row)} points less than their best member (95 % interval over '
        f'{row["n"]:,} test images), at {row["macs"] / single.macs:.1f} times its multiply-adds '
        f'({human(row["macs"])})'
    )


def _kin(pairs: pd.DataFrame) -> str:
    """How much pairs disagree and gain by how near their members are; empty where there is no pair."""
    parts = [
        f'two {row.Index} disagree on {row.disagreement_pct:.1f} % of the images and gain {signed(row.gain)} points '
        f'over the better one ({row.pairs} pair{"" if row.pairs == 1 else "s"})'
        for row in ensembles.by_kin(pairs).itertuples()
    ]
    return f'On average {"; ".join(parts)}.' if parts else ''
