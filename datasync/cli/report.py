"""`datasync report`: a run's result again, in the form that somebody needs; or all of them as a site."""

from __future__ import annotations

from pathlib import Path

import click

from datasync.cli.forms import chosen, form_options, give
from datasync.cli.options import verbose_option


@click.command()
@click.argument("run_id", required=False)
@click.option("--contract", metavar="NAME", help="The newest run of this contract.")
@click.option("--shadow", is_flag=True, help="The newest run of a shadow (run --shadow), in place of the contracts' own.")
@click.option("--open", "opened", is_flag=True, help="Write the HTML page and open it in the browser.")
@click.option("--site", metavar="DIR", help="Bring a static site of all contracts and runs up to date there.")
@click.option("--data-docs", is_flag=True, help="With --site: Great Expectations' own pages too, linked.")
@form_options
@verbose_option
def report(
    run_id: str | None, contract: str | None, forms: tuple[str, ...], output: Path | None, opened: bool, verbose: bool,
    site: str | None, data_docs: bool, shadow: bool,
) -> int:  # fmt: skip
    """Show a run again (default: the newest that is no shadow's), in one or more forms; or build the site of all."""
    from datasync.cli.places import here
    from datasync.sync.recorded import recorded

    if site is not None:
        if run_id or contract or shadow or opened or output or forms != ("terminal",):
            raise click.UsageError("--site shows every run: it takes no run and no form")
        return _site(site, data_docs)
    if data_docs:
        raise click.UsageError("--data-docs goes with --site")
    if run_id and (contract or shadow):
        raise click.UsageError("--contract and --shadow say whose newest run: they go with no run's id")
    asked = chosen(forms, output)
    result = recorded(here(), run_id, contract, shadow)
    if opened:
        from datasync.sync.reported import report_html
        from datasync.workspace import writing

        page = output or Path(click.get_app_dir("datasync")) / f"{result.run_id}.html"
        text = report_html(here(), result)
        with writing(page):
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text(text, encoding="utf-8")
        click.launch(str(page))
        click.echo(str(page))
    elif asked.plain:
        from datasync.cli.presenter import console
        from datasync.reports.terminal import show

        show(result, console(), verbose)
    else:
        give([result], asked, here(), verbose)
    return 0


def _site(folder: str, data_docs: bool) -> int:
    from datasync.cli.places import here
    from datasync.storage import place
    from datasync.sync.site import build_site

    built = build_site(here(), place(folder), lambda words: click.echo(words, err=True), data_docs)
    runs = "1 new run" if built.runs == 1 else f"{built.runs:,} new runs"
    click.echo(f"{runs}, {built.files:,} files written: {folder.rstrip('/')}/index.html")
    return 0
