"""`datasync kpi`: how well contracts, or their owners, have done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click

from datasync.cli.options import json_option


@click.command()
@click.option("--days", default=30, show_default=True, type=click.IntRange(1, 3650), help="How far to look back.")
@click.option("--by", type=click.Choice(["contract", "owner"]), default="contract", show_default=True)
@json_option
def kpi(days: int, by: str, as_json: bool) -> int:
    """Show success rate, quality, rows per second, time to resolve and freshness of contracts or owners.

    docs/reports.md defines each figure.
    """
    from datasync.cli.places import here, opened_history
    from datasync.cli.presenter import console, print_json
    from datasync.history.views import daily, figures
    from datasync.reports.kpi import by_owner, days_by_owner, document, show_figures
    from datasync.reports.owners import owners_of

    since = datetime.now(UTC) - timedelta(days=days)
    with opened_history(here()) as history:
        found = figures(history, since)
        series = daily(history, since) if as_json else []
    if by == "owner":
        found, series = by_owner(found), days_by_owner(series, owners_of(found))
    if as_json:
        print_json([document(one, series) for one in found])
    else:
        show_figures(found, console(), by)
    return 0
