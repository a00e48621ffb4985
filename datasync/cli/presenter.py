"""Results, problems and progress in, the terminal out: the only place where commands print for people."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from datasync.errors import ContractError, DataSyncError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from datasync.stages.context import Progress


def console(stderr: bool = False) -> Console:
    """Give a console for people; plain where the stream is no terminal."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else 160
    return Console(file=stream, highlight=False, emoji=False, width=width, soft_wrap=not stream.isatty())


def print_json(value: Any) -> None:
    """Print one JSON document."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def say_error(error: DataSyncError, as_json: bool) -> None:
    """Say what went wrong and what to do, on stderr; with `--json` also as a document on stdout."""
    problems = list(error.problems) if isinstance(error, ContractError) else []
    if as_json:
        entry = {"code": error.code, "stage": error.stage, "message": error.message, "hint": error.hint}
        print_json({"status": "error", "error": entry, "problems": [problem_document(problem) for problem in problems]})
    if problems:
        show_problems(problems)
        return
    shown = console(stderr=True)
    from rich.markup import escape

    shown.print(f"[red bold]{error.code}[/] {escape(error.message)}")
    if error.hint:
        shown.print(f"  [bright_black]hint[/] {escape(error.hint)}")


def problem_document(problem: Problem) -> dict[str, Any]:
    """Give a problem as JSON."""
    return {name: getattr(problem, name) for name in Problem.__slots__}


def show_problems(problems: Iterable[Problem], stderr: bool = True) -> None:
    """List problems of contracts: place, what was found, what is allowed, a hint."""
    from rich.text import Text

    shown = console(stderr=stderr)
    for problem in problems:
        place = ":".join(str(part) for part in (problem.file, problem.line, problem.column) if part)
        colour = "yellow" if problem.severity == "advice" else "red"
        word = "advice" if problem.severity == "advice" else "error"
        where = f" {problem.where}:" if problem.where else ""
        # Text, not markup: rich takes the backslash before a bracket away, and patterns are full of them.
        shown.print(Text.assemble((place, "bold"), ": ", (word, colour), f"{where} {problem.found}"), soft_wrap=True)
        for name, said in (("allowed", problem.allowed), ("hint   ", problem.hint)):
            if said:
                shown.print(Text.assemble("    ", (name, "bright_black"), f" {said}"), soft_wrap=True)


@contextmanager
def progress(title: str, quiet: bool) -> Iterator[Callable[[Progress], None]]:
    """Show how far a run is: a bar on a terminal, a plain line every few seconds elsewhere, nothing when quiet."""
    if quiet:
        yield lambda moved: None
    elif sys.stderr.isatty():
        with _bar(title) as tell:
            yield tell
    else:
        yield _plain(title)


@contextmanager
def _bar(title: str) -> Iterator[Callable[[Progress], None]]:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    lock = threading.Lock()
    started = time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=20, pulse_style="cyan"), TextColumn("{task.fields[words]}"),
               TimeElapsedColumn())  # fmt: skip
    with Progress(*columns, console=console(stderr=True), transient=True) as shown:
        task = shown.add_task(title, total=None, words="")
        read = [0]

        def tell(moved: Any) -> None:
            with lock:
                if moved.stage == "extract":
                    read[0] = moved.rows
                rate = read[0] / max(time.monotonic() - started, 0.001)
                words = f"{moved.stage:<13} {moved.rows:>13,} rows {rate:>12,.0f} rows/s"
                shown.update(task, words=words)

        yield tell


def _plain(title: str) -> Callable[[Progress], None]:
    last = [time.monotonic()]

    def tell(moved: Progress) -> None:
        if time.monotonic() - last[0] >= 5:
            last[0] = time.monotonic()
            click.echo(f"{title}: {moved.stage} {moved.rows:,} rows", err=True)

    return tell
