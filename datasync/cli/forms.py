"""Results and the forms somebody needs in, texts on stdout or files out: html, json, junit, markdown, github, terminal."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from datasync.results.model import RunResult
    from datasync.sync.project import Project

Command = TypeVar("Command", bound=Callable[..., Any])
FILES = {
    "terminal": "summary.txt", "html": "report.html", "json": "result.json", "junit": "junit.xml", "markdown": "summary.md",
    "github": "annotations.txt",
}  # fmt: skip
"""Form -> name of its file, where several are written."""


@dataclass(frozen=True, slots=True)
class Forms:
    """What is asked for: which forms, and where they go; no path: stdout."""

    names: tuple[str, ...] = ("terminal",)
    path: Path | None = None

    @property
    def plain(self) -> bool:
        """Nothing but the summary on the terminal."""
        return self.names == ("terminal",) and self.path is None


PLAIN = Forms()


class _Names(click.ParamType[tuple[str, ...]]):
    """One or more forms, separated by commas."""

    name = "forms"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """Read the names, each once."""
        if isinstance(value, tuple):
            return value
        names = tuple(dict.fromkeys(name.strip() for name in str(value).split(",")))
        for name in names:
            if name not in FILES:
                from datasync.errors import did_you_mean

                self.fail(f"'{name[:40]}' is none of {', '.join(FILES)}. {did_you_mean(name, FILES)}".rstrip(), param, ctx)
        return names

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """Give what help shows."""
        return "FORM[,FORM…]"


def form_options(command: Command) -> Command:
    """Add --format and --output."""
    words = f"{', '.join(FILES)}; several, separated by commas, need --output DIR."
    for option in (
        click.option("--output", type=click.Path(path_type=Path), help="Write to this file, or folder for several."),
        click.option("--format", "forms", type=_Names(), default="terminal", show_default=True, help=words),
    ):
        command = option(command)
    return command


def chosen(names: tuple[str, ...], output: Path | None, as_json: bool = False) -> Forms:
    """Check that the options fit each other.

    Raises:
        click.UsageError: several forms without a folder, or --json beside them.
    """
    if as_json and names != ("terminal",):
        raise click.UsageError("--json and --format exclude each other")
    if len(names) > 1 and (output is None or output.is_file()):
        raise click.UsageError("several forms are written to a folder: --output DIR")
    return Forms(names, output)


def give(results: Sequence[RunResult], forms: Forms, project: Project, verbose: bool = False) -> None:
    """Write results as they were asked for; where a page is among the files, the others say so."""
    if forms.path is not None and "html" in forms.names and len(results) == 1:
        page = forms.path if len(forms.names) == 1 and not forms.path.is_dir() else forms.path / FILES["html"]
        results = [replace(results[0], report=str(page))]
    texts = {name: text(name, results, project, verbose) for name in forms.names}
    if forms.path is None:
        for found in texts.values():
            click.echo(found, nl=not found.endswith("\n"))
        return
    from datasync.workspace import writing

    alone = len(texts) == 1 and not forms.path.is_dir()
    with writing(forms.path):
        (forms.path.parent if alone else forms.path).mkdir(parents=True, exist_ok=True)
        for name, found in texts.items():
            (forms.path if alone else forms.path / FILES[name]).write_text(found, encoding="utf-8")


def text(form: str, results: Sequence[RunResult], project: Project, verbose: bool = False) -> str:
    """Write results in one form.

    Raises:
        click.UsageError: several runs as one page.
    """
    if form == "html":
        from datasync.sync.reported import report_html

        if len(results) != 1:
            raise click.UsageError("a page is of one run: use --format html for one contract, or datasync report --site DIR")
        return report_html(project, results[0])
    makers: dict[str, Callable[[Sequence[RunResult], Project], str]] = {"json": _json, "junit": _junit, "github": _github}
    if form in makers:
        return makers[form](results, project)
    if form == "markdown":
        from datasync.reports.markdown import markdown

        return "\n".join(markdown(result) for result in results)
    return _terminal(results, verbose)


def _json(results: Sequence[RunResult], project: Project) -> str:
    import json

    from datasync.results.codec import document

    documents = [document(result) for result in results]
    return json.dumps(documents[0] if len(documents) == 1 else documents, indent=2, ensure_ascii=False) + "\n"


def _junit(results: Sequence[RunResult], project: Project) -> str:
    from datasync.reports.junit import junit

    return junit(*results)


def _github(results: Sequence[RunResult], project: Project) -> str:
    from datasync.reports.github import annotated
    from datasync.sync.reported import places_of

    found = []
    for result in results:
        path, places = places_of(project, result)
        found.append(annotated(result, in_repository(path) if path else "", places))
    return "".join(found)


def in_repository(path: Path) -> str:
    """Name a file as the checked-out repository does; one outside of it by its whole path."""
    root = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd()).resolve()
    full = path.resolve()
    return full.relative_to(root).as_posix() if full.is_relative_to(root) else str(full)


def _terminal(results: Sequence[RunResult], verbose: bool) -> str:
    from io import StringIO

    from rich.console import Console

    from datasync.reports.terminal import show

    stream = StringIO()
    for result in results:
        show(result, Console(file=stream, width=160, highlight=False, emoji=False), verbose)
    return stream.getvalue()
