"""A database of each kind, fresh for every test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from datasync.seams import Connection
from tests.connectors.files import stores
from tests.connectors.oracle.stand_in import CONNECTION, Server
from tests.connectors.sql_targets import KINDS, Place
from tests.services import connection_of


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A database of each kind in turn."""
    server = None
    if request.param in ("postgres", "mysql"):
        server = connection_of(request.getfixturevalue(f"{request.param}_database"))
    elif request.param == "oracle":
        server = replace(CONNECTION, extra={"url": request.getfixturevalue("oracle").url})
    made = Place(request.param, tmp_path, server)
    yield made
    made.close()


@pytest.fixture
def oracle(postgres_database: str, monkeypatch: pytest.MonkeyPatch) -> Server:
    """An empty stand-in for an Oracle server, which every `oracledb.connect` of the test reaches."""
    import oracledb

    server = Server(postgres_database)
    monkeypatch.setattr(oracledb, "connect", server.connect)
    return server


@pytest.fixture
def postgres(tmp_path: Path, postgres_database: str) -> Iterator[Place]:
    """An empty PostgreSQL database."""
    made = Place("postgres", tmp_path, connection_of(postgres_database))
    yield made
    made.close()


@pytest.fixture(scope="session")
def s3_server() -> Iterator[Connection]:
    """moto, or the S3 that the environment names."""
    with stores.serving("s3") as connection:
        yield connection


@pytest.fixture(scope="session")
def gs_server() -> Iterator[Connection]:
    """An emulator of Google Cloud Storage, or what the environment names."""
    with stores.serving("gs") as connection:
        yield connection


@pytest.fixture(scope="session")
def abfs_server() -> Iterator[Connection]:
    """azurite, or the account that the environment names."""
    with stores.serving("abfs") as connection:
        yield connection


@pytest.fixture(params=["s3", "gs", "abfs"])
def bucket(request: pytest.FixtureRequest) -> Iterator[stores.Bucket]:
    """An empty bucket in each store in turn."""
    with stores.bucket(request.param, request.getfixturevalue(f"{request.param}_server")) as made:
        yield made


@pytest.fixture
def mysql(tmp_path: Path, mysql_database: str) -> Iterator[Place]:
    """An empty database of MySQL."""
    made = Place("mysql", tmp_path, connection_of(mysql_database))
    yield made
    made.close()
