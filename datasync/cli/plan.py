"""`datasync plan`: the steps a run would take; no data is read."""

from __future__ import annotations

from pathlib import Path

import click

from datasync.cli.options import contract_argument, json_option, param_option, parsed_params, shadow_option, window_options


@click.command()
@contract_argument
@window_options
@param_option
@shadow_option
@json_option
def plan(contract: Path, params: tuple[str, ...], as_json: bool, **chosen: object) -> int:
    """Show the steps a run would take now: window, SQL per step, checks per gate, DDL of staging and target.

    With --shadow those of `run --shadow`: where it would publish, and from which watermark it would read.

    Looks at the target's state and the source's clock; reads no data, takes no lock.
    """
    import datasync
    from datasync.cli.presenter import console, print_json
    from datasync.results.codec import plain

    steps = datasync.load(contract, parsed_params(params)).plan(params=parsed_params(params), **chosen)
    if as_json:
        print_json([plain(step) for step in steps])
        return 0
    out = console()
    from rich.markup import escape

    for number, step in enumerate(steps, 1):
        out.print(f"[bold]{number} {step.name}[/]  {escape(step.summary)}", soft_wrap=True)
        for detail in step.details:
            for line in detail.splitlines():
                out.print(f"    [bright_black]{escape(line)}[/]", soft_wrap=True)
    return 0
