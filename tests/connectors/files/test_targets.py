"""Publishing to files: every type comes back as it was, in every mode, and a crash leaves the old or the new."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl
import pyarrow.dataset as ds
import pytest
from polars.testing import assert_frame_equal

from datasync.contract.types import parse_type
from datasync.errors import PermanentError, Refused, TargetMismatch
from datasync.seams import PinnedFile, PublishRequest, RecheckFailed, Window
from tests.connectors.files.writing import ROWS, TYPES, content, frame, run, spec, target

KINDS = ["csv", "parquet", "ndjson", "json", "xml"]
PACKED = [
    ("csv", "out/orders.csv.gz"),
    ("ndjson", "out/orders.ndjson.zst"),
    ("json", "out/orders.json.gz"),
    ("xml", "out/orders.xml.zst"),
]
PATHS = [*((kind, f"out/orders{suffix}") for kind in KINDS for suffix in (f".{kind}", "")), *PACKED]
SMALL = {"id": parse_type("int64"), "name": parse_type("string")}
CURSOR = SMALL | {"at": parse_type("timestamp[us, UTC]")}


def small(*rows: tuple[int, str | None]) -> pl.DataFrame:
    return frame([{"id": number, "name": name} for number, name in rows], SMALL)


def stamped(*rows: tuple[int, str, int]) -> pl.DataFrame:
    return frame([{"id": number, "name": name, "at": datetime(2024, 1, day, tzinfo=UTC)} for number, name, day in rows], CURSOR)


def rows_of(found: pl.DataFrame) -> list[tuple[object, ...]]:
    return found.rows()


@pytest.mark.parametrize(("kind", "path"), PATHS)
def test_every_type_comes_back(kind: str, path: str, tmp_path: Path) -> None:
    wanted = spec("r1", "replace", TYPES)
    run(target(kind, path, tmp_path), wanted, [frame(ROWS[:2], TYPES), frame(ROWS[2:], TYPES)])
    assert_frame_equal(content(target(kind, path, tmp_path), wanted), frame(ROWS, TYPES))
    published = target(kind, path, tmp_path)
    relation = published.published(wanted, published.inspect(wanted).commits[-1])
    assert relation is not None
    published.close()


@pytest.mark.parametrize(("kind", "path"), PATHS)
def test_every_type_survives_a_merge(kind: str, path: str, tmp_path: Path) -> None:
    run(target(kind, path, tmp_path), spec("r1", "merge", TYPES, key=("id",)), [frame(ROWS, TYPES)])
    wanted = spec("r2", "merge", TYPES, key=("id",))
    changed = ROWS[1] | {"name": "now"}
    run(target(kind, path, tmp_path), wanted, [frame([changed, ROWS[0]], TYPES)])
    assert_frame_equal(content(target(kind, path, tmp_path), wanted), frame([ROWS[0], changed, *ROWS[2:]], TYPES))


@pytest.mark.parametrize(("kind", "path"), PATHS)
def test_append_adds_and_a_rerun_does_not(kind: str, path: str, tmp_path: Path) -> None:
    pinned = (PinnedFile("a.csv", 1, 2, "f"),)
    run(target(kind, path, tmp_path), spec("r1", "append", SMALL), [small((1, "a"))], files=pinned)
    wanted = spec("r2", "append", SMALL)
    first = run(target(kind, path, tmp_path), wanted, [small((2, None), (3, "c"))])
    again = target(kind, path, tmp_path)
    token = again.acquire(wanted)
    assert again.publish(wanted, PublishRequest(token=token, rows=2)) == first
    again.close()
    assert rows_of(content(target(kind, path, tmp_path), wanted)) == [(1, "a"), (2, None), (3, "c")]
    state = target(kind, path, tmp_path).inspect(wanted)
    assert [commit.run_id for commit in state.commits] == ["r1", "r2"]
    assert state.commits[0].files == pinned
    assert state.sequence == 2


@pytest.mark.parametrize(("kind", "path"), PATHS)
def test_merge_never_replaces_a_newer_row(kind: str, path: str, tmp_path: Path) -> None:
    run(
        target(kind, path, tmp_path),
        spec("r1", "merge", CURSOR, key=("id",), cursor="at"),
        [stamped((1, "new", 9), (2, "old", 1))],
    )
    wanted = spec("r2", "merge", CURSOR, key=("id",), cursor="at")
    opened = target(kind, path, tmp_path)
    commit = run(opened, wanted, [stamped((1, "late", 3), (2, "fresh", 3), (3, "more", 3))])
    assert [row[:2] for row in content(opened, wanted).rows()] == [(1, "new"), (2, "fresh"), (3, "more")]
    published = opened.published(wanted, commit)
    assert published is not None
    staging = opened.staging(wanted)
    assert staging.query(f"SELECT count(*) FROM {published.found}") == [(2,)]
    assert staging.query(f"SELECT count(*) FROM {published.expected}") == [(2,)]
    opened.close()


@pytest.mark.parametrize(("kind", "path"), PATHS)
def test_replace_window_leaves_the_rest(kind: str, path: str, tmp_path: Path) -> None:
    run(target(kind, path, tmp_path), spec("r1", "replace", CURSOR), [stamped((1, "a", 1), (2, "b", 2), (3, "c", 3))])
    window = Window(datetime(2024, 1, 2, tzinfo=UTC), datetime(2024, 1, 3, tzinfo=UTC))
    wanted = spec("r2", "replace_window", CURSOR, cursor="at", window=window)
    run(target(kind, path, tmp_path), wanted, [stamped((4, "d", 2))], watermark="w")
    assert [row[:2] for row in content(target(kind, path, tmp_path), wanted).rows()] == [(1, "a"), (3, "c"), (4, "d")]
    commit = target(kind, path, tmp_path).inspect(wanted).commits[-1]
    assert (commit.watermark, commit.window_start) == ("w", "2024-01-02T00:00:00+00:00")


@pytest.mark.parametrize(("kind", "path"), PATHS)
@pytest.mark.parametrize("write", ["append", "merge", "replace"])
def test_nothing_staged(kind: str, path: str, write: str, tmp_path: Path) -> None:
    wanted = spec("r1", write, SMALL, key=("id",))
    run(target(kind, path, tmp_path), wanted, [])
    assert content(target(kind, path, tmp_path), wanted).rows() == []
    assert target(kind, path, tmp_path).inspect(wanted).exists


@pytest.mark.parametrize(("kind", "path"), PATHS)
def test_a_new_column_is_added(kind: str, path: str, tmp_path: Path) -> None:
    run(target(kind, path, tmp_path), spec("r1", "append", {"id": SMALL["id"]}), [small((1, "a")).select("id")])
    wanted = spec("r2", "append", SMALL)
    opened = target(kind, path, tmp_path)
    if kind in ("csv", "parquet"):
        assert opened.inspect(wanted).changes == ("add column name string",)
    run(opened, wanted, [small((2, "b"))])
    assert content(target(kind, path, tmp_path), wanted).rows() == [(1, None), (2, "b")]


@pytest.mark.parametrize(("kind", "path"), PATHS)
def test_columns_that_the_contract_does_not_name_stay(kind: str, path: str, tmp_path: Path) -> None:
    wide = SMALL | {"extra": parse_type("int64")}
    run(target(kind, path, tmp_path), spec("r1", "append", wide), [small((1, "a")).with_columns(extra=pl.lit(7, pl.Int64))])
    run(target(kind, path, tmp_path), spec("r2", "append", SMALL), [small((2, "b"))])
    wanted = spec("r3", "merge", wide, key=("id",))
    run(target(kind, path, tmp_path), wanted, [])
    assert content(target(kind, path, tmp_path), wanted).rows() == [(1, "a", 7), (2, "b", None)]


@pytest.mark.parametrize("kind", KINDS)
def test_one_column_of_text(kind: str, tmp_path: Path) -> None:
    types = {"name": SMALL["name"]}
    wanted = spec("r1", "replace", types)
    run(target(kind, f"o.{kind}", tmp_path), wanted, [frame([{"name": "a"}, {"name": None}], types)])
    assert content(target(kind, f"o.{kind}", tmp_path), wanted, "name").rows() == [("a",), (None,)]


def test_parquet_of_another_type_is_refused(tmp_path: Path) -> None:
    run(target("parquet", "o.parquet", tmp_path), spec("r1", "replace", SMALL), [small((1, "a"))])
    other = spec("r2", "append", SMALL | {"name": parse_type("int32")})
    with pytest.raises(TargetMismatch, match="column name is string, the contract says int32"):
        target("parquet", "o.parquet", tmp_path).inspect(other)


@pytest.mark.parametrize("path", ["o", "o.csv"])
def test_what_is_not_ours_is_refused(path: str, tmp_path: Path) -> None:
    place = tmp_path / path
    place.mkdir()
    with pytest.raises(TargetMismatch):
        target("csv", path, tmp_path).inspect(spec("r1", "replace", SMALL))
    place.rmdir()
    place.symlink_to(tmp_path)
    with pytest.raises(TargetMismatch):
        target("csv", path, tmp_path).inspect(spec("r1", "replace", SMALL))


def test_a_zombie_is_fenced(tmp_path: Path) -> None:
    wanted = spec("r1", "append", SMALL)
    first = target("csv", "o.csv", tmp_path)
    token = first.acquire(wanted)
    writer = first.writer(wanted)
    writer.write(small((1, "a")))
    writer.finish()
    with pytest.raises(Refused):
        target("csv", "o.csv", tmp_path).acquire(wanted)
    # Its lock is lost, as when another machine takes over.
    first._locks.release()
    run(target("csv", "o.csv", tmp_path), spec("r2", "append", SMALL), [small((2, "b"))])
    with pytest.raises(Refused, match="newer run"):
        first.publish(wanted, PublishRequest(token=token, rows=1))
    first.close()
    assert (tmp_path / "o.csv").read_text() == "id,name\n2,b\n"


def test_keys_are_judged_again_when_another_sync_published(tmp_path: Path) -> None:
    wanted = spec("r1", "append", SMALL)
    opened = target("ndjson", "o", tmp_path)
    token = opened.acquire(wanted)
    writer = opened.writer(wanted)
    writer.write(small((1, "a")))
    writer.finish()
    run(target("ndjson", "o", tmp_path), spec("x", "append", SMALL, sync="other"), [small((1, "z"))])
    sql = f'SELECT count(*) FROM {opened.staging(wanted).relation} JOIN "_datasync_published" USING (id)'
    with pytest.raises(RecheckFailed):
        opened.publish(wanted, PublishRequest(token=token, rows=1, seen=0, rechecks=(("id.unique", sql),)))
    opened.close()


def test_staging_is_deleted_from_and_dropped(tmp_path: Path) -> None:
    wanted = spec("r1", "replace", SMALL)
    opened = target("parquet", "o.parquet", tmp_path)
    token = opened.acquire(wanted)
    writer = opened.writer(wanted)
    writer.write(small((1, "a"), (2, "b")))
    writer.finish()
    assert opened.orphans() == []
    staging = opened.staging(wanted)
    assert staging.survivors is None
    assert staging.delete("id = 1") == 1
    with pytest.raises(PermanentError, match="staging holds 1 rows"):
        opened.publish(wanted, PublishRequest(token=token, rows=2))
    assert opened.publish(wanted, PublishRequest(token=token, rows=1)).rows == 1
    opened.close()
    assert len(target("parquet", "o.parquet", tmp_path).orphans()) == 1
    opened.drop_staging("r1")
    assert opened.orphans() == []
    assert pl.read_parquet(tmp_path / "o.parquet").rows() == [(2, "b")]


def test_a_damaged_log_is_no_first_run(tmp_path: Path) -> None:
    run(target("csv", "o.csv", tmp_path), spec("r1", "append", SMALL), [small((1, "a"))])
    (tmp_path / ".o.csv.datasync" / "log.json").write_text("{")
    with pytest.raises(PermanentError, match="damaged"):
        target("csv", "o.csv", tmp_path).inspect(spec("r2", "append", SMALL))


def test_not_a_number_has_no_json(tmp_path: Path) -> None:
    types = {"x": parse_type("float64")}
    with pytest.raises(PermanentError, match="NaN"):
        run(target("ndjson", "o.ndjson", tmp_path), spec("r1", "replace", types), [frame([{"x": float("nan")}], types)])
    assert not (tmp_path / "o.ndjson").exists()


CRASH = """
import sys
from pathlib import Path
from tests.connectors.files.test_targets import SMALL, small
from tests.connectors.files.writing import run, spec, target
kind, path, root, write = sys.argv[1:]
run(target(kind, path, Path(root)), spec("r2", write, SMALL, key=("id",)), [small((2, "b"))])
"""


@pytest.mark.parametrize(("kind", "path", "write", "point"), [
    ("csv", "o.csv", "append", "stage.after_batch"), ("csv", "o.csv", "append", "publish.after_commit_row"),
    ("csv", "o.csv", "append", "publish.after_commit"), ("parquet", "o", "append", "publish.after_files"),
    ("parquet", "o", "append", "publish.after_commit_row"), ("parquet", "o", "append", "publish.after_commit"),
    ("ndjson", "o", "merge", "publish.begin"),
])  # fmt: skip
def test_killed_anywhere_and_run_again(kind: str, path: str, write: str, point: str, tmp_path: Path) -> None:
    run(target(kind, path, tmp_path), spec("r1", write, SMALL, key=("id",)), [small((1, "a"))])
    died = subprocess.run(
        [sys.executable, "-c", CRASH, kind, path, str(tmp_path), write], check=False, capture_output=True,
        env={**os.environ, "DATASYNC_FAILPOINTS": f"{point}=kill"},
    )  # fmt: skip
    assert died.returncode == -9, died.stderr.decode()
    wanted = spec("r2", write, SMALL, key=("id",))
    commits = [commit.run_id for commit in target(kind, path, tmp_path).inspect(wanted).commits]
    assert commits == (["r1", "r2"] if point == "publish.after_commit" else ["r1"])
    run(target(kind, path, tmp_path), wanted, [small((2, "b"))])
    assert content(target(kind, path, tmp_path), wanted).rows() == [(1, "a"), (2, "b")]
    assert [commit.run_id for commit in target(kind, path, tmp_path).inspect(wanted).commits] == ["r1", "r2"]


def test_a_change_by_hand_in_the_midst_of_a_publish_is_said(tmp_path: Path) -> None:
    run(target("csv", "o.csv", tmp_path), spec("r1", "append", SMALL), [small((1, "a"))])
    opened = target("csv", "o.csv", tmp_path)
    log = json.loads((tmp_path / ".o.csv.datasync" / "log.json").read_text())
    pending = {"commit": log["commits"][0] | {"run_id": "r9"}, "before": None, "after": {"size": 1}}
    (tmp_path / ".o.csv.datasync" / "pending.json").write_text(json.dumps(pending))
    with pytest.raises(PermanentError, match="changed by someone"):
        opened.inspect(spec("r2", "append", SMALL))


@pytest.mark.parametrize("path", ["o.parquet", "o"])
def test_readers_see_the_old_or_the_new(path: str, tmp_path: Path) -> None:  # noqa: C901 (three readers)
    """Each version holds its own number in every row: a mix would show."""
    place = tmp_path / path
    files = str(place) if place.suffix else str(place / "*.parquet")
    seen: list[list[int]] = []
    stop = threading.Event()

    def read(how: int) -> None:
        def polars() -> list[int]:
            return pl.read_parquet(files)["id"].to_list()

        def engine() -> list[int]:
            return [row[0] for row in duckdb.connect().execute(f"SELECT id FROM read_parquet('{files}')").fetchall()]

        def arrow() -> list[int]:
            found: list[int] = ds.dataset(place, format="parquet").to_table()["id"].to_pylist()
            return found

        readers = [polars, engine, arrow]
        while not stop.is_set():
            try:
                seen.append(readers[how]())
            except (FileNotFoundError, duckdb.IOException, OSError):
                continue

    version = lambda number: frame([{"id": number, "name": "x" * 100}] * 1000, SMALL)  # noqa: E731
    run(target("parquet", path, tmp_path), spec("r0", "replace", SMALL), [version(0)])
    threads = [threading.Thread(target=read, args=(how,)) for how in range(3)]
    for thread in threads:
        thread.start()
    for number in range(1, 12):
        run(target("parquet", path, tmp_path), spec(f"r{number}", "replace", SMALL), [version(number)])
    stop.set()
    for thread in threads:
        thread.join()
    assert seen
    for ids in seen:
        assert len(ids) == 1000
        assert len(set(ids)) == 1
