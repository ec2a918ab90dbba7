"""The answer of a report in one sentence: the study's own where it is that short, otherwise one made from the data."""

import re

import pandas as pd
from markupsafe import Markup

from cnn_bench import stats
from cnn_bench.analysis import published
from cnn_bench.analysis.summary import learned_errors
from cnn_bench.analysis.verdicts import Judgement
from cnn_bench.format import human, percent
from cnn_bench.report.data import ReportData
from cnn_bench.report.page.sections import markdown

_LONGEST = 240  # characters
_MOST_NAMED = 4  # networks, or hypotheses
_VERBS = {stats.SUPPORTED: 'support {}', stats.CONTRADICTED: 'contradict {}', stats.UNDECIDED: 'leave {} undecided'}


def is_short(answer: str) -> bool:
    """Whether an answer (Markdown) is a sentence that is read at a glance."""
    said = answer.strip()
    return 0 < len(said) <= _LONGEST and not re.search(r'[.!?]\s|\n\s*\n', said)


def sentence(data: ReportData, answer: str) -> Markup:
    """One sentence as HTML: `answer` where it `is_short`, else the verdicts, or the networks with the least error."""
    if is_short(answer):
        return markdown(answer)
    about_cost = ''.join(data.charts[:1]).startswith('accuracy_vs_')
    said = _of_hypotheses([] if about_cost else data.judgements) or _of_costs(data.summary)
    return Markup('<p>{}</p>').format(re.sub(r'(?<=\d) (?=[%kMG])', '\N{NO-BREAK SPACE}', said))


def _of_hypotheses(judgements: list[Judgement]) -> str:
    """'Of 6 hypotheses these runs support 2 (a; b), contradict 1 (c).'; '' where there are none."""
    parts = []
    for state, verb in _VERBS.items():
        texts = [found.hypothesis.text for found in judgements if found.state == state]
        named = f' ({_several(texts)})' if state != stats.UNDECIDED or not parts else ''
        parts += [f'{verb.format(len(texts))}{named}'] if texts else []
    said = ' and '.join([', '.join(parts[:-1]), parts[-1]] if parts[1:] else parts)
    every = f'{len(judgements)} hypotheses' if len(judgements) > 1 else 'one hypothesis'
    return f'Of {every} these runs {said}.' if said else ''


def _of_costs(summary: pd.DataFrame) -> str:
    """The networks on the Pareto front of error against multiply-adds, or its ends; of several data sets how many; of
    published results the least error by each kind of recipe."""
    if summary.training.notna().all():
        return _of_recipes(summary)
    front = summary[summary.front & learned_errors(summary).notna()].to_dict('records')
    named = [f'{row["label"]} ({percent(row["top1_err_pct"], 1)} at {human(row["macs"])})' for row in front]
    named[0] = f'{named[0].removesuffix(")")} multiply-adds)'
    if len(named) == 1:
        return f'{named[0]}{" has both the least error and the fewest multiply-adds" if len(summary) > 1 else ""}.'
    if summary.training.notna().any():
        return (
            f'{len(named)} of {len(summary)} results have less error than any that is as cheap, each compared with our '
            'own runs on its data set, or with published results of its kind of recipe.'
        )
    if summary.dataset.nunique() > 1:
        return f'{len(named)} of {len(summary)} networks have less error than any of their data set that is as cheap.'
    which = f'from {named[0]} to {named[-1]}' if len(named) > _MOST_NAMED else ', '.join(named)
    return f'{len(named)} of {len(summary)} networks have less error than any that is as cheap: {which}.'


def _of_recipes(summary: pd.DataFrame) -> str:
    """'By a simple recipe a has the least error (1.0 % at 2 M multiply-adds), by a modern one b (0.5 % at 3 M).'"""
    best = summary[~summary.recipe.isin([published.MORE_DATA, published.UNSTATED])].sort_values('top1_err_pct')
    best = best.drop_duplicates('recipe').set_index('recipe')
    found = [best.loc[kind] for kind in published.KINDS if kind in best.index]
    said = [f'by a {row.name} one {row.arch} ({percent(row.top1_err_pct, 1)} at {human(row.macs)})' for row in found]
    if not said:
        return f'{len(summary)} published results.'
    said[0] = said[0].replace(' one ', ' recipe ', 1).removesuffix(')') + ' multiply-adds)'
    trained = f'{len(summary)} trainings of {summary.arch.nunique()} networks'
    return f'Of {trained}, compared only where the recipe is of one kind, the least error has {", ".join(said)}.'


def _several(texts: list[str]) -> str:
    more = [f'and {len(texts) - _MOST_NAMED} more'] if len(texts) > _MOST_NAMED else []
    return '; '.join([*texts[:_MOST_NAMED], *more])
