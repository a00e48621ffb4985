"""Where data comes from and where it goes: one model per kind, chosen by `type`; one file per family of kinds."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from datasync.contract.endpoints.api import ApiTarget, GraphqlTarget, Response, RestTarget, SoapTarget
from datasync.contract.endpoints.common import (
    Changes,
    Cursor,
    Deletes,
    Partition,
    ReplaceBy,
    Scd2,
    SqlTarget,
    Write,
    deletes_limit,
)
from datasync.contract.endpoints.delta import DeltaSource, DeltaTarget
from datasync.contract.endpoints.files import (
    FILE_SOURCES,
    CsvOptions,
    CsvSource,
    CsvTarget,
    JsonOptions,
    JsonSource,
    JsonTarget,
    NdjsonSource,
    NdjsonTarget,
    ParquetSource,
    ParquetTarget,
    XmlOptions,
    XmlSource,
    XmlTarget,
    XmlTargetOptions,
    reading,
)
from datasync.contract.endpoints.http import GraphqlSource, Pagination, RelayPagination, RestSource, SoapSource
from datasync.contract.endpoints.sql import (
    DuckdbSource,
    DuckdbTarget,
    MysqlSource,
    MysqlTarget,
    OracleSource,
    OracleTarget,
    PostgresSource,
    PostgresTarget,
    SqliteSource,
    SqliteTarget,
)

Source = Annotated[
    PostgresSource
    | MysqlSource
    | OracleSource
    | SqliteSource
    | DuckdbSource
    | CsvSource
    | ParquetSource
    | NdjsonSource
    | JsonSource
    | XmlSource
    | DeltaSource
    | RestSource
    | GraphqlSource
    | SoapSource,
    Field(discriminator="type"),
]
Target = Annotated[
    PostgresTarget
    | MysqlTarget
    | OracleTarget
    | SqliteTarget
    | DuckdbTarget
    | CsvTarget
    | ParquetTarget
    | NdjsonTarget
    | JsonTarget
    | XmlTarget
    | DeltaTarget
    | RestTarget
    | GraphqlTarget
    | SoapTarget,
    Field(discriminator="type"),
]

__all__ = [
    "FILE_SOURCES",
    "ApiTarget",
    "Changes",
    "CsvOptions",
    "CsvSource",
    "CsvTarget",
    "Cursor",
    "Deletes",
    "DeltaSource",
    "DeltaTarget",
    "DuckdbSource",
    "DuckdbTarget",
    "GraphqlSource",
    "GraphqlTarget",
    "JsonOptions",
    "JsonSource",
    "JsonTarget",
    "MysqlSource",
    "MysqlTarget",
    "NdjsonSource",
    "NdjsonTarget",
    "OracleSource",
    "OracleTarget",
    "Pagination",
    "ParquetSource",
    "ParquetTarget",
    "Partition",
    "PostgresSource",
    "PostgresTarget",
    "RelayPagination",
    "ReplaceBy",
    "Response",
    "RestSource",
    "RestTarget",
    "Scd2",
    "SoapSource",
    "SoapTarget",
    "Source",
    "SqlTarget",
    "SqliteSource",
    "SqliteTarget",
    "Target",
    "Write",
    "XmlOptions",
    "XmlSource",
    "XmlTarget",
    "XmlTargetOptions",
    "deletes_limit",
    "reading",
]
