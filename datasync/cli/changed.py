"""`datasync changed`: has the source anything new."""

from __future__ import annotations

from pathlib import Path

import click

from datasync.cli.options import contract_argument, json_option, param_option, parsed_params


@click.command()
@contract_argument
@param_option
@json_option
def changed(contract: Path, params: tuple[str, ...], as_json: bool) -> int:
    """Tell whether the source has anything new since the last published run: yes or no, with the count; reads no data."""
    from datasync.cli.presenter import print_json
    from datasync.sync.changes import changes
    from datasync.sync.loading import load_any

    found = changes(load_any(contract, parsed_params(params)), parsed_params(params))
    if as_json:
        print_json({"changed": found.changed, "count": found.count, "by": found.by})
    else:
        count = (
            ""
            if found.count is None
            else f", {found.count:,} {'file' if found.by == 'modified' else 'row'}{'s' if found.count != 1 else ''}"
        )
        click.echo(f"{'yes' if found.changed else 'no'}{count} (by {found.by})")
    return 0
