"""Histories and deletes where MySQL differs: collations, temporary tables, and DDL that would commit."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from datasync.contract.types import INT64
from datasync.errors import PermanentError
from datasync.seams import Deletes, HistoryColumns, PublishRequest, TargetSpec
from tests.connectors.sql_targets import Place, frame_of, publish, spec_of, stage

COLUMNS = {"k": "string", "v": "string", "at": "int64"}
VERSIONS = "SELECT k, v, valid_from, valid_to FROM t"


def history(**other: Any) -> TargetSpec:
    """A history with a key of texts."""
    settings: dict[str, Any] = {"write": "scd2", "key": ("k",), "cursor": "at", "required": frozenset({"k"})}
    return spec_of(COLUMNS, history=HistoryColumns(INT64), **settings, **other)


def test_keys_and_values_that_collations_take_for_one_have_histories_of_their_own(mysql: Place) -> None:
    target, spec = mysql.target(), history()
    publish(target, spec, [("a", "x", 1), ("A", "x", 1), ("a ", "x", 1)])
    publish(target, replace(spec, run_id="r2"), [("a", "X", 2), ("A", "x", 2), ("a ", "x ", 2)])
    assert sorted(mysql.rows(VERSIONS), key=repr) == [
        ("A", "x", 1, None), ("a ", "x ", 2, None), ("a ", "x", 1, 2), ("a", "X", 2, None), ("a", "x", 1, 2)
    ]  # fmt: skip


@pytest.mark.parametrize("charset", ["latin1", "utf8mb4 COLLATE utf8mb4_general_ci"])
def test_a_history_of_someone_else_is_written_by_the_bytes_of_its_keys(mysql: Place, charset: str) -> None:
    mysql.rows(
        f"CREATE TABLE t (k varchar(20) CHARACTER SET {charset}, v varchar(20) CHARACTER SET {charset}, at bigint, "
        "valid_from bigint NOT NULL, valid_to bigint, is_current tinyint(1) NOT NULL)"
    )
    target, spec = mysql.target(), history()
    publish(target, spec, [("a", "x", 1), ("A", "y", 1)])
    publish(target, replace(spec, run_id="r2"), [("a", "X", 2), ("A", "Y", 3), ("b", "z", 1)])
    publish(target, replace(spec, run_id="r3"), [("A", "Y", 4), ("B", "z", 1)])
    assert sorted(mysql.rows(VERSIONS), key=repr) == [
        ("A", "Y", 3, None), ("A", "y", 1, 3), ("B", "z", 1, None), ("a", "X", 2, None), ("a", "x", 1, 2), ("b", "z", 1, None)
    ]  # fmt: skip


def test_deletes_are_by_the_bytes_of_keys(mysql: Place) -> None:
    mysql.rows("CREATE TABLE t (k varchar(20) CHARACTER SET latin1 PRIMARY KEY, v varchar(20), at bigint)")
    spec = spec_of(COLUMNS, write="merge", key=("k",), cursor="at", deletes=Deletes(missing="delete"), complete=True)
    target = mysql.target()
    publish(target, spec, [("a", "x", 1), ("b", "x", 1)])
    with pytest.raises(PermanentError) as taken:
        # Its index takes A for a, which is still there when A comes: refused, and nothing is lost.
        publish(target, replace(spec, run_id="r2"), [("A", "x", 2), ("b", "x", 1)])
    assert taken.value.code == "E_CONSTRAINT"
    assert sorted(mysql.rows("SELECT k, v FROM t")) == [("a", "x"), ("b", "x")]
    publish(target, replace(spec, run_id="r3"), [("b", "y", 2)])
    assert mysql.rows("SELECT k, v FROM t") == [("b", "y")]


def test_a_connection_without_a_database_will_do(mysql: Place) -> None:
    assert mysql.connection is not None
    database = mysql.connection.database
    other = Place("mysql", mysql.root, replace(mysql.connection, database=""))
    target, spec = other.target(f"{database}.t"), history()
    publish(target, spec, [("a", "x", 1)])
    publish(target, replace(spec, run_id="r2"), [("a", "y", 2)])
    other.close()
    assert sorted(mysql.rows(VERSIONS)) == [("a", "x", 1, 2), ("a", "y", 2, None)]


def test_what_is_rolled_back_leaves_nothing_and_the_next_try_goes_through(mysql: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """DROP TABLE without TEMPORARY would have committed the versions without their commit row."""
    target, spec = mysql.target(), history()
    publish(target, spec, [("a", "x", 1)])
    second = replace(spec, run_id="r2")
    token = target.acquire(second)
    rows = stage(target, second, frame_of(second, [("a", "y", 2)]))
    request = PublishRequest(token=token, rows=rows, seen=1)
    monkeypatch.setattr("datasync.failpoints._passed", Counter())
    for point in ("publish.after_dml", "publish.after_commit_row"):
        monkeypatch.setenv("DATASYNC_FAILPOINTS", f"{point}=raise")
        with pytest.raises(RuntimeError, match="failpoint"):
            target.publish(second, request)
        assert mysql.rows(VERSIONS) == [("a", "x", 1, None)]
    monkeypatch.delenv("DATASYNC_FAILPOINTS")
    target.publish(second, request)
    target.drop_staging("r2")
    assert sorted(mysql.rows(VERSIONS)) == [("a", "x", 1, 2), ("a", "y", 2, None)]
    target.close()


def test_keys_of_several_texts_bytes_and_numbers_keep_their_histories_apart(mysql: Place) -> None:
    columns = {"k": "string", "n": "int64", "b": "binary", "v": "string", "at": "int64"}
    settings: dict[str, Any] = {"write": "scd2", "key": ("k", "n", "b"), "cursor": "at", "required": frozenset("knb")}
    spec = spec_of(columns, history=HistoryColumns(INT64), **settings)
    target = mysql.target()
    keys = [("a", 1, b"bc"), ("ab", 1, b"c"), ("a", 2, b"bc"), ("A", 1, b"bc"), ("a", 1, b"BC"), ("a", 1, b"\xff\x00")]
    publish(target, spec, [(*key, "old", 1) for key in keys])
    publish(target, replace(spec, run_id="r2"), [(*key, "new" if number % 2 else "old", 2) for number, key in enumerate(keys)])
    found = mysql.rows("SELECT k, n, b, v, valid_from, valid_to FROM t")
    unchanged = [(*key, "old", 1, None) for key in keys[::2]]
    changed = [row for key in keys[1::2] for row in ((*key, "old", 1, 2), (*key, "new", 2, None))]
    assert sorted(found, key=repr) == sorted(unchanged + changed, key=repr)


def test_a_history_of_someone_else_outside_of_the_run_survives_beside_keys_without_a_value(mysql: Place) -> None:
    mysql.rows("CREATE TABLE t (k varchar(20) CHARACTER SET latin1 NOT NULL, v text, at bigint, PRIMARY KEY (k))")
    mysql.rows("INSERT INTO t VALUES ('a', 'x', 1), ('b', 'x', 1)")
    spec = spec_of(COLUMNS, write="merge", key=("k",))
    target = mysql.target()
    target.acquire(spec)
    stage(target, spec, frame_of(spec, [("a", "y", 2), (None, "z", 2)]))
    staging = target.staging(spec)
    # The audit asks before rows without a key are taken out.
    assert staging.query(f"SELECT k FROM {staging.survivors}") == [("b",)]
    target.close()
