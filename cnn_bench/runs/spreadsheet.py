"""Tables as CSV that a spreadsheet takes for data, never for formulas."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_FORMULA = ('=', '+', '-', '@', '\t', '\r')  # how a cell begins that a spreadsheet computes


def cell(value: Any) -> Any:
    """`value`; a text that a spreadsheet would compute has an apostrophe before it. Numbers stay as they are."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) and not _is_number(value) else value


def csv(table: 'pd.DataFrame') -> str:
    """A table as CSV, under its column names."""
    import pandas as pd

    texts = [name for name in table if not pd.api.types.is_numeric_dtype(table[name])]
    safe = table.assign(**{name: table[name].map(cell, na_action='ignore') for name in texts})
    return safe.rename(columns=cell).to_csv(index=False, lineterminator='\n')


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
