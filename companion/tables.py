"""What is done alike to tables of every kind."""

from collections.abc import Iterator

import pandas as pd


def split_by(table: pd.DataFrame, column: str) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield each name in a column with its lines, in the order in which the names first appear."""
    for name, lines in table.groupby(column, sort=False):
        yield str(name), lines
