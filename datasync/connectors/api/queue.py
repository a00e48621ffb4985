"""A run's audited staging in, its rows numbered for sending out: the numbers stay what they are whatever happens in between."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from datasync.connectors.duckdb.engine import Handle, first
from datasync.connectors.duckdb.rows import typed
from datasync.connectors.duckdb.staging import quoted
from datasync.connectors.files.staging import tables_of
from datasync.errors import PermanentError
from datasync.seams import Published, TargetSpec

ROWS, TAKEN = quoted("_datasync_queue"), quoted("_datasync_taken")
NUMBER = quoted("__number")


class Queue:
    """The rows of one run, numbered from 1, in the run's staging file.

    Args:
        handle: the file.
        spec: what is sent.
    """

    def __init__(self, handle: Handle, spec: TargetSpec) -> None:
        self._handle = handle
        self._spec = spec

    def build(self, rows: int) -> None:
        """Number the staged rows, in the order they were staged; committed.

        Raises:
            PermanentError: staging holds another number of rows than the audit saw.
        """
        staging = tables_of(self._spec).staging
        with self._handle.transaction() as connection:
            found = first(connection, f"SELECT count(*) FROM {staging}")
            if found is None or found[0] != rows:
                held = found[0] if found else 0
                raise PermanentError(f"staging holds {held} rows, the audit saw {rows}", code="E_STAGING_COUNT")
            connection.execute(
                f"CREATE OR REPLACE TABLE {ROWS} AS SELECT row_number() OVER (ORDER BY rowid) AS {NUMBER}, * FROM {staging}"
            )

    def rows(self, low: int, high: int) -> pl.DataFrame:
        """Give the rows numbered `low` to `high`, both inclusive, with `POSITION` where the run has it."""
        with self._handle.statements() as connection:
            found = connection.sql(
                f"SELECT * EXCLUDE ({NUMBER}) FROM {ROWS} WHERE {NUMBER} BETWEEN {low:d} AND {high:d} ORDER BY {NUMBER}"
            ).to_arrow_table()
        frame = pl.from_arrow(found)
        assert isinstance(frame, pl.DataFrame)
        if frame.height != high - low + 1:
            raise PermanentError(f"the queue has {frame.height} of rows {low} to {high}", code="E_STAGING_COUNT")
        return typed(frame, self._spec.columns)

    def compare(self, ranges: Iterable[tuple[int, int]], refused: Iterable[int]) -> Published:
        """Give what was acknowledged and what should have been, as relations of this file.

        Args:
            ranges: numbers of rows in answered batches, first and last.
            refused: numbers of rows that the API refused.
        """
        kept = pl.DataFrame({"n": list(refused)}, schema={"n": pl.Int64})
        spans = pl.DataFrame(list(ranges), schema={"low": pl.Int64, "high": pl.Int64}, orient="row")
        frames: Mapping[str, pl.DataFrame] = {"_datasync_refused": kept, "_datasync_spans": spans}
        with self._handle.statements() as connection:
            for name, frame in frames.items():
                connection.register("_datasync_given", frame.to_arrow())
                connection.execute(f"CREATE OR REPLACE TABLE {quoted(name)} AS SELECT * FROM _datasync_given")
                connection.unregister("_datasync_given")
            connection.execute(
                f"CREATE OR REPLACE TABLE {TAKEN} AS SELECT q.{NUMBER} FROM {ROWS} q JOIN _datasync_spans s "
                f"ON q.{NUMBER} BETWEEN s.low AND s.high WHERE q.{NUMBER} NOT IN (SELECT n FROM _datasync_refused)"
            )
        taken = f"(SELECT * FROM {ROWS} JOIN {TAKEN} USING ({NUMBER})) AS taken"
        if not kept.height:
            return Published(taken)
        return Published(taken, f"(SELECT * FROM {ROWS} WHERE {NUMBER} NOT IN (SELECT n FROM _datasync_refused)) AS expected")
