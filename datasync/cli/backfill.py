"""`datasync backfill`: one run per window of an interval."""

from __future__ import annotations

from pathlib import Path

import click

from datasync.cli.options import contract_argument, json_option, param_option, parsed_params, verbose_option


@click.command()
@contract_argument
@click.option("--start", required=True, metavar="VALUE", help="Inclusive start.")
@click.option("--end", required=True, metavar="VALUE", help="Exclusive end.")
@click.option("--every", required=True, metavar="LENGTH", help="Length of a window: 1d, 6h; a number for integer cursors.")
@param_option
@json_option
@verbose_option
@click.pass_context
def backfill(
    ctx: click.Context, contract: Path, start: str, end: str, every: str, params: tuple[str, ...], as_json: bool, verbose: bool
) -> int:
    """One run per window from --start to --end, in order.

    Resumable: windows that a backfill published already are passed over. Stops at the first that is not published.
    """
    from datasync.cli.auditing import started_auditor
    from datasync.cli.execution import Shown, carry_out
    from datasync.cli.presenter import print_json
    from datasync.results.codec import document
    from datasync.results.verdict import exit_code, worst
    from datasync.sync.loading import load_any
    from datasync.sync.windows import backfill_options

    loaded = load_any(contract, parsed_params(params))
    shown = Shown(as_json, verbose, debug=bool(ctx.obj and ctx.obj["debug"]))
    results = []
    with started_auditor() as auditor:
        for options in backfill_options(loaded, (start, end, every), parsed_params(params)):
            results.append(carry_out(loaded, options, shown, auditor))
            if not results[-1].ok:
                break
    if as_json:
        print_json([document(result) for result in results])
    return int(worst([exit_code(result) for result in results]))
