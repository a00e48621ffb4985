"""The source of an earlier configuration in, its columns out: as the source declares them, or as its first rows show them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol, cast

from pydantic import TypeAdapter, ValidationError

from datasync.connectors.registry import open_source
from datasync.contract.endpoints import Source
from datasync.contract.formats.sync_columns import SourceColumns, kind_of, text_columns
from datasync.contract.formats.sync_config import SQL_TYPES, SyncConfig
from datasync.contract.types import DataType
from datasync.errors import PermanentError, UsageError
from datasync.seams import Connection, ReadRequest, Surroundings
from datasync.sync.prepare import interval_variables
from datasync.sync.systems import rendered

SAMPLE = 1_000
"""Rows that are looked at where a source declares no types."""
SAMPLED = ("rest", "json", "ndjson")
"""Kinds whose values have types although their columns have none."""
RECORDS = ("$[*]", "$.data[*]")
"""Where an API's answer has its rows, for a file that does not say; the first that fits."""
Types = Mapping[str, DataType | None]


class Sampling(Protocol):
    """A source whose first rows can be seen as they stand."""

    def sample(self, request: ReadRequest, rows: int) -> list[Any]:
        """Give them."""


class UnfitBlock(Exception):
    """A source that the contract's own types refuse.

    Attributes:
        where: the key below `source`.
        found: why.
    """

    def __init__(self, where: tuple[str | int, ...], found: str) -> None:
        super().__init__(found)
        self.where = where
        self.found = found


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a source is asked with.

    Attributes:
        params: values of params in place of the file's own.
        connections: looks connections up; default: the environment and connections.yaml.
        interval: the data interval, as text; default: today.
    """

    params: Mapping[str, str] = field(default_factory=dict)
    connections: Callable[[str], Connection] | None = None
    interval: tuple[str, str] | None = None

    def moments(self) -> dict[str, Any]:
        """Give the run variables of the interval."""
        found = interval_variables(self.interval, datetime.now(UTC))
        return {**found, "last_run_time": found["data_interval_start"], "run_id": "import"}


def ask(
    config: SyncConfig, block: Mapping[str, Any], values: Mapping[str, Any], key: Sequence[str], around: Surroundings
) -> SourceColumns:
    """Ask the source which columns it gives.

    Args:
        config: the earlier configuration.
        block: its source as a native contract has it, without columns.
        values: of the params and run variables that it names.
        key: columns of the key.
        around: where connections and files are.

    Raises:
        UnfitBlock: the block does not fit.
        UsageError: the source has no such key.
        ConnectorError: it cannot be asked.
    """
    request = ReadRequest(variables=values)
    if block["type"] == "rest":
        columns = _api(config, block, request, key, around)
    else:
        endpoint = rendered(_endpoint(block), values)
        types, text = _declared(endpoint, request, around)
        columns = SourceColumns(_typed(config, types, key, around) if text else types, tuple(key), text)
    missing = [column for column in key if column not in columns.types]
    if missing:
        raise UsageError(
            f"the source has no column {', '.join(missing)} to be the key", code="E_IMPORT",
            hint=f"datasync import --key COLUMN names it; there are {', '.join(columns.types)}",
        )  # fmt: skip
    return columns


def _endpoint(block: Mapping[str, Any]) -> Any:
    try:
        return TypeAdapter(Source).validate_python({name: _frozen(value) for name, value in block.items() if name != "changes"})
    except ValidationError as error:
        first = error.errors()[0]
        # The first step of a place is the kind that was chosen.
        raise UnfitBlock(tuple(first["loc"][1:]), first["msg"]) from None


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _api(
    config: SyncConfig, block: Mapping[str, Any], request: ReadRequest, key: Sequence[str], around: Surroundings
) -> SourceColumns:
    paths = [block["records"]] if "records" in block else list(RECORDS)
    for number, records in enumerate(paths, 1):
        source = open_source(_endpoint({**block, "records": records}), around)
        try:
            rows = cast(Sampling, source).sample(request, SAMPLE)
        except PermanentError:
            if number == len(paths):
                raise
            continue
        finally:
            source.close()
        return SourceColumns(_typed(config, _shown(rows), key, around), tuple(key), text=True, records=records)
    raise AssertionError("the last path raises or returns")


def _declared(endpoint: Any, request: ReadRequest, around: Surroundings) -> tuple[Types, bool]:
    """Columns and types as the source has them, and whether they are text that the contract casts."""
    source = open_source(endpoint, around)
    try:
        if endpoint.type not in SQL_TYPES:
            request = ReadRequest(variables=request.variables, files=source.files() or ())
        if endpoint.type in SAMPLED:
            return _shown(cast(Sampling, source).sample(request, SAMPLE)), True
        with source.read(request) as reading:
            types = {name: reading.types.get(name) for name in reading.header}
            return types, endpoint.type not in (*SQL_TYPES, "parquet")
    finally:
        source.close()


def _shown(rows: Sequence[Any]) -> Types:
    """Types of the values of some rows, by column."""
    cells: dict[str, list[Any]] = {}
    for row in rows:
        if type(row) is dict:
            for name, value in row.items():
                cells.setdefault(name, []).append(_plain(value))
    return {name: kind_of(values) for name, values in cells.items()}


def _plain(value: Any) -> Any:
    """Numbers are text that remembers how it was written; so is nested JSON."""
    from datasync.connectors.files.json_lines import Raw
    from datasync.json_text import Number

    if isinstance(value, Raw):
        return ()
    if not isinstance(value, Number):
        return value
    return int(value) if value.removeprefix("-").isdecimal() and len(value) < 30 else float(value)


def _typed(config: SyncConfig, shown: Types, key: Sequence[str], around: Surroundings) -> Types:
    return text_columns(config, shown, _table(config, around), tuple(key))


def _table(config: SyncConfig, around: Surroundings) -> Types:
    """Columns of the target's table: what text means there. None where it is no table, or not made yet."""
    target = config.target
    if target.type not in SQL_TYPES:
        return {}
    source = open_source(_endpoint({"type": target.type, "connection": target.connection_id, "table": target.table}), around)
    try:
        with source.read(ReadRequest()) as reading:
            return {name: reading.types.get(name) for name in reading.header}
    except PermanentError:
        # No such table yet; a server that will not be spoken to is said by the run.
        return {}
    finally:
        source.close()
