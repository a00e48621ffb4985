"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

contract_argument = click.argument("contract", type=click.Path(path_type=Path))
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
param_option = click.option(
    "--param", "params", multiple=True, metavar="NAME=VALUE", help="A declared param's value; repeat for more."
)
shadow_option = click.option(
    "--shadow", is_flag=True, help="Beside the target (TABLE__shadow), as a sync of its own; nothing of the target is touched."
)
verbose_option = click.option("-v", "--verbose", is_flag=True, help="List passed and skipped checks too.")


def window_options(command: Command) -> Command:
    """Add --window-start, --window-end and --full."""
    for option in (
        click.option("--full", is_flag=True, help="Read from cursor.start, ignoring the watermark."),
        click.option("--window-end", metavar="VALUE", help="Exclusive end of the window."),
        click.option("--window-start", metavar="VALUE", help="Inclusive start of the window."),
    ):
        command = option(command)
    return command


def parsed_params(given: tuple[str, ...]) -> dict[str, str]:
    """Read NAME=VALUE texts.

    Raises:
        click.UsageError: one is not of that form.
    """
    found = {}
    for text in given:
        name, mark, value = text.partition("=")
        if not mark or not name:
            raise click.UsageError(f"--param {text[:60]}: written NAME=VALUE")
        found[name] = value
    return found
