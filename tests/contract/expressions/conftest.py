"""Real servers for the tests of expressions: PostgreSQL and MariaDB in temporary folders, unless the environment names others."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from datasync.connectors.mysql.engine import settings
from tests.services import connection_of


@pytest.fixture(scope="session")
def postgres_connection(postgres_url: str) -> Iterator[Any]:
    import psycopg

    with psycopg.connect(postgres_url, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def mysql_connection(mysql_url: str) -> Iterator[Any]:
    import pymysql

    found = settings(connection_of(mysql_url))
    with closing(pymysql.connect(**found)) as connection, connection.cursor() as cursor:
        name = f"t_{secrets.token_hex(6)}"
        cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        try:
            cursor.execute(f"USE {name}")
            yield connection
        finally:
            cursor.execute(f"DROP DATABASE {name}")
