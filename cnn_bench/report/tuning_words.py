"""Tuning in sentences and tables, for the page and the Markdown document."""

import math

from cnn_bench.analysis.tuning import Chosen, Ranking, chosen
from cnn_bench.format import percent, plain, signed
from cnn_bench.report.data import ReportData
from cnn_bench.report.markdown import line
from cnn_bench.report.tables import Table, markdown_table, of_texts
from cnn_bench.runs.tuning import Range, Tuning


def sentences(data: ReportData) -> list[str]:
    """How the variants were tuned, warnings of values at an edge, and what became of the ranking."""
    if data.tuning is None:
        return []
    said = [
        _how(data.tuning),
        *(_warning(one, data.tuning.space[one.field]) for one in chosen(data.tuning) if one.edge),
    ]
    missing = [variant.name for variant in data.tuning.variants if variant.chosen is None]
    if missing:
        said.append(f'Nothing is chosen yet for {", ".join(missing)}.')
    return [*said, *(_ranked(data.ranking) if data.ranking else [])]


def markdown(data: ReportData) -> str:
    """The section on tuning of a Markdown document; '' where the variants were not tuned."""
    said = ''.join(f'\n{line(sentence)}\n' for sentence in sentences(data))
    of = f' of {data.name}' if data.name else ''
    return f'\n## Tuning{of}\n{said}' + ''.join(f'\n{markdown_table(made)}' for made in tables(data)) if said else ''


def tables(data: ReportData) -> list[Table]:
    """What was chosen, and how the ranking changed; none where the variants were not tuned."""
    if data.tuning is None:
        return []
    made = [_chosen(data.tuning), *([_ranking(data.ranking)] if data.ranking else [])]
    return [table for table in made if table.rows]


def _chosen(tuning: Tuning) -> Table:
    head = 'Network, Field, Chosen, Validation error (%), Next below (error), Next above (error), Edge'.split(', ')
    hint = (
        'Chosen by validation error; neighbours are the nearest values that finished trials had, with their validation '
        'errors. In a space of several fields these trials differ in other fields too.'
    )
    rows = [
        [
            one.variant,
            one.field,
            plain(one.value),
            '' if math.isnan(one.error) else f'{one.error:.2f}',
            _neighbour(one.below),
            _neighbour(one.above),
            f'{one.edge} tried' if one.edge else '',
        ]
        for one in chosen(tuning)
    ]
    return of_texts(head, rows, texts=2, hint=hint)


def _ranking(ranking: Ranking) -> Table:
    """In the order of the tuned errors."""
    head = 'Network, Untuned top-1 error (%), Tuned (%), Difference, Place untuned, Place tuned'.split(', ')
    hint = (
        'Mean errors on the test images over the seeds that learned, with the recipe’s own values and with the chosen '
        'ones.'
    )
    before, after = _places(ranking.untuned), _places(ranking.tuned)
    rows = []
    for name in after:
        untuned, tuned = ranking.untuned[name], ranking.tuned[name]
        places = str(before[name]), str(after[name])
        rows.append([name, f'{untuned:.2f}', f'{tuned:.2f}', signed(tuned - untuned), *places])
    return of_texts(head, rows, texts=1, hint=hint)


def _how(tuning: Tuning) -> str:
    space = ', '.join(f'{field} {_range(values)}' for field, values in tuning.space.items())
    trials = f'{tuning.trials_per_variant} trials'
    equally = f'{trials} each' if tuning.budget == 'trials' else f'equal {tuning.budget} each, {trials} on average'
    how = f'sampler {tuning.sampler}{", with successive halving" if tuning.halving else ""}'
    return f'Every network was tuned equally: {equally}, of {space} ({how}), by validation error.'


def _range(values: Range) -> str:
    if values.choices:
        return f'among {", ".join(map(plain, values.choices))}'
    return f'from {values.low:g} to {values.high:g}{" by its logarithm" if values.log else ""}'


def _warning(one: Chosen, values: Range) -> str:
    return (
        f'Warning: {one.variant} chose the {one.edge} {one.field} that was tried, {plain(one.value)} '
        f'({_range(values)}); a better one may lie beyond.'
    )


def _ranked(ranking: Ranking) -> list[str]:
    if math.isnan(ranking.tau):
        return []
    interval = (
        f'95 % bootstrap interval {_two(ranking.low)} to {_two(ranking.high)} over {ranking.seeds} seeds'
        if math.isfinite(ranking.low)
        else 'a single seed: no interval'
    )
    tau = (
        f'Kendall’s τ between the rankings of {len(ranking.tuned)} networks by test error, untuned and tuned, is '
        f'{_two(ranking.tau)} ({interval}; 1 is the same order).'
    )
    if not ranking.turned:
        return [tau, 'No two networks changed places.']
    pairs = len(ranking.turned)
    turned = f'{pairs} pair{"s" * (pairs > 1)} changed places'
    if math.isnan(ranking.low):
        return [tau, f'{turned}; whether by more than chance, single seeds cannot tell.']
    if not ranking.sure:
        return [tau, f'{turned}, none by more than chance (Tukey’s test at 95 % before and after).']
    named = '; '.join(f'{first} was ahead of {second} untuned and is behind it tuned' for first, second in ranking.sure)
    return [tau, f'{turned}, {len(ranking.sure)} by more than chance (Tukey’s test at 95 % before and after): {named}.']


def _places(errors: dict[str, float]) -> dict[str, int]:
    """Variant -> its place, the lowest error first; equal errors share the place of the first."""
    order = sorted(errors, key=lambda name: (errors[name], name))
    return {name: 1 + sum(error < errors[name] for error in errors.values()) for name in order}


def _two(value: float) -> str:
    return f'{value:.2f}'.replace('-', '−')


def _neighbour(neighbour: tuple[float, float] | None) -> str:
    return f'{plain(neighbour[0])} ({percent(neighbour[1])})' if neighbour else ''
