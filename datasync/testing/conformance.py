"""A connector's source and target in, one body of tests for every kind out; a test never knows which kind it drives.

Subclass `Conformance` and give it a `harness` fixture:

    class TestMine(Conformance):
        @pytest.fixture
        def harness(self, tmp_path: Path) -> Harness:
            return Harness(target=lambda: MyTarget(...), source=lambda: MySource(...))
"""

from __future__ import annotations

import threading
import time as clock
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from datasync.casting import cast_column
from datasync.contract.types import DataType, parse_type
from datasync.errors import ConnectorError, Refused
from datasync.failpoints import VARIABLE
from datasync.seams import Commit, PublishRequest, ReadRequest, Source, Target, TargetSpec, Window
from datasync.testing.edges import Edge, edges, frame_of

ROWS = {"id": "int64", "v": "string"}
HOSTILE = ('say "hi"', "it's", "semi;colon --", "select", "Ünï cödé", "per%cent", ":name", "{brace}", "back\\slash", "a.b")
"""Names of columns that must stay names."""


@dataclass(frozen=True, slots=True)
class Harness:
    """How the suite reaches one place through one kind of connector.

    Attributes:
        target: opens the place for writing; every call gives a new connector.
        source: opens the same place for reading.
        lacks: edges (`edges.py`) that the kind refuses or cannot tell apart.
        windows: the source can be read by cursor.
        counts: the source counts its rows.
        hostile: names of columns that the kind can hold.
    """

    target: Callable[[], Target]
    source: Callable[[], Source]
    lacks: frozenset[str] = frozenset()
    windows: bool = True
    counts: bool = True
    hostile: Sequence[str] = HOSTILE


def spec_of(columns: Mapping[str, str | DataType], run_id: str = "r1", **settings: Any) -> TargetSpec:
    """Give the spec of a run; append unless `settings` say more."""
    types = {name: parse_type(kind) if isinstance(kind, str) else kind for name, kind in columns.items()}
    return TargetSpec(**{"sync": "c/t", "contract": "c", "run_id": run_id, "write": "append", "columns": types, **settings})


def stage(target: Target, spec: TargetSpec, frame: pl.DataFrame) -> int:
    """Stage one frame."""
    writer = target.writer(spec)
    writer.write(frame)
    return writer.finish()


def publish(harness: Harness, spec: TargetSpec, rows: Sequence[Sequence[Any]] | pl.DataFrame) -> Commit:
    """Run once, from inspection to commit, as a process of its own would."""
    with closing(harness.target()) as target:
        seen = target.inspect(spec).sequence
        token = target.acquire(spec)
        staged = stage(target, spec, rows if isinstance(rows, pl.DataFrame) else frame_of(spec.columns, rows))
        commit = target.publish(spec, PublishRequest(token=token, rows=staged, seen=seen))
        target.drop_staging(spec.run_id)
        return commit


def read(harness: Harness, columns: Mapping[str, DataType], **request: Any) -> pl.DataFrame:
    """Read the place and cast it as the first gate would; a cell that is no value of its type fails the test."""
    with closing(harness.source()) as source:
        asked = ReadRequest(types=columns, files=source.files() or (), **request)
        with source.read(asked) as reading:
            frames = [batch.frame for batch in reading.batches()]
            assert not reading.unreadable
    cast = []
    for name, kind in columns.items():
        parts = []
        for frame in frames:
            values, bad = cast_column(frame[name], kind)
            assert not bad.any(), f"{name}: {frame[name].filter(bad).to_list()[:3]} is no {kind}"
            parts.append(values)
        cast.append(pl.concat(parts) if parts else frame_of({name: kind}, [])[name])
    return pl.DataFrame(cast)


def rows(harness: Harness, spec: TargetSpec) -> list[tuple[Any, ...]]:
    """Give what is published, in the order of the first column."""
    return sorted(read(harness, spec.columns).rows())


