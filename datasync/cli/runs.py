"""`datasync runs`: what ran, and what waits for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from datasync.cli.options import json_option, verbose_option

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

COLUMNS = ("run", "contract", "status", "started (UTC)", "took", "staged", "published", "set aside", "window")
NARROW = ("contract", "status", "started (UTC)", "published", "set aside")
FIGURES = ("took", "staged", "published", "set aside")


@click.group()
def runs() -> None:
    """List, show, release and reject runs."""


@runs.command("list")
@click.option("--contract", metavar="NAME", help="Of this contract only.")
@click.option("--status", metavar="STATUS", help="passed, warned, failed, held, error, refused, interrupted or running.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@json_option
def list_runs(contract: str | None, status: str | None, limit: int, as_json: bool) -> int:
    """List runs, newest first."""

    from datasync.cli.places import here, opened_history
    from datasync.cli.presenter import console, print_json
    from datasync.reports.terminal import COLOURS
    from datasync.results.codec import plain
    from datasync.results.words import seconds

    with opened_history(here()) as history:
        found = history.list_runs(contract, status, limit)
    if as_json:
        print_json([plain(row) for row in found])
        return 0
    if not found:
        click.echo("no run yet")
        return 0

    lines = []
    for row in found:
        colour = COLOURS.get(row.status, "white")
        window = f"{row.window_start or ''} … {row.window_end}" if row.window_end else ""
        name = row.contract if row.kind == "run" else f"{row.contract} ({row.kind})"
        started = f"{row.started_at:%Y-%m-%d %H:%M:%S}"
        counts = (f"{row.staged:,}", f"{row.published:,}", f"{row.quarantined:,}")
        cells = (row.run_id, name, f"[{colour}]{row.status}[/]", started, seconds(row.seconds), *counts, window)
        lines.append(dict(zip(COLUMNS, cells, strict=True)))
    out = console()
    out.print(runs_table(lines, out))
    return 0


def runs_table(lines: Sequence[Mapping[str, str]], console: Console) -> Table:
    """Lay out runs; ids are there to be copied, so that a narrow terminal shows fewer columns, not shorter ids."""
    from rich.measure import Measurement

    table = _table(lines, COLUMNS)
    if Measurement.get(console, console.options.update(max_width=1000), table).maximum <= console.width:
        return table
    under = [{**line, "contract": f"{line['contract']}\n  [bright_black]{line['run']}[/]"} for line in lines]
    return _table(under, NARROW)


def _table(lines: Sequence[Mapping[str, str]], names: Sequence[str]) -> Table:
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in names:
        table.add_column(name, justify="right" if name in FIGURES else "left", no_wrap=name != "contract", overflow="fold")
    for line in lines:
        table.add_row(*(line[name] for name in names))
    return table


@runs.command()
@click.argument("run_id")
@json_option
@verbose_option
def show(run_id: str, as_json: bool, verbose: bool) -> int:
    """Show a run's result again."""
    from datasync.cli.places import here
    from datasync.cli.presenter import console, print_json
    from datasync.reports.terminal import show as show_result
    from datasync.results.codec import document
    from datasync.sync.recorded import recorded

    result = recorded(here(), run_id)
    if as_json:
        print_json(document(result))
    else:
        show_result(result, console(), verbose)
    return 0


@runs.command()
@click.argument("run_id")
@click.option("--reason", required=True, help="Why; kept with the run.")
@json_option
def release(run_id: str, reason: str, as_json: bool) -> int:
    """Publish a held run's staging as it was audited; send the rest of a run that an API stopped."""
    from datasync.cli.places import here
    from datasync.sync.held import release as let_go

    return _print(let_go(here(), run_id, reason), as_json)


@runs.command()
@click.argument("run_id")
@click.option("--reason", required=True, help="Why; kept with the run.")
@json_option
def reject(run_id: str, reason: str, as_json: bool) -> int:
    """End a held run, or one that an API stopped: nothing more of it will be published."""
    from datasync.cli.places import here
    from datasync.sync.held import reject as end

    _print(end(here(), run_id, reason), as_json)
    return 0


def _print(result: object, as_json: bool) -> int:
    from datasync.cli.presenter import console, print_json
    from datasync.reports.terminal import show as show_result
    from datasync.results.codec import document
    from datasync.results.model import RunResult
    from datasync.results.verdict import exit_code

    assert isinstance(result, RunResult)
    if as_json:
        print_json(document(result))
    else:
        show_result(result, console())
    return int(exit_code(result))
