"""What only the MySQL target does."""

from __future__ import annotations

import threading
import time
from collections import Counter
from contextlib import closing
from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datasync.connectors.mysql import engine, faults
from datasync.connectors.mysql.loading import MysqlWriter
from datasync.connectors.patience import SERVER_PATIENCE
from datasync.connectors.sql.bookkeeping import staging_name
from datasync.errors import PermanentError, Refused, TargetMismatch, TransientError
from datasync.seams import Connection, PublishRequest, TargetSpec
from tests.connectors.sql_targets import Place, edge_frame, frame_of, publish, spec_of, stage

IV = {"id": "int64", "v": "string"}
SV = {"k": "string", "v": "int64"}
KEYED: dict[str, Any] = {"write": "merge", "key": ("k",), "required": frozenset({"k"})}


def test_keys_that_collations_take_for_one_are_two(mysql: Place) -> None:
    target, spec = mysql.target(), spec_of(SV, **KEYED)
    publish(target, spec, [("a", 1), ("A", 2), ("a ", 3), ("é", 4), ("e", 5)])
    publish(target, replace(spec, run_id="r2"), [("A", 20), ("a ", 30), ("E", 60)])
    assert sorted(mysql.rows("SELECT k, v FROM t")) == [("A", 20), ("E", 60), ("a", 1), ("a ", 30), ("e", 5), ("é", 4)]


def test_a_table_of_someone_else_is_merged_into_by_the_bytes_of_its_keys(mysql: Place) -> None:
    mysql.rows("CREATE TABLE t (k varchar(20) CHARACTER SET latin1 PRIMARY KEY, v bigint)")
    target, spec = mysql.target(), spec_of(SV, **KEYED)
    publish(target, spec, [("a", 1), ("b", 2)])
    publish(target, replace(spec, run_id="r2"), [("b", 3), ("c", 4)])
    assert sorted(mysql.rows("SELECT k, v FROM t")) == [("a", 1), ("b", 3), ("c", 4)]
    # Its index takes A for a: refused aloud, never written over the other row.
    with pytest.raises(PermanentError) as same:
        publish(target, replace(spec, run_id="r3"), [("A", 9)])
    assert same.value.code == "E_CONSTRAINT"
    assert sorted(mysql.rows("SELECT k, v FROM t")) == [("a", 1), ("b", 3), ("c", 4)]
    with pytest.raises(PermanentError):
        publish(target, replace(spec, run_id="r4"), [("日本", 9)])


def test_another_unique_key_is_never_upserted_by(mysql: Place) -> None:
    mysql.rows("CREATE TABLE t (id bigint PRIMARY KEY, v varchar(20) UNIQUE)")
    target, spec = mysql.target(), spec_of(IV, write="merge", key=("id",))
    publish(target, spec, [(1, "a")])
    with pytest.raises(PermanentError) as refused:
        publish(target, replace(spec, run_id="r2"), [(2, "a")])
    assert refused.value.code == "E_CONSTRAINT"
    assert mysql.rows("SELECT id, v FROM t") == [(1, "a")]


def test_a_session_that_is_not_strict_is_not_used(mysql: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "STRICT", "NO_ENGINE_SUBSTITUTION")
    with pytest.raises(PermanentError) as lax:
        mysql.target().inspect(spec_of(IV))
    assert lax.value.code == "E_NOT_STRICT"


@pytest.mark.parametrize("local", [True, False])
def test_a_value_too_long_for_a_column_of_someone_else_is_refused(mysql: Place, local: bool) -> None:
    mysql.rows("CREATE TABLE t (id bigint, v varchar(3))")
    target, spec = mysql.target(), spec_of(IV)
    assert target.inspect(spec).exists
    for number, value in enumerate(("abcd", "abc ")):
        writer = target.writer(replace(spec, run_id=f"r{number}"))
        assert isinstance(writer, MysqlWriter)
        writer._local = local
        with pytest.raises(PermanentError) as long:
            writer.write(frame_of(spec, [(1, value)]))
        writer.abandon()
        assert long.value.code == "E_VALUE"
        assert "abc" not in str(long.value)
    publish(target, replace(spec, run_id="ok"), [(1, "日本語")])
    assert mysql.rows("SELECT v FROM t") == [("日本語",)]


