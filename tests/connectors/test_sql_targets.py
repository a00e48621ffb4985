"""What every SQL target must do, on real databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from datasync.contract.expressions.dialects import quote_identifier
from datasync.errors import PermanentError, Refused, TargetMismatch
from datasync.seams import POSITION, PublishRequest, RecheckFailed, TargetSpec, Window
from tests.connectors.sql_targets import FILE, Place, edge_frame, frame_of, publish, spec_of, stage

IV = {"id": "int64", "v": "string"}


def test_edge_values_come_back_as_they_were(place: Place) -> None:
    types, frame = edge_frame(place.kind)
    target = place.target()
    spec = TargetSpec("c/t", "c", "r1", "append", types, position=True)
    staged = frame.with_columns(pl.Series(POSITION, [1, 2, 3], dtype=pl.Int64))
    target.inspect(spec)
    assert target.acquire(spec) == 1
    assert stage(target, spec, staged) == 3
    staging = target.staging(spec)
    names = ", ".join(quote_identifier(name, staging.dialect) for name in types)
    found = pl.concat(staging.frames(f"SELECT {names} FROM {staging.relation} ORDER BY {POSITION}"))
    assert_frame_equal(found, frame)
    target.publish(spec, PublishRequest(token=1, rows=3))
    target.drop_staging("r1")
    # A second run goes through the existing table.
    second = replace(spec, run_id="r2", write="replace")
    assert target.inspect(second).exists
    assert target.acquire(second) == 2
    assert stage(target, second, staged) == 3
    target.publish(second, PublishRequest(token=2, rows=3, seen=1))
    again = target.staging(second)
    assert_frame_equal(pl.concat(again.frames(f"SELECT {names} FROM {again.target_relation()}")).sort("i8"), frame.sort("i8"))
    assert POSITION not in target.inspect(second).columns
    target.close()


def test_append_adds_and_a_rerun_adds_nothing(place: Place) -> None:
    target, spec = place.target(), spec_of(IV)
    first = publish(target, spec, [(1, "a"), (2, "b")], watermark="5", files=(FILE,))
    assert publish(target, replace(spec, run_id="r2"), [(3, None)]).sequence == 2
    again = target.publish(spec, PublishRequest(token=1, rows=99))
    assert (again.run_id, again.rows, again.files, again.watermark) == (first.run_id, 2, (FILE,), "5")
    state = target.inspect(replace(spec, run_id="r3"))
    assert [commit.run_id for commit in state.commits] == ["r1", "r2"]
    assert (state.exists, state.sequence, state.commits[0].files) == (True, 2, (FILE,))
    target.close()
    assert place.rows("SELECT id, v FROM t ORDER BY id") == [(1, "a"), (2, "b"), (3, None)]


def test_merge_changes_and_adds_but_never_over_a_newer_cursor(place: Place) -> None:
    target = place.target()
    columns = {"id": "int64", "v": "string", "at": "timestamp[us, UTC]"}
    spec = spec_of(columns, write="merge", key=("id",), cursor="at", required=frozenset({"id"}))
    early, late = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 2, tzinfo=UTC)
    publish(target, spec, [(1, "a", early), (2, "b", late), (3, "c", None)])
    second = replace(spec, run_id="r2")
    target.inspect(second)
    token = target.acquire(second)
    stage(target, second, frame_of(second, [(1, "A", late), (2, "old", early), (3, "C", early), (4, "d", early)]))
    commit = target.publish(second, PublishRequest(token=token, rows=4, seen=1))
    published = target.published(second, commit)
    staging = target.staging(second)
    assert published is not None
    assert sorted(staging.query(f"SELECT id FROM {published.found}")) == [(1,), (3,), (4,)]
    assert sorted(staging.query(f"SELECT id FROM {published.expected}")) == [(1,), (3,), (4,)]
    target.close()
    assert place.rows("SELECT id, v FROM t ORDER BY id") == [(1, "A"), (2, "b"), (3, "C"), (4, "d")]


def test_merge_of_nothing_but_a_key(place: Place) -> None:
    target, spec = place.target(), spec_of({"id": "int64"}, write="merge", key=("id",), required=frozenset({"id"}))
    publish(target, spec, [(1,)])
    publish(target, replace(spec, run_id="r2"), [(1,), (2,)])
    target.close()
    assert place.rows("SELECT id FROM t ORDER BY id") == [(1,), (2,)]


@pytest.mark.parametrize("by", ["rows", "swap", "truncate"])
def test_replace_leaves_only_the_new_rows(place: Place, by: str) -> None:
    target = place.target()
    spec = spec_of(IV, write="replace", replace_by=by, key=("id",), required=frozenset({"id"}))
    publish(target, spec, [(1, "a"), (2, "b")])
    publish(target, replace(spec, run_id="r2"), [(2, "B"), (3, "c")])
    target.close()
    assert place.rows("SELECT id, v FROM t ORDER BY id") == [(2, "B"), (3, "c")]


def test_replace_window_leaves_what_is_outside(place: Place) -> None:
    target, spec = place.target(), spec_of({"n": "int64", "v": "string"}, write="replace_window", cursor="n")
    publish(target, replace(spec, window=Window(None, 10)), [(1, "a"), (9, "b"), (5, "x")])
    publish(target, replace(spec, run_id="r2", window=Window(5, 9)), [(6, "new")])
    target.close()
    assert place.rows("SELECT n, v FROM t ORDER BY n") == [(1, "a"), (6, "new"), (9, "b")]


def test_survivors_are_what_publishing_leaves(place: Place) -> None:
    target, spec = place.target(), spec_of(IV, key=("id",), required=frozenset({"id"}))
    publish(target, spec, [(1, "a"), (2, "b")])
    for write, window, left in (
        ("append", None, [(1,), (2,)]),
        ("merge", None, [(1,)]),
        ("replace", None, None),
        ("replace_window", Window(2, 5), [(1,)]),
    ):
        second = replace(spec, run_id=f"r-{write}", write=write, window=window, cursor="id" if window else None)
        stage(target, second, frame_of(second, [(2, "B")]))
        staging = target.staging(second)
        found = None if staging.survivors is None else sorted(staging.query(f"SELECT id FROM {staging.survivors}"))
        assert found == left
        target.drop_staging(second.run_id)
    target.close()


def test_a_zombie_is_refused(place: Place) -> None:
    zombie, spec = place.target(), spec_of(IV)
    publish(zombie, replace(spec, run_id="r0"), [(0, "first")])
    token = zombie.acquire(spec)
    stage(zombie, spec, frame_of(spec, [(1, "zombie")]))
    with pytest.raises(Refused) as busy:
        place.target().acquire(replace(spec, run_id="r2"))
    assert busy.value.code == "E_BUSY"
    # Its lock is lost, as when the machine that held it went away.
    if place.kind == "duckdb":
        zombie.close()
    with place.sql() as run:
        run("UPDATE _datasync_fence SET token = token + 1")
    with pytest.raises(Refused) as fenced:
        zombie.publish(spec, PublishRequest(token=token, rows=1, seen=1))
    assert fenced.value.code == "E_FENCED"
    zombie.close()
    assert place.rows("SELECT v FROM t") == [("first",)]


def test_rows_missing_from_staging_are_refused(place: Place) -> None:
    target, spec = place.target(), spec_of(IV)
    publish(target, spec, [(1, "a")])
    second = replace(spec, run_id="r2")
    token = target.acquire(second)
    stage(target, second, frame_of(second, [(2, "b"), (3, "c")]))
    staging = target.staging(second)
    assert staging.delete("id = 2") == 1
    with pytest.raises(PermanentError) as missing:
        target.publish(second, PublishRequest(token=token, rows=2, seen=1))
    assert missing.value.code == "E_STAGING_COUNT"
    target.publish(second, PublishRequest(token=token, rows=1, seen=1))
    target.close()
    assert place.rows("SELECT id FROM t ORDER BY id") == [(1,), (3,)]


def test_key_checks_are_repeated_when_someone_published_meanwhile(place: Place) -> None:
    target, spec = place.target(), spec_of(IV)
    publish(target, spec, [(1, "a")])
    second = replace(spec, run_id="r2")
    token = target.acquire(second)
    stage(target, second, frame_of(second, [(1, "b")]))
    staging = target.staging(second)
    sql = f"SELECT count(*) FROM {staging.relation} WHERE id IN (SELECT id FROM {staging.target_relation()})"
    with pytest.raises(RecheckFailed) as failed:
        target.publish(second, PublishRequest(token=token, rows=1, seen=0, rechecks=(("key.unique", sql),)))
    assert (failed.value.check, failed.value.offenders) == ("key.unique", 1)
    target.publish(second, PublishRequest(token=token, rows=1, seen=1, rechecks=(("key.unique", sql),)))
    target.close()
    assert place.rows("SELECT v FROM t ORDER BY v") == [("a",), ("b",)]


def test_an_additive_change_is_applied_and_any_other_refused(place: Place) -> None:
    target, spec = place.target(), spec_of(IV)
    publish(target, spec, [(1, "a")])
    wider = spec_of({**IV, "note": "string", "n": "decimal(9,2)"}, "r2")
    assert len(target.inspect(wider).changes) == 2
    publish(target, wider, [(2, "b", "n", None)])
    narrower = spec_of({"id": "int64"}, "r3")
    publish(target, narrower, [(3,)])
    for columns in ({**IV, "v": "date"}, {**IV, "id": "int32"}, {**IV, "id": "string"}):
        if place.kind == "sqlite" and columns["id"] == "int32":
            continue
        with pytest.raises(TargetMismatch):
            target.inspect(spec_of(columns, "r4"))
    with pytest.raises(TargetMismatch, match="key"):
        target.inspect(spec_of({**IV, "k": "int64"}, "r4", write="merge", key=("k",)))
    target.close()
    assert place.rows("SELECT id, v, note FROM t ORDER BY id") == [(1, "a", None), (2, "b", "n"), (3, None, None)]
    with place.sql() as run:
        run("CREATE VIEW vw AS SELECT * FROM t")
        run("CREATE TABLE strict_one (id BIGINT, v TEXT, must BIGINT NOT NULL)")
    with pytest.raises(TargetMismatch, match="view"):
        place.target("vw").inspect(spec)
    with pytest.raises(TargetMismatch, match="must"):
        place.target("strict_one").inspect(spec)


@pytest.mark.parametrize("name", ['x"; drop table t; --', "a%b(c):d", "%s", "select", "ñandú 🙂", "a'b", "x" * 63, "a\\b"])
def test_hostile_names_are_names(place: Place, name: str) -> None:
    target = place.target(name)
    spec = spec_of({name: "int64", "v": "string"}, write="merge", key=(name,), required=frozenset({name}))
    if place.kind == "mysql" and "🙂" in name:
        # Its catalog keeps no more than 16 bits of a character.
        with pytest.raises(TargetMismatch):
            target.inspect(spec)
        return
    publish(target, spec, [(1, "a")])
    publish(target, replace(spec, run_id="r2"), [(1, "b"), (2, "c")])
    target.close()
    quoted = '"' + name.replace('"', '""') + '"'
    assert place.rows(f"SELECT {quoted}, v FROM {quoted} ORDER BY 1") == [(1, "b"), (2, "c")]


@pytest.mark.parametrize("name", ["a\0b", "", "a\nb", "é" * 200])
def test_names_that_cannot_be_kept_are_refused(place: Place, name: str) -> None:
    with pytest.raises(TargetMismatch):
        place.target().inspect(spec_of({name: "int64"}))


def test_an_abandoned_load_leaves_nothing(place: Place) -> None:
    target, spec = place.target(), spec_of(IV)
    target.inspect(spec)
    target.acquire(spec)
    writer = target.writer(spec)
    writer.write(frame_of(spec, [(1, "a")]))
    writer.abandon()
    with pytest.raises(PermanentError) as gone:
        target.staging(spec)
    assert gone.value.code == "E_NO_STAGING"
    assert target.orphans() == []
    target.close()


def test_an_empty_run_commits(place: Place) -> None:
    target, spec = place.target(), spec_of(IV)
    assert publish(target, spec, [], watermark="7").rows == 0
    assert publish(target, replace(spec, run_id="r2"), []).rows == 0
    assert target.inspect(replace(spec, run_id="r3")).commits[0].watermark == "7"
    target.close()
    assert place.rows("SELECT count(*) FROM t") == [(0,)]


def test_explain_does_no_io(place: Place) -> None:
    spec = spec_of(IV, write="merge", key=("id",))
    text = "\n".join(place.target().explain(spec))
    assert "INSERT" in text
    assert not (place.root / f"db.{place.kind}").exists()
