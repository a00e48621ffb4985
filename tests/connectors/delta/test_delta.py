"""What a Delta target does beyond the conformance suite."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from deltalake import write_deltalake

from datasync.connectors.delta import log
from datasync.connectors.delta.staging import asked
from datasync.errors import PermanentError, Refused, TargetMismatch
from datasync.seams import PinnedFile, PublishRequest, ReadRequest, RecheckFailed, Target, TargetSpec, Window
from datasync.testing.conformance import frame_of, publish, spec_of, stage
from tests.connectors.delta.conftest import Lake

ROWS = {"id": "int64", "v": "string"}
KEYED: dict[str, Any] = {"write": "merge", "key": ("id",), "required": frozenset({"id"})}


def once(target: Target, spec: TargetSpec, rows: list[tuple[Any, ...]], **request: Any) -> Any:
    """Stage and publish with a target that stays open."""
    state = target.inspect(spec)
    token = target.acquire(spec)
    staged = stage(target, spec, frame_of(spec.columns, rows))
    settings = {"seen": state.sequence, **request}
    return target.publish(spec, PublishRequest(token=token, rows=staged, **settings))


def test_types_that_delta_lacks_are_kept_wider(lake: Lake) -> None:
    columns = {
        "u8": "uint8",
        "u32": "uint32",
        "u64": "uint64",
        "at": "timestamp[s, Asia/Seoul]",
        "l": "list<uint16>",
        "d": "decimal(9,2)",
    }
    spec = spec_of(columns)
    publish(lake.harness(), spec, [(255, 2**32 - 1, 2**64 - 1, datetime(2026, 1, 1, tzinfo=UTC), [65535, None], Decimal("1.10"))])
    assert lake.rows()[0] == {
        "u8": 255, "u32": 2**32 - 1, "u64": Decimal(2**64 - 1), "at": datetime(2026, 1, 1, tzinfo=UTC), "l": [65535, None], "d": Decimal("1.10"),
    }  # fmt: skip
    # The table that we made fits the contract that made it.
    assert lake.target().inspect(replace(spec, run_id="r2")).changes == ()
    for kind in ("time", "timestamp[ns]"):
        with pytest.raises(TargetMismatch, match="cannot hold"):
            lake.target("other").inspect(spec_of({"a": kind}))


def test_a_merge_keeps_newer_rows_and_what_it_does_not_know(lake: Lake) -> None:
    columns = {**ROWS, "at": "timestamp[us, UTC]"}
    early, late = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    spec = spec_of(columns, cursor="at", **KEYED)
    publish(lake.harness(), spec, [(1, "a", early), (2, "b", late), (3, None, None)])
    lake.table().alter.add_columns([_field("theirs", "string")])
    target, second = lake.target(), replace(spec, run_id="r2")
    commit = once(target, second, [(1, "A", late), (2, "old", early), (3, "C", early), (4, "d", early)])
    found, staging = target.published(second, commit), target.staging(second)
    assert found is not None
    written = [sorted(staging.query(f"SELECT id, v FROM {relation}")) for relation in (found.found, found.expected)]
    assert written == [[(1, "A"), (3, "C"), (4, "d")]] * 2
    assert [(row["id"], row["v"], row["theirs"]) for row in lake.rows()] == [
        (1, "A", None), (2, "b", None), (3, "C", None), (4, "d", None)
    ]  # fmt: skip


def _field(name: str, kind: str) -> Any:
    from deltalake.schema import Field, PrimitiveType

    return Field(name, PrimitiveType(kind))


def test_a_merge_that_changes_nothing_is_a_commit_all_the_same(lake: Lake) -> None:
    spec = spec_of(ROWS, **KEYED)
    publish(lake.harness(), spec, [(1, "a")])
    target = lake.target()
    again = once(target, replace(spec, run_id="r2"), [(1, "a")], watermark="7")
    empty = once(target, replace(spec, run_id="r3"), [])
    assert [commit.run_id for commit in target.inspect(spec).commits] == ["r1", "r2", "r3"]
    assert (again.watermark, empty.rows) == ("7", 0)
    assert lake.table().count() == 1


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("int64", (-5, 5, 9)),
        ("date", (date(2026, 1, 1), date(2026, 1, 5), date(2026, 1, 9))),
        ("timestamp[us, UTC]", tuple(datetime(2026, 1, day, 0, 0, 0, 1, tzinfo=UTC) for day in (1, 5, 9))),
        ("timestamp[us]", tuple(datetime(2026, 1, day, 12, 30) for day in (1, 5, 9))),
    ],
)
def test_windows_of_every_cursor_are_replaced(lake: Lake, kind: str, values: tuple[Any, ...]) -> None:
    low, middle, high = values
    spec = spec_of({"c": kind, "v": "string"}, write="replace_window", cursor="c", cursor_zone="UTC")
    bounds = [value.replace(tzinfo=UTC) if isinstance(value, datetime) else value for value in values]
    publish(lake.harness(), replace(spec, window=Window(None, bounds[2])), [(low, "a"), (middle, "b"), (None, "null")])
    target = lake.target()
    second = replace(spec, run_id="r2", window=Window(bounds[1], bounds[2]))
    commit = once(target, second, [(middle, "B")])
    found, staging = target.published(second, commit), target.staging(second)
    assert found is not None
    assert staging.query(f"SELECT v FROM {found.found}") == [("B",)]
    assert {row["v"] for row in lake.rows()} == {"a", "B", "null"}
    once(target, replace(spec, run_id="r3", window=Window(None, bounds[1])), [])
    assert {row["v"] for row in lake.rows()} == {"B", "null"}
    del high


@pytest.mark.parametrize("write", ["append", "merge", "replace", "replace_window"])
def test_new_columns_are_added_in_the_same_commit(lake: Lake, write: str) -> None:
    settings: dict[str, Any] = {"write": write, "key": ("id",), "cursor": "id", "required": frozenset({"id"})}
    publish(lake.harness(), spec_of(ROWS, window=Window(None, 2), **settings), [(1, "a")])
    wider = spec_of({**ROWS, "w": "string", "n": "int32"}, "r2", window=Window(2, 9), **settings)
    target = lake.target()
    assert target.inspect(wider).changes == ("add column w string", "add column n int32")
    before = lake.table().version()
    once(target, wider, [(2, "b", "new", 5)])
    assert lake.table().version() == before + 1
    assert {**lake.rows()[-1]} == {"id": 2, "v": "b", "w": "new", "n": 5}
    if write == "merge":
        once(target, replace(wider, run_id="r3"), [(1, "a", "later", None)])
        assert lake.rows()[0] == {"id": 1, "v": "a", "w": "later", "n": None}


def test_two_machines_with_one_token_only_one_commits(lake: Lake) -> None:
    spec = spec_of(ROWS)
    publish(lake.harness(), spec, [(0, "first")])
    here, there = lake.target(home="here"), lake.target(home="there")
    tokens = [here.acquire(replace(spec, run_id="r2")), there.acquire(replace(spec, run_id="r3"))]
    assert tokens == [2, 2]
    for target, run in ((here, "r2"), (there, "r3")):
        stage(target, replace(spec, run_id=run), frame_of(spec.columns, [(1, run)]))
    there.publish(replace(spec, run_id="r3"), PublishRequest(token=2, rows=1, seen=1))
    with pytest.raises(Refused) as fenced:
        here.publish(replace(spec, run_id="r2"), PublishRequest(token=2, rows=1, seen=1))
    assert fenced.value.code == "E_FENCED"
    assert [row["v"] for row in lake.rows()] == ["first", "r3"]


def test_a_stranger_that_commits_in_between_makes_it_judge_again(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = spec_of(ROWS)
    publish(lake.harness(), spec, [(1, "a")])
    original, tries = log.read, []

    def meddle(table: Any, wanted: TargetSpec) -> Any:
        found = original(table, wanted)
        if len(tries) < 2:
            # Somebody else writes after the table was looked at and before our commit.
            write_deltalake(lake.table(), frame_of(spec.columns, [(9, "stranger")]).to_arrow(), mode="append")
        tries.append(1)
        return found

    target, second = lake.target(), replace(spec, run_id="r2")
    token = target.acquire(second)
    stage(target, second, frame_of(spec.columns, [(2, "b")]))
    monkeypatch.setattr(log, "read", meddle)
    target.publish(second, PublishRequest(token=token, rows=1, seen=1))
    assert len(tries) == 3
    assert sorted(row["v"] for row in lake.rows()) == ["a", "b", "stranger", "stranger"]


def test_key_checks_are_judged_again_after_a_newer_commit(lake: Lake) -> None:
    first = spec_of(ROWS, key=("id",), asked=frozenset({"id"}))
    publish(lake.harness(), first, [(1, "a")])
    target, spec = lake.target(), replace(first, run_id="r2")
    state = target.inspect(spec)
    token = target.acquire(spec)
    stage(target, spec, frame_of(spec.columns, [(2, "b")]))
    staging = target.staging(spec)
    assert staging.survivors is not None
    assert staging.query(f"SELECT id FROM {staging.survivors}") == [(1,)]
    sql = f"SELECT count(*) FROM {staging.relation} WHERE id IN (SELECT id FROM {staging.survivors})"
    publish(lake.harness(), replace(first, sync="other/t", run_id="o1"), [(2, "theirs")])
    with pytest.raises(RecheckFailed):
        target.publish(spec, PublishRequest(token=token, rows=1, seen=state.sequence, rechecks=(("key.unique", sql),)))
    assert [row["v"] for row in lake.rows()] == ["a", "theirs"]


def test_only_what_is_asked_is_copied(lake: Lake) -> None:
    spec = spec_of({**ROWS, "w": "string"}, asked=frozenset({"v"}), **KEYED)
    assert asked(spec) == ("id", "v")
    assert asked(replace(spec, asked=frozenset())) == ()
    publish(lake.harness(), spec, [(1, "a", "x")])
    target = lake.target()
    stage(target, replace(spec, run_id="r2"), frame_of(spec.columns, [(2, "b", "y")]))
    assert target.staging(replace(spec, run_id="r2", asked=frozenset())).survivors is None


def test_the_commit_says_what_it_did(lake: Lake) -> None:
    file = PinnedFile("data/a.csv", 10, 123456789012345678, "f")
    once(lake.target(), spec_of(ROWS), [(1, "a")], watermark="5", files=(file,))
    table = lake.table()
    row = json.loads(table.history(1)[0]["datasync"])["row"]
    assert (row["run_id"], row["watermark"], row["token"], row["published_rows"]) == ("r1", "5", 1, 1)
    assert table.transaction_version(log.application("c/t")) == 1
    assert lake.target().inspect(spec_of(ROWS)).commits[0].files == (file,)
    # An append must know every window and file there ever was: its log is kept.
    assert table.metadata().configuration["delta.enableExpiredLogCleanup"] == "false"


def test_an_append_whose_log_was_cleaned_is_refused(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = spec_of(ROWS)
    publish(lake.harness(), spec, [(1, "a")])
    # What a cleaned log looks like: Delta keeps the transactions' versions, and not what commits said.
    monkeypatch.setattr(log, "_commits", lambda versions: ())
    with pytest.raises(Refused) as lost:
        lake.target().inspect(replace(spec, run_id="r2"))
    assert lost.value.code == "E_LOST_WATERMARK"
    assert lake.target().inspect(replace(spec, run_id="r2", **KEYED)).commits == ()


def test_a_folder_that_is_no_table_is_left_alone(lake: Lake) -> None:
    folder = lake.root / "lake" / "t"
    folder.mkdir(parents=True)
    (folder / "theirs.txt").write_text("x", encoding="utf-8")
    with pytest.raises(TargetMismatch, match="no Delta table"):
        lake.target().inspect(spec_of(ROWS))


@pytest.mark.parametrize(
    ("columns", "words"),
    [({"id": "string"}, "needs string"), ({"a b": "int64"}, "cannot hold the name"), ({"id": "int64", "ID": "int64"}, "for one")],
)
def test_what_does_not_fit_is_refused(lake: Lake, columns: dict[str, str], words: str) -> None:
    publish(lake.harness(), spec_of(ROWS), [(1, "a")])
    with pytest.raises(TargetMismatch, match=words):
        lake.target().inspect(spec_of(columns, "r2"))


def test_a_damaged_table_is_said_in_own_words(lake: Lake) -> None:
    publish(lake.harness(), spec_of(ROWS), [(1, "secret")])
    folder = lake.root / "lake" / "t"
    for part in folder.glob("*.parquet"):
        part.unlink()
    source = lake.source()
    with pytest.raises(PermanentError) as gone, source.read(ReadRequest(files=source.files())) as reading:
        list(reading.batches())
    assert gone.value.code == "E_SOURCE_CORRUPT"
    first = folder / "_delta_log" / "00000000000000000000.json"
    first.write_text("{junk", encoding="utf-8")
    with pytest.raises(PermanentError) as damaged:
        lake.target().inspect(spec_of(ROWS))
    assert damaged.value.code == "E_SOURCE_CORRUPT"
    assert "junk" not in str(damaged.value)
    shutil.rmtree(folder)
    with pytest.raises(PermanentError) as absent:
        lake.source().files()
    assert absent.value.code == "E_SOURCE_MISSING"


def test_a_read_sees_the_version_that_was_pinned(lake: Lake) -> None:
    spec = spec_of(ROWS)
    publish(lake.harness(), spec, [(1, "a")])
    source = lake.source()
    (pinned,) = source.files()
    assert (pinned.path, pinned.fingerprint) == ("lake/t", "0")
    publish(lake.harness(), replace(spec, run_id="r2"), [(2, "b")])
    for reader in (source, lake.source()):
        with reader.read(ReadRequest(files=(pinned,), columns=("v",))) as reading:
            assert reading.count() == 1
            assert [batch.frame.rows() for batch in reading.batches()] == [[("a",)]]
    assert lake.source().files()[0].fingerprint == "1"


def test_staging_of_dead_runs_is_found_and_dropped(lake: Lake) -> None:
    spec = spec_of(ROWS)
    target = lake.target()
    stage(target, spec, frame_of(spec.columns, [(1, "a")]))
    assert lake.target().orphans() == []
    target.close()
    other = lake.target()
    (name,) = other.orphans()
    other.drop_orphan(name)  # type: ignore[attr-defined]
    assert other.orphans() == []
    with pytest.raises(PermanentError) as none:
        other.staging(spec)
    assert none.value.code == "E_NO_STAGING"


def test_what_is_no_folder_is_no_damaged_table(lake: Lake) -> None:
    (lake.root / "lake").mkdir()
    (lake.root / "lake" / "t").write_text("id\n1\n", encoding="utf-8")
    with pytest.raises(PermanentError) as caught:
        lake.source("t").files()
    assert (caught.value.code, caught.value.hint) == ("E_SOURCE_MISSING", "check path")
