"""Real servers for tests, in temporary folders, or those that DATASYNC_TEST_POSTGRES_URL and DATASYNC_TEST_MYSQL_URL name."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import closing
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from datasync.seams import Connection
from datasync.testing.servers.mariadb import MariadbServer, mariadb_server, mysql_connect
from datasync.testing.servers.postgres import create_database, postgres_server, started
from tests.canary import SECRET

__all__ = ["MariadbServer", "connection_of", "mysql_connect", "started"]


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A libpq URL of a server whose user may create databases."""
    url = os.environ.get("DATASYNC_TEST_POSTGRES_URL")
    if url:
        yield url.replace("postgresql+psycopg://", "postgresql://")
        return
    with postgres_server() as made:
        yield made


@pytest.fixture
def postgres_database(postgres_url: str) -> Iterator[str]:
    """The URL of an empty database that only this test has."""
    import psycopg

    name = f"t_{secrets.token_hex(6)}"
    yield create_database(postgres_url, name)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def postgres_connection_of() -> Callable[[str], Connection]:
    """Turns a libpq URL into a connection as contracts name it."""
    return connection_of


@pytest.fixture(scope="session")
def mysql_url() -> Iterator[str]:
    """A URL of a server whose user may create databases."""
    url = os.environ.get("DATASYNC_TEST_MYSQL_URL")
    if url:
        yield url
        return
    with mariadb_server(SECRET) as server:
        yield server.url


@pytest.fixture
def mysql_database(mysql_url: str) -> Iterator[str]:
    """The URL of an empty database that only this test has; its own collation is one that ignores case."""
    name = f"t_{secrets.token_hex(6)}"
    with closing(mysql_connect(mysql_url)) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
        yield urlsplit(mysql_url)._replace(path=f"/{name}").geturl()
        cursor.execute(f"DROP DATABASE {name}")


def connection_of(url: str, name: str = "warehouse") -> Connection:
    """Read a libpq URL, or one of MySQL."""
    parts = urlsplit(url)
    mysql = parts.scheme.startswith(("mysql", "mariadb"))
    query = {key: values[0] for key, values in parse_qs(parts.query).items()}
    host = query.pop("host", None) or parts.hostname or ""
    return Connection(
        name,
        "mysql" if mysql else "postgres",
        host,
        parts.port or (int(query.pop("port")) if "port" in query else None),
        unquote(parts.username or ""),
        # A server that trusts its socket asks for no password: the planted one must show nowhere.
        unquote(parts.password or ("" if mysql else SECRET)),
        parts.path.lstrip("/"),
        query,
    )
