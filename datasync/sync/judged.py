"""A contract and what `check` is to judge in, the contract of that check out: another source, without what lies before it."""

from __future__ import annotations

from typing import Any

from datasync.contract.endpoints import Scd2
from datasync.contract.endpoints.api import API_KINDS
from datasync.contract.expressions.dialects import quote_identifier
from datasync.contract.model import Contract
from datasync.contract.types import Dialect
from datasync.errors import UsageError
from datasync.sync.options import RunOptions


def judged(contract: Contract, options: RunOptions) -> Contract:
    """Put what the caller names in the source's place.

    A file (`--data`) is read and transformed as the source would be. The published table (`--at target`) has the transforms
    behind it: only what consumers are promised is judged. Neither can be counted against the source.

    Raises:
        UsageError: a file of a kind that is not known, or no target.
    """
    if options.data is None and not options.at_target:
        return contract
    count = contract.count.model_copy(update={"tolerance": None}) if contract.count is not None else None
    if options.data is not None:
        return contract.model_copy(update={"source": file_endpoint(options.data, contract.source), "count": count})
    return contract.model_copy(update={"source": target_as_source(contract), "transform": (), "count": count})


def file_endpoint(path: Any, source: Any = None) -> Any:
    """Read a file; its kind is its suffix, its options those of the source in whose place it is read, if of its kind."""
    from datasync.contract.endpoints import FILE_SOURCES

    kinds = {
        ".csv": "csv", ".tsv": "csv", ".parquet": "parquet", ".ndjson": "ndjson", ".jsonl": "ndjson", ".json": "json",
        ".xml": "xml",
    }  # fmt: skip
    suffix = path.with_suffix("").suffix if path.suffix in (".gz", ".zst") else path.suffix
    if suffix not in kinds:
        raise UsageError(f"{path.name}: a file ends in {', '.join(kinds)}", code="E_DATA")
    kind = kinds[suffix]
    like = source is not None and source.type == kind
    if kind == "xml" and not like:
        raise UsageError(
            f"{path.name}: nothing says which elements are rows", code="E_DATA", hint="a contract with an XML source says it"
        )
    model: Any = FILE_SOURCES[kind]
    common = {"type": kind, "path": str(path.resolve()), "columns": source.columns if source is not None else None}
    return model(**common, options=source.options) if like else model(**common)


def target_as_source(contract: Contract) -> Any:
    """Read the published table: of a history the versions that hold, without rows that are marked as gone."""
    from datasync.contract import endpoints

    target: Any = contract.target
    if target is None:
        raise UsageError("--at target needs a target", code="E_NO_TARGET")
    if target.type in API_KINDS:
        raise UsageError(f"--at target: what a {target.type} target holds cannot be read back", code="E_NO_TARGET")
    if target.type in endpoints.FILE_SOURCES:
        return endpoints.reading(target)
    model = {
        "duckdb": endpoints.DuckdbSource, "sqlite": endpoints.SqliteSource, "postgres": endpoints.PostgresSource,
        "mysql": endpoints.MysqlSource, "oracle": endpoints.OracleSource,
        "delta": endpoints.DeltaSource,
    }[target.type]  # fmt: skip
    fields = {name: getattr(target, name) for name in ("connection", "database", "table", "path") if hasattr(target, name)}
    holding = _holding(contract)
    if holding is not None:
        fields |= {"table": None, "query": holding}
    found: Any = model(type=target.type, **fields)
    return found


def _holding(contract: Contract) -> str | None:
    """The query of the rows that hold, where the target has others beside them."""
    target: Any = contract.target
    dialect: Dialect = target.type
    # Oracle keeps booleans as numbers.
    numbers = dialect == "oracle"
    if target.write == "scd2":
        current = quote_identifier((target.scd2 or Scd2()).current, dialect)
        condition = f"{current} = 1" if numbers else f"{current} IS TRUE"
    elif getattr(target, "deletes", None) is not None and target.deletes.missing == "mark":
        mark = quote_identifier(target.deletes.column, dialect)
        condition = f"NVL({mark}, 0) = 0" if numbers else f"{mark} IS NOT TRUE"
    else:
        return None
    names = ", ".join(quote_identifier(name, dialect) for name in contract.columns)
    table = ".".join(quote_identifier(part, dialect) for part in target.table.split("."))
    return f"SELECT {names} FROM {table} WHERE {condition}"
