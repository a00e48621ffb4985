"""`datasync report`: a run's result again, in the form that somebody needs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from datasync.cli.options import verbose_option

if TYPE_CHECKING:
    from datasync.results.model import RunResult


@click.command()
@click.argument("run_id", required=False)
@click.option("--contract", metavar="NAME", help="The newest run of this contract.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["terminal", "html", "json", "junit", "markdown"]),
    default="terminal",
    show_default=True,
)
@click.option("--site", metavar="DIR", help="Bring a static site of all contracts and runs up to date there.")
@click.option("--output", type=click.Path(path_type=Path), help="Write to this file instead of stdout.")
@click.option("--open", "opened", is_flag=True, help="Write the HTML page and open it in the browser.")
@verbose_option
def report(
    run_id: str | None, contract: str | None, form: str, output: Path | None, opened: bool, verbose: bool, site: str | None
) -> int:  # fmt: skip
    """Show a run again (default: the newest): terminal, html, json, junit or markdown."""
    if site is not None:
        return _site(site)
    from datasync.cli.places import here
    from datasync.cli.presenter import console
    from datasync.reports.junit import junit
    from datasync.reports.markdown import markdown
    from datasync.reports.terminal import show
    from datasync.results.codec import to_json
    from datasync.sync.recorded import recorded
    from datasync.sync.reported import report_html

    result = recorded(here(), run_id, contract)
    if opened:
        page = output or Path(click.get_app_dir("datasync")) / f"{result.run_id}.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(report_html(here(), result), encoding="utf-8")
        click.launch(str(page))
        click.echo(str(page))
        return 0
    if form == "terminal" and output is None:
        show(result, console(), verbose)
        return 0
    if form == "terminal":
        from io import StringIO

        from rich.console import Console

        stream = StringIO()
        show(result, Console(file=stream, width=160, highlight=False), verbose)
        text = stream.getvalue()
    else:
        makers: dict[str, Callable[[RunResult], str]] = {
            "json": to_json,
            "junit": junit,
            "markdown": markdown,
            "html": lambda found: report_html(here(), found),
        }
        text = makers[form](result)
    if output is None:
        click.echo(text)
    else:
        output.write_text(text, encoding="utf-8")
    return 0


def _site(folder: str) -> int:
    from datasync.cli.places import here
    from datasync.storage import place
    from datasync.sync.site import build_site

    built = build_site(here(), place(folder), lambda words: click.echo(words, err=True))
    runs = "1 new run" if built.runs == 1 else f"{built.runs:,} new runs"
    click.echo(f"{runs}, {built.files:,} files written: {folder.rstrip('/')}/index.html")
    return 0
