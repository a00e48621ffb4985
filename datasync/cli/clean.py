"""`datasync clean`: retention."""

from __future__ import annotations

import click

from datasync.cli.options import json_option


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would go; remove nothing.")
@json_option
def clean(dry_run: bool, as_json: bool) -> int:
    """Apply retention.

    Workspaces and staging of runs go after 7 days, evidence is cut to 10,000 rows a run,
    quarantine goes after the contract's keep, history after a year.
    """
    from datasync.cli.places import here
    from datasync.cli.presenter import print_json
    from datasync.sync.retention import clean as apply

    removed = apply(here(), dry_run)
    if as_json:
        print_json(removed)
        return 0
    for what, names in removed.items():
        for name in names:
            click.echo(f"{'would remove' if dry_run else 'removed'} {what} {name}")
    if not any(removed.values()):
        click.echo("nothing to clean")
    return 0
