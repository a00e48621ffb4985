"""Merges that take rows away, on real databases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from datasync.contract.scalars import parse_limit
from datasync.gates.removals import removals
from datasync.seams import Deletes, PublishRequest, RecheckFailed, TargetSpec, Window
from tests.connectors.sql_targets import KINDS, Place, frame_of, publish, spec_of, stage

pytestmark = pytest.mark.parametrize("place", [*KINDS, "oracle"], indirect=True)
"""Oracle: on its stand-in."""
COLUMNS = {"id": "int64", "v": "string", "n": "int64", "gone": "bool"}


def merging(deletes: Deletes, **other: Any) -> TargetSpec:
    """A merge with an integer cursor."""
    settings: dict[str, Any] = {"write": "merge", "key": ("id",), "cursor": "n", "required": frozenset({"id"}), **other}
    return spec_of(COLUMNS, deletes=deletes, **settings)


def run(place: Place, spec: TargetSpec, rows: list[tuple[Any, ...]]) -> None:
    """Publish, and let the relations that reconcile compares agree."""
    target = place.target()
    state = target.inspect(spec)
    token = target.acquire(spec)
    staged = stage(target, spec, frame_of(spec, rows))
    commit = target.publish(spec, PublishRequest(token=token, rows=staged, seen=state.sequence))
    found, staging = target.published(spec, commit), target.staging(spec)
    assert found is not None
    assert found.expected is not None
    sides = [sorted(staging.query(f"SELECT id, v FROM {relation}")) for relation in (found.found, found.expected)]
    assert sides[0] == sides[1]
    target.drop_staging(spec.run_id)
    target.close()


def test_marked_rows_are_taken_away_but_no_newer_ones(place: Place) -> None:
    spec = merging(Deletes(column="gone"))
    run(place, spec, [(1, "a", 1, False), (2, "b", 5, None), (3, "c", 1, True)])
    assert place.rows("SELECT id, v FROM t ORDER BY id") == [(1, "a"), (2, "b")]
    run(place, replace(spec, run_id="r2"), [(1, "x", 2, True), (2, "x", 3, True), (4, "d", 1, False)])
    assert place.rows("SELECT id, v FROM t ORDER BY id") == [(2, "b"), (4, "d")]


def test_missing_rows_are_deleted_by_a_complete_read_alone(place: Place) -> None:
    spec = merging(Deletes(missing="delete"))
    run(place, spec, [(1, "a", 1, False), (2, "b", 5, False), (3, "c", 9, False)])
    run(place, replace(spec, run_id="r2", window=Window(0, 9)), [(1, "a", 1, False)])
    assert place.rows("SELECT count(*) FROM t") == [(3,)]
    # Rows before its beginning were not asked for.
    run(place, replace(spec, run_id="r3", window=Window(5, 9), complete=True), [(3, "c", 9, False)])
    assert place.rows("SELECT id FROM t ORDER BY id") == [(1,), (3,)]
    run(place, replace(spec, run_id="r4", window=Window(None, 9), complete=True), [(3, "C", 9, False)])
    assert place.rows("SELECT id, v FROM t ORDER BY id") == [(3, "C")]


def test_missing_rows_are_marked_and_unmarked(place: Place) -> None:
    deletes = Deletes(missing="mark", mark="is_deleted")
    # A table without the mark gets it, and its rows count as there.
    publish(place.target(), spec_of(COLUMNS, write="merge", key=("id",), required=frozenset({"id"})), [(1, "a", 1, None)])
    place.close()
    spec = merging(deletes, complete=True, run_id="r2")
    run(place, spec, [(2, "b", 1, None)])
    marks = f"SELECT id FROM t WHERE {place.true('is_deleted')} ORDER BY id"
    assert place.rows(marks) == [(1,)]
    run(place, replace(spec, run_id="r3"), [(1, "a", 1, None)])
    assert place.rows(marks) == [(2,)]


@pytest.mark.parametrize("limit", ["5%", "50%", 1, 2])
def test_the_limit_is_of_the_rows_that_are_there(place: Place, limit: Any) -> None:
    spec = merging(Deletes(missing="mark", mark="is_deleted"), complete=True)
    run(place, spec, [(1, "a", 1, None), (2, "b", 1, None), (3, "c", 1, None), (4, "d", 1, None)])
    target = place.target()
    second = replace(spec, run_id="r2")
    token = target.acquire(second)
    staged = stage(target, second, frame_of(second, [(1, "a", 1, None), (2, "b", 1, None)]))
    found = removals(target.staging(second), parse_limit(limit))
    beyond = limit in ("5%", 1)
    assert (found.rows, found.tally.evaluated, found.tally.failed) == (2, 1, int(beyond))
    assert found.tally.observed == "2 of 4 rows"
    # A newer commit than the audit saw: the limit is judged again in the transaction.
    request = PublishRequest(token=token, rows=staged, seen=0, rechecks=(("deletes.limit", str(found.recheck)),))
    if beyond:
        with pytest.raises(RecheckFailed):
            target.publish(second, request)
    else:
        target.publish(second, request)
    target.close()
    assert place.rows(f"SELECT count(*) FROM t WHERE {place.true('is_deleted')}") == [(0 if beyond else 2,)]
