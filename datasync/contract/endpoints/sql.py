"""Databases as source and as target."""

from __future__ import annotations

from typing import Literal

from datasync.contract.endpoints.common import SqlSource, TargetBase


class PostgresSource(SqlSource):
    type: Literal["postgres"]
    connection: str


class SqliteSource(SqlSource):
    type: Literal["sqlite"]
    database: str


class DuckdbSource(SqlSource):
    type: Literal["duckdb"]
    database: str


class PostgresTarget(TargetBase):
    type: Literal["postgres"]
    connection: str
    table: str


class SqliteTarget(TargetBase):
    type: Literal["sqlite"]
    database: str
    table: str


class DuckdbTarget(TargetBase):
    type: Literal["duckdb"]
    database: str
    table: str
