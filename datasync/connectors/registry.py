"""A contract's endpoint in, the connector that speaks to it out: two literal tables and one entry-point group."""

from __future__ import annotations

import importlib
from importlib.metadata import entry_points
from typing import Any, cast

from datasync.errors import UnknownName
from datasync.seams import Source, Surroundings, Target

SOURCES = {
    "postgres": "datasync.connectors.postgres.source:PostgresSource",
    "mysql": "datasync.connectors.mysql.source:MysqlSource",
    "oracle": "datasync.connectors.oracle.source:OracleSource",
    "sqlite": "datasync.connectors.sqlite.source:SqliteSource",
    "duckdb": "datasync.connectors.duckdb.source:DuckdbSource",
    "csv": "datasync.connectors.files.csv:CsvSource",
    "parquet": "datasync.connectors.files.parquet:ParquetSource",
    "ndjson": "datasync.connectors.files.ndjson:NdjsonSource",
    "rest": "datasync.connectors.rest.source:RestSource",
    "graphql": "datasync.connectors.graphql.source:GraphqlSource",
    "soap": "datasync.connectors.soap.source:SoapSource",
    "delta": "datasync.connectors.delta.source:DeltaSource",
    "json": "datasync.connectors.files.json:JsonSource",
    "xml": "datasync.connectors.files.xml:XmlSource",
}
TARGETS = {
    "postgres": "datasync.connectors.postgres.target:PostgresTarget",
    "mysql": "datasync.connectors.mysql.target:MysqlTarget",
    "oracle": "datasync.connectors.oracle.target:OracleTarget",
    "sqlite": "datasync.connectors.sqlite.target:SqliteTarget",
    "duckdb": "datasync.connectors.duckdb.target:DuckdbTarget",
    "csv": "datasync.connectors.files.csv:CsvTarget",
    "parquet": "datasync.connectors.files.parquet:ParquetTarget",
    "ndjson": "datasync.connectors.files.ndjson:NdjsonTarget",
    "rest": "datasync.connectors.api.target:ApiTarget",
    "graphql": "datasync.connectors.api.target:ApiTarget",
    "soap": "datasync.connectors.api.target:ApiTarget",
    "delta": "datasync.connectors.delta.target:DeltaTarget",
    "json": "datasync.connectors.files.json:JsonTarget",
    "xml": "datasync.connectors.files.xml:XmlTarget",
}
GROUP = "datasync.connectors"
"""Entry points of other packages: `source.NAME` and `target.NAME`, each a class."""


def open_source(endpoint: Any, surroundings: Surroundings) -> Source:
    """Give the connector of a contract's source; it does no I/O yet.

    Raises:
        UnknownName: no such kind.
    """
    return cast(Source, _class("source", endpoint.type, SOURCES)(endpoint, surroundings))


def open_target(endpoint: Any, surroundings: Surroundings) -> Target:
    """Give the connector of a contract's target; it does no I/O yet.

    Raises:
        UnknownName: no such kind.
    """
    return cast(Target, _class("target", endpoint.type, TARGETS)(endpoint, surroundings))


def _class(family: str, kind: str, table: dict[str, str]) -> Any:
    if kind in table:
        module, _, name = table[kind].partition(":")
        return getattr(importlib.import_module(module), name)
    others = {point.name.partition(".")[2]: point for point in entry_points(group=GROUP) if point.name.startswith(f"{family}.")}
    if kind not in others:
        raise UnknownName(f"{family} type", kind, [*table, *others])
    return others[kind].load()
