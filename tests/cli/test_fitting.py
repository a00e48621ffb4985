"""Rows on a terminal: never a value cut or an id broken, however narrow it is."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console
from rich.text import Text

from datasync.cli.fitting import show_rows
from datasync.cli.runs import runs_table

NAMES = ["reasons", "icao", "name"]
ROWS = [[Text("name.max_length"), Text("K2CB"), Text("[Camp] Blanding Army Air Field")], [Text("a"), Text(), Text("Żabče")]]
RUN = {
    "run": "20261127T114707-538fd4bd", "contract": "world_airports", "status": "[red]failed[/]",
    "started (UTC)": "2026-11-27 11:47:07", "took": "4.7 s", "staged": "22,339", "published": "0", "set aside": "5,959", "window": "",
}  # fmt: skip


def printed(width: int) -> tuple[Console, StringIO]:
    text = StringIO()
    return Console(file=text, width=width, highlight=False), text


@pytest.mark.parametrize(("width", "lines"), [(80, 3), (30, 8)])
def test_rows_are_a_table_where_it_fits_and_blocks_elsewhere(width: int, lines: int) -> None:
    console, text = printed(width)
    show_rows(console, NAMES, ROWS)
    said = text.getvalue()
    assert "name.max_length" in said
    assert "[Camp]" in said
    assert "Żabče" in said
    assert len([line for line in said.splitlines() if line.strip()]) in (lines, lines - 1)


@pytest.mark.parametrize("width", [80, 120, 160])
def test_ids_of_runs_are_whole(width: int) -> None:
    console, text = printed(width)
    console.print(runs_table([RUN], console))
    said = text.getvalue()
    assert RUN["run"] in said
    assert "5,959" in said
    assert max(map(len, said.splitlines())) <= width
