"""`write: scd2` on real databases: what makes a version, what closes one, and that history is never rewritten."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from datasync.contract.types import INT64, TIMESTAMP_UTC
from datasync.errors import TargetMismatch
from datasync.seams import Deletes, HistoryColumns, PublishRequest, TargetSpec, Window
from tests.connectors.sql_targets import KINDS, Place, frame_of, publish, spec_of, stage

pytestmark = pytest.mark.parametrize("place", [*KINDS, "oracle"], indirect=True)
"""Oracle: on its stand-in."""
COLUMNS = {"id": "int64", "v": "string", "at": "int64"}
VERSIONS = "SELECT id, v, valid_from, valid_to, is_current FROM t ORDER BY id, valid_from"


def history(**other: Any) -> TargetSpec:
    """A spec with an integer cursor."""
    settings: dict[str, Any] = {
        "write": "scd2", "key": ("id",), "cursor": "at", "required": frozenset({"id"}), "history": HistoryColumns(INT64), **other,
    }  # fmt: skip
    return spec_of(COLUMNS, **settings)


class Runs:
    """Publishes one window after another, each reconciled, and gives the versions."""

    def __init__(self, place: Place, spec: TargetSpec) -> None:
        self.place = place
        self.spec = spec
        self.number = 0

    def run(self, rows: list[tuple[Any, ...]], **changes: Any) -> list[tuple[Any, ...]]:
        self.number += 1
        target = self.place.target()
        spec = replace(self.spec, run_id=f"r{self.number}", **changes)
        state = target.inspect(spec)
        token = target.acquire(spec)
        staged = stage(target, spec, frame_of(spec, rows))
        commit = target.publish(spec, PublishRequest(token=token, rows=staged, seen=state.sequence))
        found = target.published(spec, commit)
        assert found is not None
        staging = target.staging(spec)
        names = ", ".join(f'"{name}"' for name in spec.columns)
        written = sorted(staging.query(f"SELECT {names} FROM {found.found}"), key=repr)
        assert written == sorted(staging.query(f"SELECT {names} FROM {found.expected}"), key=repr)
        target.drop_staging(spec.run_id)
        target.close()
        return [(*row[:-1], bool(row[-1])) for row in self.place.rows(VERSIONS)]


@pytest.fixture
def runs(place: Place) -> Runs:
    return Runs(place, history())


def test_a_change_closes_a_version_and_begins_another(runs: Runs) -> None:
    assert runs.run([(1, "a", 1), (2, "b", 1)]) == [(1, "a", 1, None, True), (2, "b", 1, None, True)]
    changed = [(1, "a", 1, 5, False), (1, "A", 5, None, True), (2, "b", 1, None, True)]
    # The second row only moved its cursor: no version.
    assert runs.run([(1, "A", 5), (2, "b", 6)]) == changed
    assert runs.run([(1, "A", 5), (2, "b", 6)]) == changed


def test_null_is_a_value_of_its_own(runs: Runs) -> None:
    runs.run([(1, None, 1)])
    assert runs.run([(1, None, 2)]) == [(1, None, 1, None, True)]
    assert runs.run([(1, "a", 3)]) == [(1, None, 1, 3, False), (1, "a", 3, None, True)]
    assert runs.run([(1, None, 4)])[-1] == (1, None, 4, None, True)


def test_several_versions_of_one_key_in_one_window(runs: Runs) -> None:
    runs.run([(1, "a", 1)])
    wanted = [(1, "a", 1, 3, False), (1, "b", 3, 5, False), (1, "c", 5, None, True)]
    # Unchanged rows between them join their neighbours.
    assert runs.run([(1, "c", 5), (1, "a", 2), (1, "b", 4), (1, "c", 7), (1, "b", 3)]) == wanted


def test_rows_that_history_has_overtaken_change_nothing(runs: Runs) -> None:
    runs.run([(1, "a", 1)])
    wanted = runs.run([(1, "b", 5)])
    assert runs.run([(1, "late", 3), (1, "b", 5)]) == wanted


def test_the_very_instant_corrects_its_version(runs: Runs) -> None:
    runs.run([(1, "a", 1)])
    runs.run([(1, "b", 5)])
    assert runs.run([(1, "B", 5)]) == [(1, "a", 1, 5, False), (1, "B", 5, None, True)]


def test_what_the_source_deleted_is_closed_and_may_return(place: Place) -> None:
    columns = {**COLUMNS, "dead": "bool"}
    settings: dict[str, Any] = {"write": "scd2", "key": ("id",), "cursor": "at", "required": frozenset({"id"})}
    spec = spec_of(columns, history=HistoryColumns(INT64), deletes=Deletes(column="dead"), **settings)
    runs = Runs(place, spec)
    first = runs.run([(1, "a", 1, False), (2, "b", 1, None), (3, "never", 1, True)])
    assert first == [(1, "a", 1, None, True), (2, "b", 1, None, True)]
    closed = [(1, "a", 1, 4, False), (2, "b", 1, None, True)]
    assert runs.run([(1, "a", 4, True), (2, "b", 3, False)]) == closed
    assert runs.run([(1, "a", 4, True)]) == closed
    # A row from before the deletion does not bring it back; one from after it does.
    assert runs.run([(1, "a", 2, False)]) == closed
    assert runs.run([(1, "a", 6, False)]) == [*closed[:1], (1, "a", 6, None, True), *closed[1:]]
    window = [(1, "a", 6, 8, False), (1, "x", 8, 9, False)]
    assert runs.run([(1, "x", 8, False), (1, "x", 9, True)]) == [*closed[:1], *window, *closed[1:]]


def test_missing_keys_close_only_on_a_complete_read(runs: Runs) -> None:
    runs.run([(1, "a", 1), (2, "b", 1)])
    assert runs.run([(1, "a", 1)], window=Window(5, 10))[1] == (2, "b", 1, None, True)
    closed = [(1, "a", 1, None, True), (2, "b", 1, 10, False)]
    assert runs.run([(1, "a", 1)], window=Window(None, 10), complete=True) == closed
    assert runs.run([(1, "a", 1)], window=Window(None, 12), complete=True) == closed
    # Back with its old cursor, as after a source's glitch: it holds again from the window's end on.
    back = [*closed, (2, "b", 15, None, True)]
    assert runs.run([(1, "a", 1), (2, "b", 1)], window=Window(None, 15), complete=True) == back
    assert runs.run([(1, "a", 1), (2, "b", 1)], window=Window(None, 16), complete=True) == back


def test_a_complete_read_from_a_beginning_leaves_what_lies_before(runs: Runs) -> None:
    runs.run([(1, "a", 1), (2, "b", 6)])
    assert runs.run([], window=Window(5, 10), complete=True) == [(1, "a", 1, None, True), (2, "b", 6, 10, False)]


def test_without_a_cursor_the_windows_end_is_the_instant(place: Place) -> None:
    day = [datetime(2026, 1, number, tzinfo=UTC) for number in range(1, 6)]
    settings: dict[str, Any] = {"write": "scd2", "key": ("id",), "required": frozenset({"id"})}
    spec = spec_of({"id": "int64", "v": "string"}, history=HistoryColumns(TIMESTAMP_UTC), complete=True, **settings)

    def run(rows: list[tuple[Any, ...]], end: datetime) -> list[tuple[Any, ...]]:
        runs.run(rows, window=Window(None, end))
        days = {"sqlite": "strftime('%d', {0})", "mysql": "extract(day FROM {0})"}
        instant = days.get(place.kind, "extract(day FROM {0} AT TIME ZONE 'UTC')")
        since, until = instant.format("valid_from"), instant.format("valid_to")
        found = place.rows(f"SELECT id, v, {since}, {until}, is_current FROM t ORDER BY id, valid_from")
        return [(key, v, int(a), int(b) if b is not None else None, bool(now)) for key, v, a, b, now in found]

    runs = Runs(place, spec)
    assert run([(1, "a"), (2, "b")], day[0]) == [(1, "a", 1, None, True), (2, "b", 1, None, True)]
    changed = [(1, "a", 1, 2, False), (1, "A", 2, None, True), (2, "b", 1, 2, False)]
    assert run([(1, "A")], day[1]) == changed
    assert run([(1, "A")], day[1]) == changed
    # A second look at one day corrects that day's version, also when it went away and came back.
    assert run([(1, "AA")], day[1])[1] == (1, "AA", 2, None, True)
    assert run([(2, "b")], day[1]) == [
        (1, "a", 1, 2, False),
        (1, "AA", 2, 2, False),
        (2, "b", 1, 2, False),
        (2, "b", 2, None, True),
    ]
    assert run([(1, "AA")], day[1])[1] == (1, "AA", 2, None, True)


def test_the_columns_have_other_names(place: Place) -> None:
    names = HistoryColumns(INT64, "since", "until", "now")
    target = place.target()
    publish(target, history(history=names), [(1, "a", 1)])
    publish(target, history(history=names, run_id="r2"), [(1, "b", 2)])
    target.close()
    assert place.rows("SELECT v, since, until FROM t WHERE until IS NOT NULL") == [("a", 1, 2)]


def test_a_table_without_history_is_refused(place: Place) -> None:
    target = place.target()
    publish(target, spec_of(COLUMNS), [(1, "a", 1)])
    with pytest.raises(TargetMismatch, match="valid_from"):
        target.inspect(history(run_id="r2"))
    target.close()


def test_a_new_column_is_added_and_a_version_with_it(place: Place) -> None:
    runs = Runs(place, history())
    runs.run([(1, "a", 1), (2, "b", 1)])
    wider = spec_of(
        {**COLUMNS, "w": "string"},
        **{name: getattr(runs.spec, name) for name in ("write", "key", "cursor", "required", "history")},
    )
    runs.spec = wider
    assert runs.run([(1, "a", 2, "new"), (2, "b", 2, None)]) == [
        (1, "a", 1, 2, False), (1, "a", 2, None, True), (2, "b", 1, None, True)
    ]  # fmt: skip


def test_removals_and_survivors_are_the_current_rows_concerned(place: Place) -> None:
    runs = Runs(place, history())
    runs.run([(1, "a", 1), (2, "b", 1), (3, "c", 1)])
    runs.run([(1, "A", 2)])
    target = place.target()
    for complete, going, staying in ((False, [], [(2,), (3,)]), (True, [(2,), (3,)], [])):
        spec = history(run_id="r9", complete=complete, window=Window(None, 9))
        stage(target, spec, frame_of(spec, [(1, "x", 5)]))
        staging = target.staging(spec)
        assert staging.removals is not None
        assert sorted(staging.query(f"SELECT id FROM {staging.removals.going}")) == going
        assert staging.query(f"SELECT count(*) FROM {staging.removals.living}") == [(3,)]
        assert sorted(staging.query(f"SELECT id FROM {staging.survivors}")) == staying
    target.close()
