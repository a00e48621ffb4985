"""Source and target of an earlier configuration in, those of the native contract out; what has no counterpart is said."""

from __future__ import annotations

from functools import partial
from pathlib import PurePosixPath
from typing import Any, Protocol

from datasync.contract.formats.sync_config import SQL_TYPES, Source, SyncConfig, Target
from datasync.contract.formats.sync_variables import Names
from datasync.contract.yaml_tree import Path

FORMATS = {".csv": "csv", ".json": "json", ".ndjson": "ndjson", ".jsonl": "ndjson", ".parquet": "parquet", ".xml": "xml"}
"""What a file's name ends in -> its kind."""
COMPRESSED = (".gz", ".zst")


class Rewriter(Protocol):
    """What the parts of a rewriting share."""

    config: SyncConfig
    names: Names

    def attempt(self, path: Path, make: Any) -> Any:
        """Make a part; what does not fit is said at its place."""

    def problem(self, path: Path, found: str, hint: str = "") -> None:
        """Say that something has no counterpart."""


def source_of(rewriter: Rewriter, records: str | None = None) -> dict[str, Any]:
    """Give the native source, without columns.

    Args:
        rewriter: the rewriting.
        records: where an API's answer has its rows, for a file that does not say.
    """
    given = rewriter.config.source
    if given.type in SQL_TYPES:
        query = rewriter.attempt(("source", "query"), lambda: rewriter.names.query(given.query or ""))
        made = {"type": given.type, "connection": given.connection_id, "query": query}
    elif given.type == "rest_api":
        made = _api(rewriter, given, records)
    else:
        made = _file(rewriter, given, ("source",))
    return made | _changes(rewriter)


def target_of(rewriter: Rewriter) -> dict[str, Any]:
    """Give the native target; everything is merged by key, so that the same day can be sent again."""
    given = rewriter.config.target
    if given.type in SQL_TYPES:
        return {"type": given.type, "connection": given.connection_id, "table": given.table, "write": "merge"}
    if given.type == "file":
        return {**_file(rewriter, given, ("target",)), "write": "merge"}
    template = given.payload_template or {}
    if "data" in template:
        rewriter.problem(("target", "payload_template", "data"), "the key 'data', where the records go")
    payload = rewriter.attempt(("target", "payload_template"), lambda: rewriter.names.structure(template))
    made = {
        "type": "rest",
        "connection": given.connection_id,
        "endpoint": rewriter.attempt(("target", "endpoint"), lambda: rewriter.names.place(given.endpoint or "")),
        "method": given.method or "POST",
        "write": "merge",
    }
    return {**made, "payload": {**(payload or {}), "data": "{records}"}}


def _api(rewriter: Rewriter, given: Source, records: str | None) -> dict[str, Any]:
    names = rewriter.names
    endpoint = given.endpoint or ""
    # What stands in the address is not asked for again.
    asked = [name for name in given.params if f"{{{name}}}" not in endpoint]
    params = {name: rewriter.attempt(("source", "params", name), partial(names.request, name)) for name in asked}
    headers = rewriter.attempt(("source", "headers"), lambda: names.structure(given.headers or {}))
    made: dict[str, Any] = {
        "type": "rest",
        "connection": given.connection_id,
        "endpoint": rewriter.attempt(("source", "endpoint"), lambda: names.place(endpoint)),
    }
    made |= {"query_params": params} if params else {}
    made |= {"headers": headers} if headers else {}
    made |= {"records": given.records or records} if given.records or records else {}
    return made | ({"pagination": plain(given.pagination)} if given.pagination else {})


def _file(rewriter: Rewriter, given: Source | Target, path: Path) -> dict[str, Any]:
    kind = given.format or _format(given.path or "")
    if kind is None:
        rewriter.problem((*path, "path"), f"'{(given.path or '')[:60]}' does not say which kind of file it is",
                         "name it in format: csv, json, ndjson, parquet or xml")  # fmt: skip
    made: dict[str, Any] = {
        "type": kind,
        "path": rewriter.attempt((*path, "path"), lambda: rewriter.names.place(given.path or "")),
    }
    made |= {"connection": given.connection_id} if given.connection_id else {}
    return made | ({"options": plain(given.options)} if given.options else {})


def _format(path: str) -> str | None:
    name = PurePosixPath(path).name
    for ending in COMPRESSED:
        name = name.removesuffix(ending)
    return FORMATS.get(PurePosixPath(name).suffix.lower())


def _changes(rewriter: Rewriter) -> dict[str, Any]:
    """A database is asked by the configuration's query; an API and files tell by themselves whether they are other ones."""
    detection = rewriter.config.monitoring.change_detection
    if detection is None or not detection.enabled:
        return {}
    path = ("monitoring", "change_detection", "query")
    if rewriter.config.source.type not in SQL_TYPES:
        if detection.query is not None:
            rewriter.problem(path, f"a query, and the source is of type {rewriter.config.source.type}", "leave it out")
        return {"changes": {"by": "modified"}}
    if detection.query is None:
        rewriter.problem(path[:-1], "'query' is missing")
    return {"changes": {"query": rewriter.attempt(path, lambda: rewriter.names.query(detection.query or ""))}}


def plain(value: Any) -> Any:
    """Give a structure as YAML writes it."""
    from decimal import Decimal

    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return float(value) if isinstance(value, Decimal) else value
