"""A result in, what a person reads in the terminal out: failures first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datasync.results.model import CheckResult, RunResult
from datasync.results.words import (
    SIGNS,
    alerts_line,
    check_line,
    counts_line,
    outcome_line,
    seconds,
    sorted_checks,
    status_counts,
    terms,
)

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

COLOURS = {"passed": "green", "warned": "yellow", "failed": "red", "held": "red", "error": "red", "refused": "red",
           "interrupted": "red", "skipped": "bright_black"}  # fmt: skip


def show(result: RunResult, console: Console, verbose: bool = False) -> None:
    """Print a run's summary.

    Args:
        result: the run.
        console: where to.
        verbose: list passed and skipped checks too.
    """
    from rich.markup import escape

    colour = COLOURS[result.status]
    console.print(
        f"[{colour} bold]{SIGNS[result.status]} {escape(result.contract)} {result.status}[/] "
        f"[bright_black]{escape(result.version)} · run {escape(result.run_id)} · {seconds(result.seconds)}[/]",
        highlight=False,
    )
    _line(console, "rows", counts_line(result))
    if result.window is not None:
        _line(console, "window", f"{result.window.start or 'the beginning'} … {result.window.end}")
    _line(console, "checks", status_counts(result))
    table = _table(result, verbose)
    if table.row_count:
        console.print(table)
    for note in result.notes:
        _line(console, "note", note)
    if result.error is not None:
        _line(console, "error", f"{result.error.code} {result.error.message}", "red")
        if result.error.hint:
            _line(console, "hint", result.error.hint)
    _line(console, "target", outcome_line(result))
    if result.alerts:
        _line(console, "alerts", alerts_line(result))
    if result.quarantine.rows and result.quarantine.location:
        _line(console, "set aside", f"datasync quarantine show {result.run_id}")


def _line(console: Console, word: str, text: str, colour: str = "") -> None:
    from rich.markup import escape

    painted = f"[{colour}]{escape(text)}[/]" if colour else escape(text)
    console.print(f"  [bright_black]{word:<10}[/]{painted}", highlight=False, soft_wrap=True)


def _table(result: RunResult, verbose: bool) -> Table:
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False, pad_edge=False)
    for _ in range(4):
        table.add_column(overflow="fold")
    for check in sorted_checks(result.checks):
        if verbose or check.status in ("failed", "error", "warned") or (check.failed and check.status == "passed"):
            table.add_row(*_row(check))
    return table


def _row(check: CheckResult) -> tuple[str, str, str, str]:
    from rich.markup import escape

    colour = COLOURS[check.status]
    said = terms(check)
    expected = escape(check.expected) + (f"[bright_black]; {escape(said)}[/]" if said else "")
    samples = f"  [bright_black]e.g. {escape(', '.join(check.samples[:3]))}[/]" if check.samples and check.failed else ""
    name = f"  [{colour}]{SIGNS[check.status]}[/] {escape(check.name)}"
    return name, f"[bright_black]{check.gate}[/]", escape(check_line(check)), expected + samples
