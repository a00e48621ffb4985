"""`datasync check`: the gates alone; nothing is published."""

from __future__ import annotations

from pathlib import Path

import click

from datasync.cli.auditing import started_auditor
from datasync.cli.options import contract_argument, json_option, param_option, parsed_params, verbose_option, window_options


@click.command()
@contract_argument
@click.option("--data", type=click.Path(path_type=Path), help="Judge this file instead of the source.")
@click.option("--at", type=click.Choice(["target"]), help="Judge the published table.")
@window_options
@param_option
@click.option("--run-id", metavar="ID", help="Name the run.")
@click.option("--fail-on", type=click.Choice(["warn"]), help="Exit with 1 for warnings too.")
@json_option
@verbose_option
@click.pass_context
def check(
    ctx: click.Context, /, contract: Path, data: Path | None, at: str | None, as_json: bool, verbose: bool, fail_on: str | None,
    **chosen: object,
) -> int:  # fmt: skip
    """Run the gates only: read the source, judge it, publish nothing, move no watermark.

    Rows that break a check are kept as evidence (datasync quarantine show RUN).
    """
    if data is not None and at is not None:
        raise click.UsageError("--data and --at exclude each other")
    if data is not None and not data.is_file():
        raise click.UsageError(f"there is no file {data}")
    with started_auditor() as auditor:
        from datasync.cli.execution import Shown, carry_out_all
        from datasync.sync.options import RunOptions

        options = RunOptions(
            window_start=chosen["window_start"],  # type: ignore[arg-type]
            window_end=chosen["window_end"],  # type: ignore[arg-type]
            params=parsed_params(chosen["params"]),  # type: ignore[arg-type]
            full=bool(chosen["full"]),
            run_id=chosen["run_id"],  # type: ignore[arg-type]
            data=data,
            at_target=at == "target",
            kind="check",
        )
        shown = Shown(as_json, verbose, fail_on == "warn", bool(ctx.obj and ctx.obj["debug"]))
        return carry_out_all((contract,), options, shown, auditor)
