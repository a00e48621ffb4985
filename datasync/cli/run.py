"""`datasync run`: whole syncs, one after the other; all contracts are linted before any runs."""

from __future__ import annotations

from pathlib import Path

import click

from datasync.cli.auditing import started_auditor
from datasync.cli.forms import chosen, form_options
from datasync.cli.options import json_option, param_option, shadow_option, verbose_option, window_options
from datasync.seams import STAGES


@click.command()
@click.argument("contracts", nargs=-1, required=True, type=click.Path(path_type=Path))
@window_options
@param_option
@click.option(
    "--from", "begin", type=click.Choice(STAGES), help="Resume the last unfinished run, or --run-id's, from this stage."
)
@click.option("--run-id", metavar="ID", help="Name the run; of a finished run: give its result again.")
@shadow_option
@click.option("--fail-on", type=click.Choice(["warn"]), help="Exit with 1 for warnings too.")
@form_options
@json_option
@verbose_option
@click.pass_context
def run(
    ctx: click.Context, /, contracts: tuple[Path, ...], as_json: bool, verbose: bool, fail_on: str | None, **given: object
) -> int:
    """Run whole syncs: extract, gate, stage, audit, publish, reconcile.

    Exit codes: 0 passed or warned, 1 violated or held, 2 contract or command line wrong, 3 a system failed, 4 refused,
    130 interrupted. Of several contracts the worst counts: 130 > 3 > 1 > 4 > 0.
    """
    begin, run_id = given["begin"], given["run_id"]
    windowed = given["window_start"] or given["window_end"] or given["full"]
    if begin and windowed:
        raise click.UsageError("--from resumes a run with its own window: it takes no window flags")
    if (run_id or begin) and len(contracts) > 1:
        raise click.UsageError("--run-id and --from are for one contract")
    forms = chosen(given["forms"], given["output"], as_json)  # type: ignore[arg-type]
    with started_auditor() as auditor:
        from datasync.cli.execution import Shown, carry_out_all, options_of

        options = options_of(given, begin=begin, shadow=bool(given["shadow"]))
        shown = Shown(as_json, verbose, fail_on == "warn", bool(ctx.obj and ctx.obj["debug"]), forms)
        return carry_out_all(contracts, options, shown, auditor)
