"""Contracts and options in, runs with progress and printed results out, and the worst exit code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from datasync.cli.forms import PLAIN, Forms, give
from datasync.cli.options import parsed_params
from datasync.cli.presenter import console, print_json, progress, show_problems
from datasync.cli.traces import trace
from datasync.contract.loader import LoadedContract
from datasync.errors import ContractError, Problem
from datasync.gates.auditor import Auditor
from datasync.reports.terminal import show
from datasync.results.codec import document
from datasync.results.model import RunResult
from datasync.results.verdict import exit_code, worst
from datasync.sync.loading import load_any
from datasync.sync.options import RunOptions
from datasync.sync.project import open_project
from datasync.sync.session import Session


@dataclass(frozen=True, slots=True)
class Shown:
    """How results are shown."""

    as_json: bool = False
    verbose: bool = False
    fail_on_warn: bool = False
    debug: bool = False
    forms: Forms = PLAIN

    @property
    def quiet(self) -> bool:
        """stdout is for one document: no summary there."""
        return self.as_json or (self.forms.path is None and self.forms.names[0] not in ("terminal", "github"))


def options_of(given: Mapping[str, Any], **own: Any) -> RunOptions:
    """Give the options of a run.

    Args:
        given: what click parsed, by name.
        own: those that only one command has.
    """
    return RunOptions(
        window_start=given["window_start"],
        window_end=given["window_end"],
        params=parsed_params(given["params"]),
        full=bool(given["full"]),
        run_id=given["run_id"],
        **own,
    )


def load_all(
    paths: Iterable[Path], params: Mapping[str, str] | None = None, interval: tuple[str, str] | None = None
) -> list[LoadedContract]:
    """Load contracts; every problem of all of them is told at once.

    Raises:
        ContractError: any of them is wrong.
    """
    from datasync.contract.loader import find_contracts

    found: list[LoadedContract] = []
    problems: list[Problem] = []
    for path in find_contracts(paths):
        try:
            found.append(load_any(path, params, interval=interval))
        except ContractError as error:
            problems += error.problems
    if problems:
        raise ContractError(problems)
    return found


def carry_out_all(paths: tuple[Path, ...], options: RunOptions, shown: Shown, auditor: Auditor) -> int:
    """Run contracts one after the other and print their results.

    Returns:
        The worst exit code.
    """
    interval = (options.window_start, options.window_end) if options.window_start and options.window_end else None
    loaded = load_all(paths, options.params, interval)
    if len(loaded) > 1 and (options.data or options.at_target or options.run_id or options.begin):
        raise click.UsageError("--data, --at, --run-id and --from are for one contract")
    results = []
    for contract in loaded:
        results.append(carry_out(contract, options, shown, auditor))
        if results[-1].status == "interrupted":
            break
    if shown.as_json:
        documents = [document(result) for result in results]
        print_json(documents[0] if len(loaded) == 1 else documents)
    if not shown.forms.plain:
        give(results, shown.forms, open_project(loaded[0].path), shown.verbose)
    return int(worst([exit_code(result, shown.fail_on_warn) for result in results]))


def carry_out(loaded: LoadedContract, options: RunOptions, shown: Shown, auditor: Auditor) -> RunResult:
    """Run one contract with a progress bar; print its summary unless JSON was asked for."""
    if loaded.advice and not shown.quiet:
        show_problems(loaded.advice)
    with progress(loaded.contract.contract, shown.quiet) as tell:
        session = Session(loaded, replace(options, progress=tell), auditor)
        result = session.carry_out()
    if shown.debug and session.execution is not None and session.execution.error is not None:
        click.echo(trace(session.execution.error), err=True, nl=False)
    if not shown.quiet:
        show(result, console(), shown.verbose)
    return result
