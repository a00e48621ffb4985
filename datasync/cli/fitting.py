"""Named columns and rows in, a table on the terminal out, or a block for each row where the table would not fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

GAP = 2
"""Blanks between columns."""


def show_rows(console: Console, names: Sequence[str], rows: Sequence[Sequence[Text]]) -> None:
    """Print rows so that no value is cut or broken into pieces.

    Args:
        console: where to.
        names: of the columns.
        rows: a cell for each name.
    """
    from rich.cells import cell_len

    widths = [max([cell_len(name), *(row[place].cell_len for row in rows)]) for place, name in enumerate(names)]
    if sum(widths) + GAP * len(widths) <= console.width:
        _table(console, names, rows)
    else:
        _blocks(console, names, rows)


def _table(console: Console, names: Sequence[str], rows: Sequence[Sequence[Text]]) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, padding=(0, GAP, 0, 0))
    for name in names:
        table.add_column(escape(name), no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _blocks(console: Console, names: Sequence[str], rows: Sequence[Sequence[Text]]) -> None:
    from rich.cells import cell_len
    from rich.markup import escape
    from rich.table import Table

    for row in rows:
        block = Table(box=None, padding=(0, GAP, 0, 0), show_header=False)
        # The same width in every block, so that values stand below each other.
        block.add_column(style="bright_black", overflow="fold", width=min(max(map(cell_len, names)), console.width // 3))
        block.add_column(overflow="fold")
        for name, cell in zip(names, row, strict=True):
            block.add_row(escape(name), cell)
        console.print(block)
        console.print()
