"""A target of files, one run of it, and rows of every type."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from pydantic import TypeAdapter

from datasync.connectors.files.target import FileTarget
from datasync.connectors.registry import open_target
from datasync.contract import endpoints
from datasync.contract.types import DataType, parse_type, polars_type
from datasync.seams import Commit, PublishRequest, Surroundings, TargetSpec

TYPES = {name: parse_type(text) for name, text in {
    "id": "int64", "small": "int8", "big": "uint64", "price": "decimal(38,12)", "cheap": "decimal(5,2)", "ratio": "float64",
    "half": "float32", "ok": "bool", "name": "string", "born": "date", "at": "timestamp[us, Asia/Seoul]",
    "naive": "timestamp[us]",
    "milli": "timestamp[ms]", "second": "timestamp[s]", "nano": "timestamp[ns]", "clock": "time", "raw": "binary", "doc": "json",
    "ident": "uuid", "tags": "list<string>", "marks": "list<int32>",
}.items()}  # fmt: skip

TARGETS: TypeAdapter[Any] = TypeAdapter(endpoints.Target)
SEOUL = ZoneInfo("Asia/Seoul")
ROWS: list[dict[str, Any]] = [
    {
        "id": 1, "small": -128, "big": 2**64 - 1,
        "price": Decimal("12345678901234567890123456.123456789012"), "cheap": Decimal("-0.10"),
        "ratio": 0.1, "half": 0.25, "ok": True, "name": 'quote " comma , line\nend \r and é 漢 \u2028 \\', "born": date(1, 1, 1),
        "at": datetime(2024, 3, 10, 2, 30, 0, 123456, SEOUL), "naive": datetime(9999, 12, 31, 23, 59, 59, 999999),
        "milli": datetime(2024, 1, 1, 0, 0, 0, 7000), "second": datetime(2024, 1, 1, 0, 0, 9),
        "nano": datetime(2024, 1, 1, 1, 1, 1, 1),
        "clock": time(23, 59, 59, 999999), "raw": b"\x00\xff", "doc": '{"a":[1, 2.50],"b":"x"}',
        "ident": "123e4567-e89b-12d3-a456-426614174000", "tags": ["a", 'b"c', ",", ""], "marks": [1, 2, None],
    },
    dict.fromkeys(TYPES) | {"id": 2},
    dict.fromkeys(TYPES) | {"id": 3, "ratio": 1e300, "half": 1e-7, "name": " 007 ", "price": Decimal("0E-12"), "ok": False,
                            "tags": [], "marks": []},
    dict.fromkeys(TYPES) | {"id": 4, "ratio": -0.0, "name": "NULL", "born": date(2024, 2, 29),
                            "at": datetime(1900, 1, 1, tzinfo=UTC)},
]  # fmt: skip


def frame(rows: list[dict[str, Any]], types: dict[str, DataType]) -> pl.DataFrame:
    """Rows typed as a contract says."""
    return pl.DataFrame(rows, schema={name: polars_type(kind) for name, kind in types.items()}, orient="row")


def target(kind: str, path: str, root: Path, **options: Any) -> FileTarget:
    """Open a target of a project in `root`."""
    surroundings = Surroundings(root, root / ".datasync", lambda name: (_ for _ in ()).throw(KeyError(name)))
    endpoint = TARGETS.validate_python({"type": kind, "path": path, "write": "replace", **options})
    found = open_target(endpoint, surroundings)
    assert isinstance(found, FileTarget)
    return found


def spec(run: str, write: Any, types: dict[str, DataType], **more: Any) -> TargetSpec:
    """What a run of the sync `shop` writes."""
    return TargetSpec(**({"sync": "shop", "contract": "shop", "run_id": run, "write": write, "columns": types} | more))


def run(opened: FileTarget, wanted: TargetSpec, frames: list[pl.DataFrame], **request: Any) -> Commit:
    """Stage and publish."""
    opened.inspect(wanted)
    token = opened.acquire(wanted)
    try:
        writer = opened.writer(wanted)
        for rows in frames:
            writer.write(rows)
        rows_staged = writer.finish()
        return opened.publish(wanted, PublishRequest(**({"token": token, "rows": rows_staged} | request)))
    finally:
        opened.close()


def content(opened: FileTarget, wanted: TargetSpec, order: str = "id") -> pl.DataFrame:
    """What is published, read back through a staging of the last run."""
    try:
        staging = opened.staging(wanted)
        opened._show(staging._handle, wanted)
        frames = list(staging.frames(f'SELECT * FROM "_datasync_published" ORDER BY {order}'))
        return pl.concat(frames) if frames else frame([], dict(wanted.columns))
    finally:
        opened.close()
