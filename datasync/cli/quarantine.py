"""`datasync quarantine`: rows set aside, with reasons; replay sends corrected rows through the gates again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from datasync.cli.options import json_option

if TYPE_CHECKING:
    from rich.console import Console


@click.group()
def quarantine() -> None:
    """List, show, export and replay rows set aside."""


@quarantine.command("list")
@click.option("--contract", metavar="NAME", help="Of this contract only.")
@json_option
def list_runs(contract: str | None, as_json: bool) -> int:
    """List runs that set rows aside, newest first.

    open: the run was published, its rows can be replayed. closed: all of them
    were replayed or superseded. evidence: it was not published.
    """
    from datasync.cli.places import here, opened_history
    from datasync.cli.presenter import console, print_json

    runs: dict[str, dict[str, Any]] = {}
    with opened_history(here()) as history:
        for batch in history.quarantine_batches(contract=contract):
            entry = runs.setdefault(
                batch.run_id, {"run_id": batch.run_id, "contract": batch.contract, "rows": 0, "state": batch.state, "reasons": {}}
            )
            entry["rows"] += batch.rows
            for reason, count in batch.reasons.items():
                entry["reasons"][reason] = entry["reasons"].get(reason, 0) + count
        for run_id, entry in runs.items():
            entry["closed"] = len(history.closed_rows(run_id))
            if entry["state"] == "open" and entry["closed"] >= entry["rows"]:
                entry["state"] = "closed"
    if as_json:
        print_json(list(runs.values()))
        return 0
    if not runs:
        click.echo("no row is in quarantine")
        return 0
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("run", "contract", "rows", "closed", "state", "reasons"):
        table.add_column(name, justify="right" if name in ("rows", "closed") else "left", overflow="fold")
    for entry in runs.values():
        reasons = ", ".join(
            f"{name} {count:,}" for name, count in sorted(entry["reasons"].items(), key=lambda item: -item[1])[:4]
        )
        table.add_row(entry["run_id"], entry["contract"], f"{entry['rows']:,}", f"{entry['closed']:,}", entry["state"], reasons)
    console().print(table)
    return 0


@quarantine.command()
@click.argument("run_id")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000), help="Rows per gate.")
@click.option("--reason", metavar="CHECK", help="Only rows that this check set aside.")
@click.option("--masked", is_flag=True, help="Values as the columns' `samples` allow, as reports and the web app show them.")
@json_option
def show(run_id: str, limit: int, reason: str | None, masked: bool, as_json: bool) -> int:
    """Show a run's rows with all their reasons. Without --masked this is the one place that shows row values."""
    if masked:
        return _masked(run_id, limit, reason or "", as_json)
    import polars as pl

    from datasync.cli.places import here
    from datasync.cli.presenter import console, print_json
    from datasync.results.codec import plain
    from datasync.sync.replay import stored

    documents = []
    for rows in stored(here(), run_id):
        frame = rows.frame.with_columns(rows.states)
        if reason:
            frame = frame.filter(pl.col("_reasons").list.contains(reason))
        total = frame.height
        frame = frame.head(limit)
        if as_json:
            documents += [plain(row) for row in frame.rows(named=True)]
            continue
        out = console()
        out.print(f"[bold]gate {rows.gate}[/]: {total:,} rows" + (f", the first {limit}" if total > limit else ""))
        _show(frame, out)
    if as_json:
        print_json(documents)
    return 0


def _masked(run_id: str, limit: int, reason: str, as_json: bool) -> int:
    from rich.text import Text

    from datasync.cli.fitting import show_rows
    from datasync.cli.places import here
    from datasync.cli.presenter import console, print_json
    from datasync.sync.aside_rows import Look
    from datasync.sync.aside_shown import shown

    rows = shown(here(), run_id, Look(reason, 0, limit))
    if as_json:
        print_json(
            [{"place": row.place, "reasons": list(row.reasons), **{cell.column: cell.text for cell in row.cells}} for row in rows]
        )
        return 0
    names = list(dict.fromkeys(name for row in rows for name in row.columns))
    placed = ["place"] if any(row.place for row in rows) else []
    lines = []
    for row in rows:
        cells = {cell.column: Text(cell.text, "red" if cell.bad else "") for cell in row.cells}
        head = [Text(row.place)] if placed else []
        lines.append([*head, Text(", ".join(row.reasons)), *(cells.get(name, Text()) for name in names)])
    show_rows(console(), [*placed, "reasons", *names], lines)
    return 0


def _show(frame: Any, out: Console) -> None:
    from rich.text import Text

    from datasync.cli.fitting import show_rows

    names = [name for name in frame.columns if name not in ("_gate", "_batch", "_id")]
    own = ("_reasons", "_file", "_line", "_state", "_text")
    lines = []
    for row in frame.select(names).rows(named=True):
        cells = [", ".join(row[name]) if name == "_reasons" else "" if row[name] is None else str(row[name]) for name in names]
        lines.append([Text(cell[:200]) for cell in cells])
    show_rows(out, [name.removeprefix("_") if name in own else name for name in names], lines)


@quarantine.command()
@click.argument("run_id")
@click.option("--to", "path", required=True, type=click.Path(path_type=Path), help="A .csv, .ndjson or .parquet file.")
@click.option(
    "--gate", type=click.Choice(["source", "prepared", "staged"]), help="Of this gate; needed when several set rows aside."
)
def export(run_id: str, path: Path, gate: str | None) -> int:
    """Write a run's rows to a file, to be corrected and replayed.

    In CSV, text that a spreadsheet would take for a formula gets a quote in front, and replay takes it off again; Parquet is
    exact.
    """
    from datasync.cli.places import here
    from datasync.sync.exported import export_rows

    rows = export_rows(here(), run_id, gate, path)
    click.echo(f"{rows:,} rows in {path}")
    return 0


@quarantine.command()
@click.argument("run_id")
@click.option("--data", "path", type=click.Path(path_type=Path), help="The corrected export; default: the rows as they are.")
@json_option
@click.pass_context
def replay(ctx: click.Context, run_id: str, path: Path | None, as_json: bool) -> int:
    """Send open rows through the gates again and publish those that pass, once.

    Where there is a key, rows are merged and never replace newer ones; otherwise they are added.
    """
    from datasync.cli.places import here
    from datasync.cli.presenter import console, print_json
    from datasync.reports.terminal import show as show_result
    from datasync.results.codec import document
    from datasync.results.verdict import exit_code, worst
    from datasync.sync.replay import replay as send

    results = send(here(), run_id, path)
    if as_json:
        documents = [document(result) for result in results]
        print_json(documents[0] if len(documents) == 1 else documents)
    else:
        for result in results:
            show_result(result, console())
    return int(worst([exit_code(result) for result in results]))
