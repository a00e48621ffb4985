"""Staged rows and a Delta table in, one commit of a write mode out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from datasync.connectors.delta.tables import Location
from datasync.connectors.delta.types import kept
from datasync.contract.expressions.dialects import literal_sql, quote_identifier
from datasync.contract.types import DataType, arrow_type
from datasync.failpoints import failpoint
from datasync.plan.local_time import held
from datasync.seams import TargetSpec, WindowValue

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa
    from deltalake import CommitProperties, DeltaTable


class Feed:
    """Frames as one Arrow stream; an error of theirs is kept, for it comes back from deltalake as a text.

    Args:
        frames: of the spec's columns.
        spec: what is written.
    """

    def __init__(self, frames: Iterator[pl.DataFrame], spec: TargetSpec) -> None:
        import pyarrow as pa

        self._frames = frames
        self._names = list(spec.columns)
        self.schema = pa.schema([pa.field(name, arrow_type(kept(kind))) for name, kind in spec.columns.items()])
        self.error: BaseException | None = None

    def reader(self) -> pa.RecordBatchReader:
        """Give the stream; it can be read once."""
        import pyarrow as pa

        return pa.RecordBatchReader.from_batches(self.schema, self._batches())

    def _batches(self) -> Iterator[pa.RecordBatch]:
        try:
            for frame in self._frames:
                yield from frame.select(self._names).to_arrow().cast(self.schema).to_batches()
            failpoint("publish.after_files")
        except BaseException as error:
            self.error = error
            raise


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a table.

    Attributes:
        location: of the table.
        table: as it was judged; None: it is made.
        spec: what is written.
        added: columns that the table gets.
    """

    location: Location
    table: DeltaTable | None
    spec: TargetSpec
    added: tuple[str, ...] = ()

    def commit(self, feed: Feed, carried: CommitProperties) -> None:
        """Write the rows and commit, in one version of the table.

        Raises:
            CommitFailedError: somebody committed since.
            Whatever the feed raises.
        """
        try:
            if self.table is None:
                self._create(feed, carried)
            elif self.spec.write == "merge":
                self._merge(self.table, feed, carried)
            else:
                self._write(self.table, feed, carried)
        except Exception:
            if feed.error is not None:
                raise feed.error from None
            raise

    def _create(self, feed: Feed, carried: CommitProperties) -> None:
        from deltalake import write_deltalake

        # An append must always be able to tell what was added, so its log is never cleaned.
        settings = {"delta.enableExpiredLogCleanup": "false"} if self.spec.write == "append" else {}
        write_deltalake(
            self.location.uri, feed.reader(), mode="error", storage_options=dict(self.location.options),
            configuration=settings, commit_properties=carried,
        )  # fmt: skip

    def _write(self, table: DeltaTable, feed: Feed, carried: CommitProperties) -> None:
        from deltalake import write_deltalake

        mode: Any = "append" if self.spec.write == "append" else "overwrite"
        predicate = inside(self.spec) if self.spec.write == "replace_window" else None
        write_deltalake(table, feed.reader(), mode=mode, schema_mode="merge", predicate=predicate, commit_properties=carried)

    def _merge(self, table: DeltaTable, feed: Feed, carried: CommitProperties) -> None:
        """Upsert by key; a merge that changes nothing makes no version, so its commit is an append of no rows."""
        import pyarrow as pa
        from deltalake import write_deltalake

        before = table.version()
        merging = table.merge(
            feed.reader(), predicate=" AND ".join(f"t.{_name(name)} = s.{_name(name)}" for name in self.spec.key),
            source_alias="s", target_alias="t", merge_schema=bool(self.added), commit_properties=carried,
        )  # fmt: skip
        values = {_name(name): f"s.{_name(name)}" for name in self.spec.columns}
        others = {name: value for name, value in values.items() if name not in {_name(key) for key in self.spec.key}}
        if others:
            merging = merging.when_matched_update(others, predicate=self._supersedes())
        merging.when_not_matched_insert(values).execute()
        if table.version() == before:
            empty = pa.RecordBatchReader.from_batches(feed.schema, iter(()))
            write_deltalake(table, empty, mode="append", schema_mode="merge", commit_properties=carried)

    def _supersedes(self) -> str:
        """Tell rows that differ and are not newer in the table."""
        names = [_name(name) for name in self.spec.columns if name not in self.spec.key]
        there = [name for name in names if name not in {_name(added) for added in self.added}]
        parts = [f"(t.{name} IS DISTINCT FROM s.{name})" for name in there]
        parts += [f"(s.{_name(name)} IS NOT NULL)" for name in self.added]
        condition = f"({' OR '.join(parts)})"
        if self.spec.cursor is None or self.spec.cursor in self.added:
            return condition
        cursor = _name(self.spec.cursor)
        newer = f"(t.{cursor} IS NOT NULL) AND ((s.{cursor} IS NULL) OR (t.{cursor} > s.{cursor}))"
        return f"{condition} AND (({newer}) IS NOT TRUE)"


def _name(column: str) -> str:
    """Quote an identifier for DataFusion, deltalake's engine, as for DuckDB."""
    return quote_identifier(column, "duckdb")


def inside(spec: TargetSpec) -> str:
    """Tell the table's rows inside the run's window."""
    assert spec.window is not None
    assert spec.cursor is not None
    kind, column = spec.columns[spec.cursor], _name(spec.cursor)
    parts = [f"{column} < {_bound(spec.window.end, kind, spec.cursor_zone)}"]
    if spec.window.start is not None:
        parts.insert(0, f"{column} >= {_bound(spec.window.start, kind, spec.cursor_zone)}")
    return " AND ".join(parts)


def _bound(value: WindowValue, kind: DataType, zone: str | None) -> str:
    """Write a bound as a literal; DataFusion compares timestamps of one unit only, so theirs is named."""
    found = held(value, kind, zone)
    if not isinstance(found, datetime):
        return literal_sql(found, kept(kind), "duckdb")
    zoned = found.tzinfo is not None
    text = (found.astimezone(UTC).replace(tzinfo=None) if zoned else found).isoformat("T", "microseconds")
    unit = """'Timestamp(Microsecond, Some("UTC"))'""" if zoned else "'Timestamp(Microsecond, None)'"
    return f"arrow_cast('{text}{'Z' if zoned else ''}', {unit})"
