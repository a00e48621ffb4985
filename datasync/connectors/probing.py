"""A connection, or its id, in, whether its system answers out."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from datasync.connectors.connections import lookup
from datasync.errors import ConnectorError
from datasync.seams import Connection


def probe(name: str, root: Path) -> str:
    """Look a connection up, connect and sign in; give an empty text, or why it did not work, without secrets."""
    try:
        connection = lookup(name, root)
    except ConnectorError as error:
        return error.message
    return probe_connection(connection)


def probe_connection(connection: Connection) -> str:
    """Connect and sign in; give an empty text, or why it did not work, without secrets."""
    try:
        if connection.kind != "postgres":
            return f"connections of type '{connection.kind}' cannot be tested"
        _postgres(connection)
    except ConnectorError as error:
        return error.message
    return ""


def _postgres(connection: Connection) -> None:
    from datasync.connectors.postgres.engine import Session

    with closing(Session(connection)) as session:
        session.run("SELECT 1")
