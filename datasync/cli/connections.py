"""`datasync connections`: what is configured, and whether it answers."""

from __future__ import annotations

import click

from datasync.cli.options import json_option


@click.group()
def connections() -> None:
    """List and test connections."""


@connections.command("list")
@json_option
def list_connections(as_json: bool) -> int:
    """List connections and where each is configured; secrets are never shown."""
    from datasync.cli.places import here
    from datasync.cli.presenter import print_json
    from datasync.connectors.connections import configured, lookup

    root = here().root
    found = []
    for name, origin in sorted(configured(root).items()):
        connection = lookup(name, root)
        place = f"{connection.host}{f':{connection.port}' if connection.port else ''}/{connection.database}"
        found.append({"id": name, "type": connection.kind, "place": place, "login": connection.login, "from": origin})
    if as_json:
        print_json(found)
    elif not found:
        click.echo("no connection is configured: set AIRFLOW_CONN_<ID>, or write connections.yaml")
    for entry in [] if as_json else found:
        click.echo(f"{entry['id']:<20} {entry['type']:<10} {entry['place']:<40} {entry['login']:<15} {entry['from']}")
    return 0


@connections.command()
@click.argument("names", nargs=-1)
@json_option
def test(names: tuple[str, ...], as_json: bool) -> int:
    """Connect and sign in (default: every connection). Exit codes: 0 all answered, 3 one did not."""
    from datasync.cli.places import here
    from datasync.cli.presenter import print_json
    from datasync.connectors.connections import configured
    from datasync.connectors.probing import probe

    root = here().root
    answers = [{"id": name, "answer": probe(name, root)} for name in names or sorted(configured(root))]
    if as_json:
        print_json(answers)
    for entry in [] if as_json else answers:
        click.echo(f"{entry['id']:<20} {entry['answer'] or 'answers'}")
    return 3 if any(entry["answer"] for entry in answers) else 0
