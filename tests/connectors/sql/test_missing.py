"""Names that a database misses, out of its words and nothing else of them; asked of real servers."""

from __future__ import annotations

from pathlib import Path

import pytest

from datasync.connectors.registry import open_source
from datasync.connectors.sql.missing import missing
from datasync.contract.endpoints import DuckdbSource, MysqlSource, PostgresSource
from datasync.errors import ConnectorError
from datasync.seams import Connection, Surroundings
from tests.services import connection_of


@pytest.mark.parametrize(
    "text",
    [
        "Duplicate entry 'SSN-1' for key",
        'duplicate key value violates unique constraint "k" Key (id)=(1) already exists',
        'Key (at)=(relation "x" does not exist) already exists',
        "",
    ],
)
def test_other_words_are_left_alone(text: str) -> None:
    assert missing(text) == ("", "")


def test_names_are_bounded() -> None:
    assert len(missing(f'relation "{"n" * 500}" does not exist')[0]) == 81


def said(endpoint: PostgresSource | MysqlSource | DuckdbSource, root: Path, connection: Connection) -> ConnectorError:
    source = open_source(endpoint, Surroundings(root, root, lambda _: connection))
    try:
        with pytest.raises(ConnectorError) as caught:
            source.cursor_type("id", {})
    finally:
        source.close()
    return caught.value


@pytest.mark.parametrize(
    ("query", "name"), [("SELECT * FROM nope", "nope"), ("SELECT t.nope FROM (SELECT 1 AS id) AS t", "t.nope")]
)
def test_servers_are_understood(query: str, name: str, tmp_path: Path, postgres_database: str, mysql_database: str) -> None:
    for found in (
        said(PostgresSource(type="postgres", connection="shop", query=query), tmp_path, connection_of(postgres_database)),
        said(MysqlSource(type="mysql", connection="shop", query=query), tmp_path, connection_of(mysql_database)),
    ):
        assert found.code == "E_NO_TABLE"
        assert name in found.message
        assert "check" in found.hint


def test_duckdb_names_the_table(tmp_path: Path, postgres_database: str) -> None:
    import duckdb

    duckdb.connect(str(tmp_path / "x.duckdb")).close()
    endpoint = DuckdbSource(type="duckdb", database="x.duckdb", table="nope")
    found = said(endpoint, tmp_path, connection_of(postgres_database))
    assert (found.code, "nope" in found.message, "check" in found.hint) == ("E_NO_TABLE", True, True)
