"""`datasync lint`: every problem of contracts at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from datasync.cli.options import json_option


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(["terminal", "github"]), default="terminal", show_default=True)
@json_option
def lint(paths: tuple[Path, ...], form: str, as_json: bool) -> int:
    """Report every problem of contracts (default: contracts/), with file:line:column, what is allowed and a hint.

    Exit codes: 0 no error (advice is none), 2 something is wrong.
    """
    from datasync.cli.presenter import print_json, problem_document, show_problems
    from datasync.contract.loader import lint_paths

    files, problems = lint_paths(paths or (Path("contracts"),))
    errors = [problem for problem in problems if problem.severity != "advice"]
    if as_json:
        print_json({"files": [str(file) for file in files], "problems": [problem_document(problem) for problem in problems]})
    else:
        show_problems(problems, stderr=False)
        if form == "github":
            from datasync.cli.forms import in_repository
            from datasync.reports.github import annotated_problems

            named = [replace(problem, file=in_repository(Path(problem.file))) for problem in problems]
            click.echo(annotated_problems(named), nl=False)
        verdict = f"{len(errors)} problem{'s' if len(errors) != 1 else ''}" if errors else "no problem"
        click.echo(f"{len(files)} contract{'s' if len(files) != 1 else ''}: {verdict}")
    return 2 if errors else 0