class Conformance:
    """What every connector must do."""

    @pytest.mark.parametrize("edge", edges(), ids=lambda edge: edge.name)
    def test_edge_values_come_back(self, harness: Harness, edge: Edge) -> None:
        if edge.name in harness.lacks:
            pytest.skip("this kind cannot hold it, and says so in its guarantees")
        spec = spec_of({"id": "int64", "a": edge.kind})
        frame = frame_of(spec.columns, [*enumerate(edge.values), (len(edge.values), None)])
        publish(harness, spec, frame)
        found = read(harness, spec.columns).sort("id")
        assert_frame_equal(found, frame)
        # Of floats, zeros of either sign are equal, and not the same.
        assert list(map(repr, found["a"])) == list(map(repr, frame["a"]))

    def test_batches_are_no_longer_than_asked(self, harness: Harness) -> None:
        spec = spec_of(ROWS)
        publish(harness, spec, [(n, str(n)) for n in range(250)])
        with closing(harness.source()) as source:
            request = ReadRequest(batch_rows=100, types=spec.columns, files=source.files() or ())
            with source.read(request) as reading:
                assert list(reading.header) == ["id", "v"]
                if harness.counts:
                    assert reading.count() == 250
                batches = list(reading.batches())
        assert [batch.number for batch in batches] == list(range(len(batches)))
        assert max(batch.frame.height for batch in batches) <= 100
        assert sum(batch.frame.height for batch in batches) == 250

    def test_hostile_names_are_names(self, harness: Harness) -> None:
        spec = spec_of({"id": "int64", **dict.fromkeys(harness.hostile, "string")})
        publish(harness, spec, [(1, *harness.hostile)])
        assert rows(harness, spec) == [(1, *harness.hostile)]

    def test_append_adds(self, harness: Harness) -> None:
        publish(harness, spec_of(ROWS), [(1, "a"), (2, "b")])
        publish(harness, spec_of(ROWS, "r2"), [(3, "c")])
        assert rows(harness, spec_of(ROWS)) == [(1, "a"), (2, "b"), (3, "c")]

    def test_merge_changes_and_adds(self, harness: Harness) -> None:
        settings: dict[str, Any] = {"write": "merge", "key": ("id",), "required": frozenset({"id"})}
        publish(harness, spec_of(ROWS, **settings), [(1, "a"), (2, "b")])
        publish(harness, spec_of(ROWS, "r2", **settings), [(2, "B"), (3, "c")])
        assert rows(harness, spec_of(ROWS)) == [(1, "a"), (2, "B"), (3, "c")]

    def test_replace_leaves_the_new_rows_alone(self, harness: Harness) -> None:
        publish(harness, spec_of(ROWS, write="replace"), [(1, "a"), (2, "b")])
        publish(harness, spec_of(ROWS, "r2", write="replace"), [(3, "c")])
        assert rows(harness, spec_of(ROWS)) == [(3, "c")]

    def test_replace_window_leaves_what_is_outside(self, harness: Harness) -> None:
        settings: dict[str, Any] = {"write": "replace_window", "cursor": "id"}
        publish(harness, spec_of(ROWS, window=Window(None, 10), **settings), [(1, "a"), (5, "x"), (9, "b")])
        for run in ("r2", "r3"):
            publish(harness, spec_of(ROWS, run, window=Window(5, 9), **settings), [(6, "new")])
        assert rows(harness, spec_of(ROWS)) == [(1, "a"), (6, "new"), (9, "b")]

    def test_a_run_that_is_committed_publishes_nothing_again(self, harness: Harness) -> None:
        spec = spec_of(ROWS)
        first = publish(harness, spec, [(1, "a")])
        with closing(harness.target()) as target:
            token = target.acquire(spec)
            again = target.publish(spec, PublishRequest(token=token, rows=1))
        assert (again.run_id, again.sequence, again.rows) == (first.run_id, first.sequence, 1)
        assert rows(harness, spec) == [(1, "a")]

    @pytest.mark.parametrize("write", ["append", "merge", "replace"])
    def test_a_publish_that_dies_leaves_the_old_rows(self, harness: Harness, write: str, monkeypatch: pytest.MonkeyPatch) -> None:
        settings: dict[str, Any] = {"write": write, "key": ("id",), "required": frozenset({"id"})}
        publish(harness, spec_of(ROWS, **settings), [(1, "a"), (2, "b")])
        monkeypatch.setenv(VARIABLE, "publish.after_ddl=raise,publish.after_dml=raise,publish.after_files=raise")
        with pytest.raises(RuntimeError, match="failpoint"):
            publish(harness, spec_of(ROWS, "r2", **settings), [(3, "c")])
        monkeypatch.delenv(VARIABLE)
        assert rows(harness, spec_of(ROWS)) == [(1, "a"), (2, "b")]
        publish(harness, spec_of(ROWS, "r3", **settings), [(3, "c")])
        assert (3, "c") in rows(harness, spec_of(ROWS))

    def test_a_reader_sees_the_old_rows_or_the_new(self, harness: Harness) -> None:
        spec = spec_of(ROWS, "r0", write="replace")
        publish(harness, spec, [(n, "r0") for n in range(500)])
        seen: list[tuple[int, frozenset[str]]] = []
        done = threading.Event()

        def look() -> None:
            while not done.is_set():
                began = clock.monotonic()
                # Locked, or replaced in mid-read: a reader that is told so tries again, and sees no mix.
                with suppress(Refused, ConnectorError):
                    found = read(harness, spec.columns)
                    seen.append((found.height, frozenset(found["v"].to_list())))
                # Where readers and writers exclude each other, a reader that never pauses keeps the writer out for ever.
                clock.sleep(0.01 + 2 * (clock.monotonic() - began))

        reader = threading.Thread(target=look)
        reader.start()
        try:
            for number in range(1, 5):
                publish(harness, replace(spec, run_id=f"r{number}"), [(n, f"r{number}") for n in range(500)])
        finally:
            done.set()
            reader.join(timeout=30)
        assert seen
        assert all(height == 500 and len(versions) == 1 for height, versions in seen), seen[:5]

    def test_a_zombie_is_refused(self, harness: Harness) -> None:
        spec = spec_of(ROWS)
        zombie = harness.target()
        zombie.inspect(spec)
        token = zombie.acquire(spec)
        stage(zombie, spec, frame_of(spec.columns, [(1, "zombie")]))
        zombie.close()
        publish(harness, replace(spec, run_id="r2"), [(2, "living")])
        with closing(harness.target()) as woken, pytest.raises(Refused):
            woken.publish(spec, PublishRequest(token=token, rows=1))
        assert rows(harness, spec) == [(2, "living")]

    def test_a_second_run_of_a_sync_is_refused(self, harness: Harness) -> None:
        spec = spec_of(ROWS)
        with closing(harness.target()) as first, closing(harness.target()) as second:
            first.acquire(spec)
            with pytest.raises(Refused):
                second.acquire(replace(spec, run_id="r2"))

    @pytest.mark.parametrize("kind", ["int64", "date", "timestamp[us, UTC]"])
    def test_windows_are_half_open(self, harness: Harness, kind: str) -> None:
        if not harness.windows:
            pytest.skip("this kind has no types to compare a cursor by")
        cursor = parse_type(kind)
        days = [datetime(2024, 1, day, tzinfo=UTC) for day in range(1, 31)]
        cells: list[Any] = list(range(1, 31)) if cursor.is_integer else days
        cells = [day.date() for day in days] if kind == "date" else cells
        spec = spec_of({"id": "int64", "c": kind})
        publish(harness, spec, [*((n, cell) for n, cell in enumerate(cells, 1)), (99, None)])
        asked: dict[str, Any] = {
            "cursor": "c",
            "cursor_type": cursor,
            "cursor_zone": "UTC",
            "window": Window(cells[9], cells[19]),
        }
        assert read(harness, spec.columns, **asked)["id"].sort().to_list() == list(range(10, 20))
        with closing(harness.source()) as source:
            assert source.cursor_type("c", {}) == cursor
            assert source.max_cursor("c", {}) == cells[-1]
            request = ReadRequest(types=spec.columns, files=source.files() or (), **asked)
            with source.read(request) as reading:
                if harness.counts:
                    assert reading.count() == 10
                assert reading.null_cursors() in (1, None)
