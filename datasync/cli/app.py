"""The command line: one lazily imported file per command, so that help answers at once."""

from __future__ import annotations

import gc
import importlib
import os
import sys
from typing import Any

import click

from datasync.errors import ContractError, DataSyncError, StorageError, UsageError

COMMANDS = {
    "lint": ("datasync.cli.lint:lint", "Report every problem of contracts, with file, line and hint."),
    "plan": ("datasync.cli.plan:plan", "Show the steps a run would take; read no data."),
    "check": ("datasync.cli.check:check", "Run the gates only; publish nothing."),
    "run": ("datasync.cli.run:run", "Run whole syncs: extract, gate, stage, audit, publish, reconcile."),
    "backfill": ("datasync.cli.backfill:backfill", "One run per window of an interval; resumable."),
    "compare": ("datasync.cli.compare:compare", "Tell in which rows two tables differ, or a target and its shadow."),
    "changed": ("datasync.cli.changed:changed", "Tell whether the source has anything new."),
    "runs": ("datasync.cli.runs:runs", "List, show, release and reject runs."),
    "report": ("datasync.cli.report:report", "Show a run again, in any form, or all as a static site."),
    "kpi": ("datasync.cli.kpi:kpi", "Show success, quality, speed and freshness of contracts or owners."),
    "quarantine": ("datasync.cli.quarantine:quarantine", "List, show, export and replay rows set aside."),
    "incidents": ("datasync.cli.incidents:incidents", "Triage broken promises: list, show, ack, snooze, assign, resolve."),
    "alerts": ("datasync.cli.alerts:alerts", "Show, deliver and test messages: pending, send, test."),
    "import": ("datasync.cli.importing:import_file", "Rewrite an earlier configuration as a contract."),
    "ui": ("datasync.cli.ui:ui", "Serve the web app: contracts, runs, incidents, quarantine, contract editor."),
    "schema": ("datasync.cli.schema:schema", "Print the JSON Schema of contracts, for editors."),
    "compile": ("datasync.cli.compile:compile_suites", "Write the Great Expectations suites of contracts."),
    "connections": ("datasync.cli.connections:connections", "List and test connections."),
    "clean": ("datasync.cli.clean:clean", "Apply retention to workspace, staging, quarantine and history."),
}
"""name -> (where it lives, its one line of help)."""
YOUNG = 250_000
"""Objects made before Python looks for garbage among them: modules are none, and its looks took an eighth of our imports."""


class LazyGroup(click.Group):
    """A group that imports a command only when it is used; its list needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the names in the order people meet them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        found: click.Command = getattr(importlib.import_module(module), name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list from the table, importing nothing."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in COMMANDS.items()])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Add "did you mean" to an unknown command."""
        from datasync.errors import did_you_mean

        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in COMMANDS:
            raise click.UsageError(f"no command '{name}'. {did_you_mean(name, COMMANDS)}".rstrip())
        return super().resolve_command(ctx, args)


def _version(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        import datasync

        click.echo(f"datasync {datasync.__version__}")
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--debug", is_flag=True, help="Show tracebacks of defects.")
@click.option(
    "--log-format", type=click.Choice(["text", "json"]), envvar="DATASYNC_LOG", show_envvar=True,
    help="Log the events of runs to stderr.",
)  # fmt: skip
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Print the version.")
@click.pass_context
def app(ctx: click.Context, debug: bool, log_format: str | None) -> None:
    """datasync: a contract is the pipeline.

    Exit codes: 0 passed or warned, 1 violated or held, 2 contract or command line wrong, 3 a system failed, 4 refused,
    130 interrupted.
    """
    if log_format is not None:
        from datasync.cli.logs import configure

        configure(log_format)
    ctx.obj = {"debug": debug}


def invoke(arguments: list[str]) -> int:
    """Run one command and give its exit code; nothing is raised."""
    try:
        found = app.main(args=arguments, prog_name="datasync", standalone_mode=False)
        return int(found) if isinstance(found, int) else 0
    except click.exceptions.Abort:
        click.echo("interrupted", err=True)
        return 130
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except click.ClickException as error:
        error.show()
        return 2
    except DataSyncError as error:
        return _say(error, "--json" in arguments)
    except Exception as error:
        return _defect(error, arguments)


def _defect(error: Exception, arguments: list[str]) -> int:
    """Whatever nobody expected: said in one line, with the traceback where it was asked for."""
    if "--debug" in arguments:
        from datasync.cli.traces import trace

        click.echo(trace(error), err=True, nl=False)
    found = DataSyncError(
        f"an unexpected {type(error).__name__}", code="E_INTERNAL", hint="this is a defect of datasync: --debug says where"
    )
    return _say(found, "--json" in arguments)


def _say(error: DataSyncError, as_json: bool) -> int:
    from datasync.cli.presenter import say_error

    say_error(error, as_json)
    return 2 if isinstance(error, ContractError | UsageError) else 3 if isinstance(error, StorageError) else _code(error)


def _code(error: DataSyncError) -> int:
    from datasync.errors import Interrupted, Refused

    return 4 if isinstance(error, Refused) else 130 if isinstance(error, Interrupted) else 3


def main() -> None:
    """The `datasync` script: run, flush, and leave without tearing the interpreter down.

    Drivers and engines loaded in the process print tens of lines about leaks while the interpreter ends; nothing is left to be
    done then, so it is not waited for.
    """
    gc.set_threshold(YOUNG)
    # numpy's linear algebra, which is of no use here, would start a thread per processor as soon as numpy is imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    code = invoke(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            code = code or 1
    os._exit(code)


if __name__ == "__main__":
    main()
