"""Databases as source and as target."""

from __future__ import annotations

from typing import Literal

from datasync.contract.endpoints.common import SqlSource, SqlTarget


class PostgresSource(SqlSource):
    type: Literal["postgres"]
    connection: str


class MysqlSource(SqlSource):
    type: Literal["mysql"]
    connection: str


class OracleSource(SqlSource):
    type: Literal["oracle"]
    connection: str


class SqliteSource(SqlSource):
    type: Literal["sqlite"]
    database: str


class DuckdbSource(SqlSource):
    type: Literal["duckdb"]
    database: str


class PostgresTarget(SqlTarget):
    type: Literal["postgres"]
    connection: str
    table: str


class MysqlTarget(SqlTarget):
    type: Literal["mysql"]
    connection: str
    table: str


class OracleTarget(SqlTarget):
    type: Literal["oracle"]
    connection: str
    table: str


class SqliteTarget(SqlTarget):
    type: Literal["sqlite"]
    database: str
    table: str


class DuckdbTarget(SqlTarget):
    type: Literal["duckdb"]
    database: str
    table: str
