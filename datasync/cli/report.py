"""`datasync report`: a run's result again, in the form that somebody needs."""

from __future__ import annotations

from pathlib import Path

import click

from datasync.cli.options import verbose_option


@click.command()
@click.argument("run_id", required=False)
@click.option("--contract", metavar="NAME", help="The newest run of this contract.")
@click.option(
    "--format", "form", type=click.Choice(["terminal", "json", "junit", "markdown"]), default="terminal", show_default=True
)
@click.option("--output", type=click.Path(path_type=Path), help="Write to this file instead of stdout.")
@verbose_option
def report(run_id: str | None, contract: str | None, form: str, output: Path | None, verbose: bool) -> int:
    """Show a run again (default: the newest): terminal, json, junit or markdown."""
    from datasync.cli.places import here
    from datasync.cli.presenter import console
    from datasync.reports.junit import junit
    from datasync.reports.markdown import markdown
    from datasync.reports.terminal import show
    from datasync.results.codec import to_json
    from datasync.sync.recorded import recorded

    result = recorded(here(), run_id, contract)
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
        text = {"json": to_json, "junit": junit, "markdown": markdown}[form](result)
    if output is None:
        click.echo(text)
    else:
        output.write_text(text, encoding="utf-8")
    return 0
