"""Sentences for the answers of experiments: means over seeds from the tidy table, listed and compared.

A variant whose trials all failed is missing from the table: lists leave it out, and a comparison with it is ''.
Whether a difference is more than chance is for reports to test, from the experiment's hypotheses.
"""

import pandas as pd


def means(table: pd.DataFrame, column: str = 'top1_err_pct') -> pd.Series:
    """Label -> mean of `column` over its seeds, in the order of the table, without labels that have no value."""
    if column not in table:
        return pd.Series(dtype=float)
    return table.groupby('label', sort=False)[column].mean().dropna()


def seeds(table: pd.DataFrame) -> str:
    """'with one seed', or 'as means over 5 seeds'."""
    count = table.groupby('label').seed.nunique().max()
    return 'with one seed' if count <= 1 else f'as means over {count} seeds'


def ranked(values: pd.Series, form: str = '{:.1f} %') -> str:
    """'a 1.0 %; b 2.0 %; c 3.0 %', the lowest first. Labels may contain commas."""
    return '; '.join(f'{label} {form.format(value)}' for label, value in values.sort_values(kind='stable').items())


def difference(values: pd.Series, label: str, other: str, what: str = 'test error') -> str:
    """A sentence such as 'A has 2.0 points less test error than B (1.0 against 3.0 %).'"""
    if label not in values or other not in values:
        return ''
    here, there = values[label], values[other]
    figures = f'({here:.1f} against {there:.1f} %)'
    points = round(abs(here - there), 1)
    if not points:
        return f'{label} has as much {what} as {other} {figures}.'
    return f'{label} has {points:.1f} points {"less" if here < there else "more"} {what} than {other} {figures}.'


def paragraph(*sentences: str) -> str:
    """The sentences, without the empty ones, joined to a paragraph."""
    return ' '.join(filter(None, sentences))