@pytest.mark.parametrize(
    "column",
    [
        "v int",
        "v json CHECK (1) INVISIBLE",
        "v varchar(9) AS ('x') STORED",
        "v datetime(6)",
        "v varbinary(20)",
        "v enum('a')",
        "v char(20)",
    ],
)
def test_columns_that_would_alter_or_refuse_values_are_refused(mysql: Place, column: str) -> None:
    if "json" in column:
        # MariaDB's json is text as it was written: it is taken.
        mysql.rows("CREATE TABLE t (id bigint, v json)")
        assert mysql.target().inspect(spec_of(IV)).exists
        return
    mysql.rows(f"CREATE TABLE t (id bigint, {column})")
    with pytest.raises(TargetMismatch):
        mysql.target().inspect(spec_of(IV))


@pytest.mark.parametrize(
    ("column", "kind", "fits"),
    [
        ("datetime", "timestamp", False),
        ("datetime", "timestamp[s]", True),
        ("datetime(3)", "timestamp[ms]", True),
        ("datetime(6)", "timestamp[us, UTC]", False),
        ("datetime(6) COMMENT 'UTC (datasync)'", "timestamp[us, UTC]", True),
        ("timestamp(6) NULL", "timestamp[us, UTC]", True),
        ("timestamp(6) NULL", "timestamp", False),
        ("float", "float32", True),
        ("float", "float64", False),
        ("bigint unsigned", "uint64", True),
        ("bigint", "uint64", False),
        ("decimal(9,2)", "decimal(9,2)", True),
        ("decimal(10,2)", "decimal(9,2)", False),
        ("tinyint(1)", "bool", True),
        ("time", "time", False),
    ],
)
def test_existing_columns_hold_exactly_or_are_refused(mysql: Place, column: str, kind: str, fits: bool) -> None:
    mysql.rows(f"CREATE TABLE t (id bigint, v {column})")
    spec = spec_of({"id": "int64", "v": kind})
    if fits:
        assert mysql.target().inspect(spec).exists
    else:
        with pytest.raises(TargetMismatch):
            mysql.target().inspect(spec)


def test_a_table_without_transactions_is_refused(mysql: Place) -> None:
    mysql.rows("CREATE TABLE t (id bigint, v longtext) ENGINE = MyISAM")
    with pytest.raises(TargetMismatch, match="MyISAM"):
        mysql.target().inspect(spec_of(IV))


def test_values_come_back_where_the_server_takes_no_local_data(mysql: Place) -> None:
    types, frame = edge_frame("mysql")
    target = mysql.target()
    spec = TargetSpec("c/t", "c", "r1", "append", types)
    writer = target.writer(spec)
    assert isinstance(writer, MysqlWriter)
    writer._local = False
    writer.write(frame)
    assert writer.finish() == 3
    staging = target.staging(spec)
    found = pl.concat(staging.frames(f"SELECT * FROM {staging.relation}"))
    assert found.equals(frame)


TEXT = st.text(alphabet=st.one_of(st.sampled_from("\"',\\\n\t\r\0N;é😀 "), st.characters(exclude_categories=["Cs"])), max_size=12)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(st.one_of(st.none(), TEXT), st.one_of(st.none(), st.binary(max_size=8))), min_size=1, max_size=30))
def test_any_text_and_bytes_come_back(mysql: Place, rows: list[tuple[str | None, bytes | None]]) -> None:
    target, spec = mysql.target(), spec_of({"id": "int64", "s": "string", "b": "binary"})
    numbered = [(number, *row) for number, row in enumerate(rows)]
    stage(target, spec, frame_of(spec, numbered))
    staging = target.staging(spec)
    found = pl.concat(staging.frames(f"SELECT * FROM {staging.relation}"))
    target.drop_staging("r1")
    target.close()
    assert sorted(found.rows()) == numbered


