"""Synthetic tidy tables, `table` and as large as asked."""

import pandas as pd
import pytest
from fake_table import fake_table


@pytest.fixture(scope='session')
def make_table():
    return fake_table


@pytest.fixture
def table() -> pd.DataFrame:
    return fake_table(12, seeds=3)
