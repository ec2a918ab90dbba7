"""Ensembles in words: their short names, how they differ from their best member, and what that costs."""

from collections.abc import Sequence

import pandas as pd

from cnn_bench.analysis import ensembles
from cnn_bench.analysis.ensembles import Member
from cnn_bench.format import human, interval, p_value, percent, signed
from cnn_bench.runs.columns import COLUMNS, Column

# Of `ensembles.best` and `ensembles.pairs`, for tables.
SHOWN = (
    Column('members', '', 'prose', header='Members'),
    *(COLUMNS[name] for name in ('macs', 'params', 'top1_err_pct', 'top5_err_pct')),
    Column('best_err_pct', '', 'number', header='Best member (%)', format='.2f'),
    Column('difference', '', 'number', header='Difference (points)', format=signed),
    Column('difference_low', '', 'number', header='95 % from', format=signed),
    Column('difference_high', '', 'number', header='to', format=signed),
    Column('p', '', 'number', header='p', format=p_value),
    Column('disagreement_pct', '', 'number', header='Disagree (%)', format='.1f'),
)


def name(row: dict) -> str:
    """A short name for a row of `ensembles.best`: 'all 8', 'the 3 best', or '3, greedily'."""
    ways = row['chosen'].split(', ')
    if ensembles.ALL in ways:
        return f'all {row["size"]}'
    return f'the {row["size"]} best' if ensembles.IN_ORDER in ways else f'{row["size"]}, greedily'


def difference(row: dict) -> str:
    """The difference with its interval in words: '−1.50 (−2.10 to −0.90)'."""
    ends = interval(row['difference_low'], row['difference_high'])
    return f'{signed(row["difference"])} ({ends})' if ends else signed(row['difference'])


def how_chosen(found: Sequence[Member]) -> str:
    """A sentence on the images by which members, and the best one, were chosen."""
    if found[0].chosen_on_test:
        return 'Members were chosen on the test images, which count the error too: they look better than they are.'
    return 'Members were chosen by their error on the validation images.'


def in_words(found: Sequence[Member], best: pd.DataFrame, pairs: pd.DataFrame) -> str:
    """The best member, the ensemble of all, the best chosen ensemble, and how much pairs disagree, in sentences.

    From `ensembles.members`, `.best` and `.pairs`; '' where there is no ensemble.
    """
    if best.empty:
        return ''
    rows = best.to_dict('records')
    whole = next(row for row in rows if ensembles.ALL in row['chosen'])
    least = min(rows, key=lambda row: (row['choice_err_pct'], row['macs']))
    single = min(found, key=lambda member: member.choice_error)
    kind = 'networks' if len({member.network for member in found}) == len(found) else 'runs'
    sentences = [
        f'The best of {len(found)} {kind} alone is {single.label}: {percent(single.error)} top-1 error at '
        f'{human(single.macs)} multiply-adds.',
        f'All {len(found)} together have {_result(whole, single)}; no member was chosen.',
    ]
    if least is not whole:
        sentences.append(f'The best chosen ensemble is {"; ".join(least["members"])}: {_result(least, single)}.')
        sentences.append(how_chosen(found))
    return ' '.join([*sentences, _kin(pairs)]).strip()


def _result(row: dict, single: Member) -> str:
    best = row['best_member']
    against = '' if best == single.label else f' against {percent(row["best_err_pct"])} of {best}'
    return (
        f'{percent(row["top1_err_pct"])} error{against}, {difference(row)} points from their best member '
        f'(95 % interval over {row["n"]:,} test images), at {row["macs"] / single.macs:.1f} times its multiply-adds '
        f'({human(row["macs"])})'
    )


def _kin(pairs: pd.DataFrame) -> str:
    """Disagreement and difference of pairs, by how closely related the two members are; '' where there is no pair."""
    parts = [
        f'two {row.Index} disagree on {percent(row.disagreement_pct, 1)} of the images, and their error together minus '
        f'that of the better one is {signed(row.difference)} points ({row.pairs} pair{"" if row.pairs == 1 else "s"})'
        for row in ensembles.by_kin(pairs).itertuples()
    ]
    return f'On average {"; ".join(parts)}.' if parts else ''