@pytest.mark.parametrize("point", ["publish.after_dml", "publish.after_commit", "publish.after_rename", "publish.after_settle"])
def test_a_swap_that_dies_anywhere_is_settled_by_the_next_look(mysql: Place, point: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = spec_of(IV, write="replace", replace_by="swap", key=("id",), required=frozenset({"id"}))
    target = mysql.target()
    publish(target, spec, [(1, "old")], watermark="1")
    second = replace(spec, run_id="r2")
    token = target.acquire(second)
    stage(target, second, frame_of(second, [(2, "new"), (3, "new")]))
    monkeypatch.setenv("DATASYNC_FAILPOINTS", f"{point}=raise@1")
    monkeypatch.setattr("datasync.failpoints._passed", Counter())
    with pytest.raises(RuntimeError, match="failpoint"):
        target.publish(second, PublishRequest(token=token, rows=2, seen=1, watermark="2"))
    monkeypatch.delenv("DATASYNC_FAILPOINTS")
    target.close()
    renamed = point in ("publish.after_rename", "publish.after_settle")
    assert mysql.rows("SELECT id, v FROM t ORDER BY id") == ([(2, "new"), (3, "new")] if renamed else [(1, "old")])
    later = mysql.target()
    state = later.inspect(second)
    assert [commit.watermark for commit in state.commits] == (["1", "2"] if renamed else ["1"])
    if renamed:
        assert later.publish(second, PublishRequest(token=token, rows=2, seen=1, watermark="2")).sequence == 2
    else:
        publish(later, second, [(2, "new"), (3, "new")], watermark="2")
    later.drop_staging("r2")
    assert mysql.rows("SELECT id, v FROM t ORDER BY id") == [(2, "new"), (3, "new")]
    assert mysql.rows("SELECT run_id FROM _datasync_commits ORDER BY sequence") == [("r1",), ("r2",)]
    left = mysql.rows("SELECT table_name FROM information_schema.tables WHERE table_schema = database() ORDER BY 1")
    assert sorted(name for (name,) in left) == ["_datasync_commits", "_datasync_fence", "_datasync_files", "_datasync_swaps", "t"]


def test_swap_keeps_shape_views_and_comments(mysql: Place) -> None:
    with mysql.sql() as run:
        run(
            "CREATE TABLE t (id bigint PRIMARY KEY, v varchar(20) DEFAULT 'x' COMMENT 'value', KEY by_v (v)) COMMENT 'it''s ours'"
        )
        run("CREATE VIEW w AS SELECT * FROM t")
        run("INSERT INTO t VALUES (1, 'old')")
    before = mysql.rows("SHOW CREATE TABLE t")
    target, spec = mysql.target(), spec_of(IV, write="replace", replace_by="swap")
    publish(target, spec, [(2, "new")])
    assert mysql.rows("SHOW CREATE TABLE t") == before
    assert mysql.rows("SELECT * FROM w") == [(2, "new")]
    mysql.rows("CREATE TABLE child (id bigint REFERENCES t (id), FOREIGN KEY (id) REFERENCES t (id))")
    with pytest.raises(TargetMismatch, match="foreign key"):
        target.inspect(replace(spec, run_id="r2"))


@pytest.mark.parametrize("comes", [True, False])
def test_a_lock_that_comes_late_is_waited_for(mysql: Place, comes: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "LOCK_WAIT", 1)
    monkeypatch.setattr("datasync.connectors.mysql.target.SERVER_PATIENCE", replace(SERVER_PATIENCE, tries=6 if comes else 2))
    target, spec = mysql.target(), spec_of(IV, write="replace")
    publish(target, spec, [(1, "a")])
    second = replace(spec, run_id="r2")
    token = target.acquire(second)
    stage(target, second, frame_of(second, [(2, "b")]))
    with mysql.sql() as other:
        other("BEGIN")
        other("SELECT * FROM t FOR UPDATE")
        if comes:
            timer = threading.Timer(1.5, other, ["COMMIT"])
            timer.start()
            assert target.publish(second, PublishRequest(token=token, rows=1, seen=1)).sequence == 2
            timer.join()
        else:
            with pytest.raises(TransientError) as locked:
                target.publish(second, PublishRequest(token=token, rows=1, seen=1))
            assert locked.value.code == "E_LOCKED"


@pytest.mark.parametrize("when", ["publish.after_dml", "publish.after_commit"])
def test_a_connection_lost_in_publishing_is_settled(mysql: Place, when: str, monkeypatch: pytest.MonkeyPatch) -> None:
    target, spec = mysql.target(), spec_of(IV)
    publish(target, spec, [(1, "a")])
    second = replace(spec, run_id="r2")
    token = target.acquire(second)
    stage(target, second, frame_of(second, [(2, "b")]))
    lost: list[str] = []

    def lose(name: str) -> None:
        if name == when and not lost:
            lost.append(name)
            number = target._guard.session._number  # type: ignore[attr-defined]
            mysql.rows(f"KILL {number}")
            if name == "publish.after_commit":
                raise TransientError("the answer to COMMIT was lost", code="E_CONNECT")

    monkeypatch.setattr("datasync.connectors.mysql.publishing.failpoint", lose)
    commit = target.publish(second, PublishRequest(token=token, rows=1, seen=1))
    assert (commit.sequence, commit.run_id, lost) == (2, "r2", [when])
    assert mysql.rows("SELECT id FROM t ORDER BY id") == [(1,), (2,)]


def test_whoever_lost_the_lock_does_not_publish(mysql: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasync.connectors.mysql.target.OWN_WAIT", 0.2)
    zombie, living, spec = mysql.target(), mysql.target(), spec_of(IV)
    token = zombie.acquire(spec)
    stage(zombie, spec, frame_of(spec, [(1, "zombie")]))
    mysql.rows(f"KILL {zombie._guard.session._number}")  # type: ignore[attr-defined]
    for _ in range(50):
        try:
            living.acquire(replace(spec, run_id="r2"))
            break
        except Refused:
            time.sleep(0.05)
    with pytest.raises(Refused) as fenced:
        zombie.publish(spec, PublishRequest(token=token, rows=1))
    assert fenced.value.code == "E_FENCED"


def test_a_table_made_for_a_run_that_is_refused_is_gone_again(mysql: Place) -> None:
    target, spec = mysql.target(), spec_of(IV)
    token = target.acquire(spec)
    stage(target, spec, frame_of(spec, [(1, "a")]))
    with pytest.raises(PermanentError):
        target.publish(spec, PublishRequest(token=token, rows=7))
    assert not target.inspect(spec).exists


def test_a_cancelled_load_leaves_nothing(mysql: Place) -> None:
    target, spec = mysql.target(), spec_of(IV)
    writer = target.writer(spec)
    writer.write(frame_of(spec, [(1, "a")]))
    target.cancel()
    writer.abandon()
    assert mysql.target().orphans() == []


def test_orphans_are_what_no_session_holds(mysql: Place) -> None:
    spec = spec_of(IV, "a run")
    living, other = mysql.target(), mysql.target()
    stage(living, spec, frame_of(spec, [(1, "a")]))
    assert other.orphans() == []
    living.close()
    assert other.orphans() == [staging_name("a run")]
    other.drop_staging("a run")
    assert other.orphans() == []


def test_rows_are_taken_out_by_what_a_query_over_the_same_table_finds(mysql: Place) -> None:
    target, spec = mysql.target(), spec_of(IV)
    stage(target, spec, frame_of(spec, [(1, "a"), (1, "b"), (2, "c")]))
    staging = target.staging(spec)
    again = f"`id` IN (SELECT `id` FROM {staging.relation} GROUP BY `id` HAVING count(*) > 1)"
    assert staging.delete(again) == 2
    assert staging.query(f"SELECT * FROM {staging.relation}") == [(2, "c")]


@pytest.mark.parametrize("name", ["x" * 64, "é" * 64])
def test_names_of_64_characters_are_kept(mysql: Place, name: str) -> None:
    target = mysql.target(name)
    publish(target, spec_of({name: "int64"}), [(1,)])
    assert mysql.rows(f'SELECT "{name}" FROM "{name}"') == [(1,)]
    with pytest.raises(TargetMismatch):
        target.inspect(spec_of({name + "y": "int64"}))


def test_every_number_is_said_without_the_servers_text() -> None:
    import pymysql

    for number in [*range(1000, 2100), *range(3000, 4200)]:
        said = faults.translate(pymysql.err.OperationalError(number, "Duplicate entry 'SSN-1' for key"), "shop")
        assert "SSN" not in str(said)
        assert isinstance(said, TransientError | PermanentError)
    assert faults.say(1213, "shop").code == "E_LOCKED"
    assert faults.translate(EOFError(), "shop").code == "E_CONNECT"


def test_great_expectations_url_reaches_staging(mysql: Place) -> None:
    import sqlalchemy

    target, spec = mysql.target(), spec_of(IV)
    stage(target, spec, frame_of(spec, [(1, "a")]))
    with target.staging(spec).gx() as access:
        made = sqlalchemy.create_engine(access.url)
        with made.connect() as connection:
            table = sqlalchemy.Table(access.table, sqlalchemy.MetaData(), schema=access.schema, autoload_with=connection)
            assert [row[:2] for row in connection.execute(sqlalchemy.select(table.c.id, table.c.v))] == [(1, "a")]
        made.dispose()


def test_settings_are_those_of_the_connection() -> None:
    found = engine.settings(
        Connection(
            "c", "mysql", "h", None, "u", "p", "d", {"ssl_verify_cert": "true", "connect_timeout": "3", "local_infile": "1"}
        )
    )
    assert found["ssl_verify_cert"] is True
    assert (found["connect_timeout"], found["port"], found["host"]) == (3, 3306, "h")
    assert "local_infile" not in found
    # A socket is encrypted only where that is asked for.
    assert "ssl_disabled" not in found
    local = {"unix_socket": "/run/s"}
    assert engine.settings(Connection("c", "mysql", "", extra=local))["ssl_disabled"] is True
    assert "ssl_disabled" not in engine.settings(Connection("c", "mysql", "", extra={**local, "ssl_ca": "ca.pem"}))
    with pytest.raises(PermanentError):
        engine.settings(Connection("c", "postgres", "h"))
    with closing(engine.Session(Connection("c", "mysql", "h"))) as session:
        session.cancel()
