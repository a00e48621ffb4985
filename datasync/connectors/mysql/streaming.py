"""A session and a SELECT in, frames out: streamed in bounded memory, and ended from another thread within a second."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence

import polars as pl

from datasync.connectors.mysql.engine import Session
from datasync.connectors.mysql.types import Column
from datasync.connectors.mysql.values import frame_of
from datasync.contract.types import DataType
from datasync.errors import TransientError

BATCH_BYTES = 64 << 20
"""Wire bytes of a batch, at most, but for a single row that has more."""


def frames(
    session: Session, sql: str, columns: Sequence[Column], hints: Mapping[str, DataType], rows: int
) -> Generator[pl.DataFrame]:
    """Stream one SELECT.

    Args:
        session: nothing else runs in it meanwhile.
        sql: selects exactly `columns`.
        columns: how each is read.
        hints: what the first gate declares.
        rows: of a frame, at most.

    Raises:
        TransientError: the connection was lost, or the read was cancelled.
        PermanentError: see `values.frame_of`.
    """
    with session.streamed(sql) as packets:
        while packets.end is None:
            if session.stop.is_set():
                raise TransientError(f"mysql {session.name}: the read was interrupted", code="E_CANCELLED")
            cells = packets.batch(rows, BATCH_BYTES)
            if len(cells[0]):
                yield frame_of(cells, columns, hints)
        session.ended(packets)
