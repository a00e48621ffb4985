"""A file's bytes in, what a source makes of them out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from datasync.connectors.registry import open_source
from datasync.contract import endpoints
from datasync.contract.types import parse_type
from datasync.seams import POSITION, ReadRequest, Source, Surroundings, decode_position

Rows = list[tuple[Any, ...]]
"""Line, then cells."""
Bad = list[tuple[int, str]]
"""Line and reason."""


def source(kind: str, path: str, root: Path, options: dict[str, Any] | None = None) -> Source:
    """Open a source of a project in `root`."""
    more = {"options": options} if options else {}
    surroundings = Surroundings(root, root / ".datasync", lambda name: (_ for _ in ()).throw(KeyError(name)))
    return open_source(endpoints.FILE_SOURCES[kind].model_validate({"type": kind, "path": path, **more}), surroundings)


def read(opened: Source, types: dict[str, str] | None = None, **request: Any) -> tuple[list[str], Rows, Bad]:
    """Read all: header, rows with their lines, unreadable rows with their reasons."""
    declared = {name: parse_type(text) for name, text in (types or {}).items()}
    wanted = ReadRequest(types=declared, files=opened.files() or (), **request)
    rows: Rows = []
    bad: Bad = []
    with opened.read(wanted) as reading:
        header = list(reading.header)
        for batch in reading.batches():
            columns = [name for name in batch.frame.columns if name != POSITION]
            for row in batch.frame.select(pl.col(POSITION), *columns).rows():
                rows.append((decode_position(row[0])[1], *row[1:]))
            bad += [(decode_position(row.position)[1], row.reason) for row in reading.unreadable]
            reading.unreadable.clear()
        bad += [(decode_position(row.position)[1], row.reason) for row in reading.unreadable]
    return header, rows, sorted(bad)
