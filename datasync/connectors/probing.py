"""A connection, or its id, in, whether its system answers out."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from datasync.connectors.connections import lookup
from datasync.errors import ConnectorError
from datasync.seams import Connection

HTTP = ("http", "https", "rest", "graphql", "soap")
STORES = ("aws", "s3", "google_cloud_platform", "gcs", "gs", "wasb", "adls", "azure", "abfs")
"""Connections to object stores, as Airflow calls them and in short."""


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
        probing = PROBES.get(connection.kind)
        if probing is None:
            return f"connections of type '{connection.kind}' cannot be tested"
        probing(connection)
    except ConnectorError as error:
        return error.message
    return ""


def _postgres(connection: Connection) -> None:
    from datasync.connectors.postgres.engine import Session

    with closing(Session(connection)) as session:
        session.run("SELECT 1")


def _http(connection: Connection) -> None:
    from datasync.connectors.http.exchange import Limits
    from datasync.connectors.http.session import HttpSession

    with closing(HttpSession(connection, Limits(timeout=15, deadline=30, retries=1))) as session:
        session.probe()


def _mysql(connection: Connection) -> None:
    from datasync.connectors.mysql.engine import Session

    with closing(Session(connection)) as session:
        session.run("SELECT 1")


def _oracle(connection: Connection) -> None:
    from datasync.connectors.oracle.engine import Session

    with closing(Session(connection)) as session:
        session.run("SELECT 1 FROM DUAL")


def _store(connection: Connection) -> None:
    from datasync.connectors.files.stores.probe import probe as probe_store

    probe_store(connection)


PROBES: dict[str, Callable[[Connection], None]] = {
    "postgres": _postgres,
    "mysql": _mysql,
    "oracle": _oracle,
    **dict.fromkeys(HTTP, _http),
    **dict.fromkeys(STORES, _store),
}
"""How a connection of each kind is tried."""
