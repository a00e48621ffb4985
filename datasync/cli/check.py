"""`datasync check`: the gates alone; nothing is published."""

from __future__ import annotations

from pathlib import Path

import click

from datasync.cli.auditing import started_auditor
from datasync.cli.forms import chosen, form_options
from datasync.cli.options import json_option, param_option, verbose_option, window_options


@click.command()
@click.argument("contracts", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--data", type=click.Path(path_type=Path), help="Judge this file instead of the source.")
@click.option("--at", type=click.Choice(["target"]), help="Judge the published table.")
@window_options
@param_option
@click.option("--run-id", metavar="ID", help="Name the run.")
@click.option("--fail-on", type=click.Choice(["warn"]), help="Exit with 1 for warnings too.")
@form_options
@json_option
@verbose_option
@click.pass_context
def check(
    ctx: click.Context, /, contracts: tuple[Path, ...], data: Path | None, at: str | None, as_json: bool, verbose: bool,
    fail_on: str | None, **given: object,
) -> int:  # fmt: skip
    """Run the gates only: read the source, judge it, publish nothing, move no watermark.

    Rows that break a check are kept as evidence (datasync quarantine show RUN). In a pull request, --format github marks the
    lines of the contract that are broken; docs/ci.md has a workflow to copy.
    """
    if data is not None and at is not None:
        raise click.UsageError("--data and --at exclude each other")
    if data is not None and not data.is_file():
        raise click.UsageError(f"there is no file {data}")
    forms = chosen(given["forms"], given["output"], as_json)  # type: ignore[arg-type]
    with started_auditor() as auditor:
        from datasync.cli.execution import Shown, carry_out_all, options_of

        options = options_of(given, data=data, at_target=at == "target", kind="check")
        shown = Shown(as_json, verbose, fail_on == "warn", bool(ctx.obj and ctx.obj["debug"]), forms)
        return carry_out_all(contracts, options, shown, auditor)
