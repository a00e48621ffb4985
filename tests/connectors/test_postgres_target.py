"""What only the PostgreSQL target does."""

from __future__ import annotations

import hashlib
import threading
import time
from contextlib import closing
from dataclasses import replace
from datetime import datetime

import polars as pl
import pytest

from datasync.connectors.patience import SERVER_PATIENCE
from datasync.connectors.postgres.engine import Session
from datasync.connectors.sql.bookkeeping import staging_name
from datasync.errors import PermanentError, TargetMismatch, TransientError
from datasync.seams import Connection, PublishRequest
from tests.connectors.sql_targets import Place, frame_of, publish, spec_of, stage

IV = {"id": "int64", "v": "string"}


def test_an_absent_table_is_made_by_renaming_with_key_and_not_null(postgres: Place) -> None:
    target = postgres.target("marts.orders")
    spec = spec_of(IV, write="merge", key=("id",), required=frozenset({"id", "v"}), position=True)
    frame = frame_of(spec, [(1, "a")]).with_columns(pl.Series("__position", [7], dtype=pl.Int64))
    state = target.inspect(spec)
    token = target.acquire(spec)
    stage(target, spec, frame)
    commit = target.publish(spec, PublishRequest(token=token, rows=1, seen=state.sequence))
    published = target.published(spec, commit)
    staging = target.staging(spec)
    assert published is not None
    assert published.expected is None
    assert staging.query(f"SELECT * FROM {published.found}") == [(1, "a")]
    assert target.orphans() == []
    facts = "SELECT relpersistence::text, obj_description(oid) FROM pg_class WHERE oid = 'marts.orders'::regclass"
    assert postgres.rows(facts) == [("p", None)]
    assert postgres.rows("SELECT count(*) FROM pg_constraint WHERE conrelid = 'marts.orders'::regclass AND contype = 'p'") == [
        (1,)
    ]
    with pytest.raises(PermanentError, match="23502"):
        publish(target, replace(spec, run_id="r2", position=False), [(2, None)])


KEY = "SELECT conname::text, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 't'::regclass AND contype = 'p'"
STAGED = "\\_datasync\\_stg\\_%"


def _indexes(postgres: Place, table: str) -> list[str]:
    """Names of the indexes of tables whose names are like this."""
    return [
        name for (name,) in postgres.rows(f"SELECT indexname::text FROM pg_indexes WHERE tablename LIKE '{table}' ORDER BY 1")
    ]


def test_the_key_of_an_absent_table_is_indexed_while_staging_is_judged(postgres: Place) -> None:
    target, spec = (
        postgres.target(),
        spec_of({"a": "int64", "b": "string"}, write="merge", key=("b", "a"), required=frozenset({"a", "b"})),
    )
    token = target.acquire(spec)
    stage(target, spec, frame_of(spec, [(1, "x"), (2, "x")]))
    for _ in range(2):
        target.staging(spec).prepare()
    assert len(_indexes(postgres, STAGED)) == 1
    target.publish(spec, PublishRequest(token=token, rows=2))
    assert postgres.rows(KEY) == [("t_pkey", "PRIMARY KEY (b, a)")]
    assert _indexes(postgres, "t") == ["t_pkey"]
    # What is there has its key: nothing is made ahead for it.
    second = replace(spec, run_id="r2")
    stage(target, second, frame_of(spec, [(3, "y")]))
    target.staging(second).prepare()
    assert _indexes(postgres, STAGED) == []


def test_repeated_keys_get_their_index_when_the_audit_has_taken_them_out(postgres: Place) -> None:
    target, spec = postgres.target(), spec_of(IV, write="merge", key=("id",), required=frozenset({"id"}))
    token = target.acquire(spec)
    stage(target, spec, frame_of(spec, [(1, "a"), (1, "b"), (2, "c")]))
    staging = target.staging(spec)
    staging.prepare()
    assert _indexes(postgres, STAGED) == []
    assert staging.delete("id = 1") == 2
    target.publish(spec, PublishRequest(token=token, rows=1))
    assert postgres.rows(KEY) == [("t_pkey", "PRIMARY KEY (id)")]


@pytest.mark.parametrize(("table", "key"), [("t", "t_pkey1"), ("t" * 60, "t" * 58 + "_pkey")])
def test_a_key_whose_name_is_taken_or_too_long_is_named_by_postgresql(postgres: Place, table: str, key: str) -> None:
    postgres.rows("CREATE TABLE t_pkey (n integer)")
    target, spec = postgres.target(table), spec_of(IV, write="merge", key=("id",), required=frozenset({"id"}))
    token = target.acquire(spec)
    stage(target, spec, frame_of(spec, [(1, "a")]))
    target.staging(spec).prepare()
    target.publish(spec, PublishRequest(token=token, rows=1))
    assert postgres.rows(KEY.replace("'t'", f"'{table}'")) == [(key, "PRIMARY KEY (id)")]
    assert _indexes(postgres, table) == [key]


def test_staging_survives_no_crash_but_an_absent_target_does(postgres: Place) -> None:
    target, spec = postgres.target(), spec_of(IV)
    persistence = "SELECT DISTINCT relpersistence::text FROM pg_class WHERE relname LIKE '\\_datasync\\_stg\\_%'"
    stage(target, spec, frame_of(spec, [(1, "a")]))
    assert postgres.rows(persistence) == [("p",)]
    target.drop_staging("r1")
    publish(target, spec, [(1, "a")])
    second = replace(spec, run_id="r2")
    stage(target, second, frame_of(spec, [(2, "b")]))
    assert postgres.rows(persistence) == [("u",)]
    # The table goes while the run is on its way: the staging table that becomes the target must then survive a crash.
    postgres.rows("DROP TABLE t")
    target.publish(second, PublishRequest(token=target.acquire(second), rows=1, seen=1))
    assert postgres.rows("SELECT relpersistence::text FROM pg_class WHERE relname = 't'") == [("p",)]


def test_swap_copies_what_a_table_has(postgres: Place) -> None:
    with postgres.sql() as run:
        run("CREATE TABLE t (id bigint PRIMARY KEY, v text DEFAULT 'x' CHECK (v <> 'no')) WITH (fillfactor = 70)")
        run("CREATE INDEX by_value ON t (lower(v)) WHERE id > 0")
        run('CREATE UNIQUE INDEX "odd %" ON t (v, id)')
        run("COMMENT ON TABLE t IS 'it''s ours'")
        run("COMMENT ON COLUMN t.v IS 'value'")
        run("DROP ROLE IF EXISTS swap_reader")
        run("CREATE ROLE swap_reader")
        run("GRANT SELECT ON t TO swap_reader, PUBLIC")
        run("GRANT UPDATE (v) ON t TO swap_reader")
        run("INSERT INTO t VALUES (1, 'old')")
    described = [
        "SELECT indexname, replace(indexdef, 'INDEX', '') FROM pg_indexes WHERE tablename = 't' ORDER BY 1",
        "SELECT obj_description('t'::regclass), col_description('t'::regclass, 2)",
        "SELECT reloptions FROM pg_class WHERE oid = 't'::regclass",
        "SELECT grantee, privilege_type FROM information_schema.role_table_grants WHERE table_name = 't' ORDER BY 1, 2",
        "SELECT grantee, column_name, privilege_type FROM information_schema.column_privileges WHERE table_name = 't' "
        "ORDER BY 1, 2, 3",
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 't'::regclass ORDER BY 1",
        "SELECT column_name, column_default FROM information_schema.columns WHERE table_name = 't' ORDER BY 1",
    ]
    before = [postgres.rows(query) for query in described]
    target, spec = postgres.target(), spec_of(IV, write="replace", replace_by="swap", key=("id",))
    publish(target, spec, [(2, "new")])
    assert [postgres.rows(query) for query in described] == before
    assert postgres.rows("SELECT * FROM t") == [(2, "new")]
    with postgres.sql() as run:
        run("CREATE VIEW w AS SELECT * FROM t")
    with pytest.raises(TargetMismatch, match="a view"):
        target.inspect(replace(spec, run_id="r2"))
    with postgres.sql() as run:
        run("DROP VIEW w")
        run("CREATE TABLE child (id bigint REFERENCES t)")
    with pytest.raises(TargetMismatch, match="foreign key"):
        target.inspect(replace(spec, run_id="r2"))
    with postgres.sql() as run:
        run("DROP TABLE child, t")
        run("DROP ROLE swap_reader")


def test_merge_needs_a_unique_constraint_on_exactly_the_key(postgres: Place) -> None:
    target, spec = postgres.target(), spec_of({"a": "int64", "b": "int64"}, write="merge", key=("b", "a"))
    with postgres.sql() as run:
        run("CREATE TABLE t (a bigint NOT NULL, b bigint NOT NULL)")
        for index in ("UNIQUE INDEX i ON t (a)", "INDEX j ON t (a, b)", "UNIQUE INDEX k ON t (a, b) WHERE a > 0"):
            run(f"CREATE {index}")
        with pytest.raises(TargetMismatch, match="unique constraint"):
            target.inspect(spec)
        run("CREATE UNIQUE INDEX l ON t (a, b)")
    assert target.inspect(spec).exists


@pytest.mark.parametrize(
    "column", ["v varchar(5)", "v jsonb", "v text GENERATED ALWAYS AS ('x') STORED", "v integer", "v name", "v text[]"]
)
def test_columns_that_would_alter_or_refuse_values_are_refused(postgres: Place, column: str) -> None:
    postgres.rows(f"CREATE TABLE t (id bigint, {column})")
    with pytest.raises(TargetMismatch):
        postgres.target().inspect(spec_of(IV))


def test_a_lock_that_comes_late_is_waited_for(postgres: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasync.connectors.postgres.publishing._LOCK_WAIT", "100ms")
    target, spec = postgres.target(), spec_of(IV)
    publish(target, spec, [(1, "a")])
    wider = spec_of({**IV, "x": "int64"}, "r2")
    token = target.acquire(wider)
    stage(target, wider, frame_of(wider, [(2, "b", 1)]))
    with postgres.sql() as other:
        other("BEGIN")
        other("LOCK TABLE t IN ACCESS SHARE MODE")
        timer = threading.Timer(0.4, other, ["COMMIT"])
        timer.start()
        commit = target.publish(wider, PublishRequest(token=token, rows=1, seen=1))
        timer.join()
    assert commit.sequence == 2


def test_a_lock_that_never_comes_is_a_transient_error(postgres: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasync.connectors.postgres.publishing._LOCK_WAIT", "50ms")
    monkeypatch.setattr("datasync.connectors.postgres.target.SERVER_PATIENCE", replace(SERVER_PATIENCE, tries=2))
    target, spec = postgres.target(), spec_of(IV)
    publish(target, spec, [(1, "a")])
    wider = spec_of({**IV, "x": "int64"}, "r2")
    token = target.acquire(wider)
    stage(target, wider, frame_of(wider, [(2, "b", 1)]))
    with postgres.sql() as other:
        other("BEGIN")
        other("LOCK TABLE t IN ACCESS SHARE MODE")
        with pytest.raises(TransientError) as locked:
            target.publish(wider, PublishRequest(token=token, rows=1, seen=1))
    assert locked.value.code == "E_LOCKED"


def test_a_connection_lost_in_publishing_is_settled(postgres: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server ends the connection just after COMMIT: the next try finds the commit row and writes nothing."""
    target, spec = postgres.target(), spec_of(IV)
    publish(target, spec, [(1, "a")])
    second = replace(spec, run_id="r2")
    token = target.acquire(second)
    stage(target, second, frame_of(second, [(2, "b")]))
    lost = []

    def lose(name: str) -> None:
        if name == "publish.after_commit" and not lost:
            lost.append(name)
            raise TransientError("the answer to COMMIT was lost", code="E_CONNECT")
        if name == "publish.after_dml" and not lost and not cut:
            cut.append(name)
            postgres.rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction'")

    cut: list[str] = []
    monkeypatch.setattr("datasync.connectors.postgres.publishing.failpoint", lose)
    commit = target.publish(second, PublishRequest(token=token, rows=1, seen=1))
    assert (commit.sequence, commit.run_id, lost, cut) == (2, "r2", ["publish.after_commit"], ["publish.after_dml"])
    assert postgres.rows("SELECT id FROM t ORDER BY id") == [(1,), (2,)]


def test_orphans_are_what_no_session_holds(postgres: Place) -> None:
    spec = spec_of(IV, "a run")
    living = postgres.target()
    stage(living, spec, frame_of(spec, [(1, "a")]))
    other = postgres.target()
    assert other.orphans() == []
    living.close()
    assert other.orphans() == [staging_name("a run")]
    other.drop_staging("a run")
    assert other.orphans() == []


def test_cancel_ends_a_statement_of_another_thread(postgres: Place) -> None:
    target, spec = postgres.target(), spec_of(IV)
    stage(target, spec, frame_of(spec, [(1, "a")]))
    staging = target.staging(spec)
    caught: list[BaseException] = []

    def wait(run: object) -> None:
        try:
            list(run())  # type: ignore[operator]
        except TransientError as error:
            caught.append(error)

    for run in (lambda: staging.query("SELECT pg_sleep(30)"), lambda: staging.frames("SELECT pg_sleep(30)::text AS id")):
        thread = threading.Thread(target=wait, args=(run,))
        thread.start()
        time.sleep(0.5)
        target.cancel()
        thread.join(3)
        assert not thread.is_alive()
    assert [error.code for error in caught] == ["E_CANCELLED", "E_CANCELLED"]  # type: ignore[attr-defined]


def test_a_cancelled_load_leaves_nothing(postgres: Place) -> None:
    target, spec = postgres.target(), spec_of(IV)
    writer = target.writer(spec)
    writer.write(frame_of(spec, [(1, "a")]))
    target.cancel()
    with pytest.raises(TransientError):
        writer.write(frame_of(spec, [(1, "a")]))
    writer.abandon()
    assert postgres.target().orphans() == []


def test_values_the_server_refuses_are_said_without_them(postgres: Place) -> None:
    target, spec = postgres.target(), spec_of(IV)
    writer = target.writer(spec)
    writer.write(frame_of(spec, [(1, "secret\0value")]))
    with pytest.raises(PermanentError) as nul:
        writer.finish()
    writer.abandon()
    assert "22021" in str(nul.value)
    assert "secret" not in str(nul.value)
    naive = spec_of({"at": "timestamp[us, UTC]"})
    other = target.writer(naive)
    with pytest.raises(PermanentError, match="arrives as"):
        other.write(pl.DataFrame({"at": [datetime(2024, 1, 1)]}))
    other.abandon()


def test_a_key_that_no_index_takes_is_said_without_it(postgres: Place) -> None:
    target, spec = postgres.target(), spec_of({"k": "string"}, write="merge", key=("k",))
    # Not one that can be compressed.
    long = "".join(hashlib.sha256(str(number).encode()).hexdigest() for number in range(150))
    with pytest.raises(PermanentError, match=r"2,704 bytes") as refused:
        publish(target, spec, [(long,)])
    assert (refused.value.code, long[:64] in str(refused.value)) == ("E_LIMIT", False)


def test_signing_in_fails_in_our_words(tmp_path: object) -> None:
    closed = Place("postgres", tmp_path, Connection("warehouse", "postgres", "127.0.0.1", 1, "u", "hunter2", "db"))  # type: ignore[arg-type]
    with pytest.raises(TransientError) as refused:
        closed.target().inspect(spec_of(IV))
    assert refused.value.code == "E_CONNECT"
    assert "hunter2" not in str(refused.value)


def test_references_are_found_beside_the_target_first(postgres: Place) -> None:
    with postgres.sql() as run:
        run("CREATE SCHEMA marts")
        run("CREATE TABLE marts.customers (id int)")
        run("CREATE TABLE customers (id int)")
        run("CREATE TABLE planes (id int)")
    target, spec = postgres.target("marts.t"), spec_of(IV)
    stage(target, spec, frame_of(spec, []))
    staging = target.staging(spec)
    assert staging.reference("customers") == '"marts"."customers"'
    assert staging.reference("planes") == '"planes"'
    assert staging.reference("public.customers") == '"public"."customers"'
    with pytest.raises(PermanentError, match="no table"):
        staging.reference("nowhere")


def test_great_expectations_url_reaches_staging(postgres: Place) -> None:
    import sqlalchemy

    target, spec = postgres.target(), spec_of(IV)
    stage(target, spec, frame_of(spec, [(1, "a")]))
    with target.staging(spec).gx() as access:
        engine = sqlalchemy.create_engine(access.url)
        with engine.connect() as connection:
            table = sqlalchemy.Table(access.table, sqlalchemy.MetaData(), schema=access.schema, autoload_with=connection)
            assert connection.execute(sqlalchemy.select(table)).fetchall() == [(1, "a")]
        engine.dispose()


def test_a_server_too_old_for_is_json_is_said_to_be(postgres: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    assert postgres.connection is not None
    with closing(Session(postgres.connection)) as session:
        sql = "SELECT ('{}' IS JSON) IS JSON) FROM"
        with pytest.raises(PermanentError) as unlike:
            session.run(sql)
        monkeypatch.setattr("datasync.connectors.postgres.engine.Session._version", lambda _: 15)
        with pytest.raises(PermanentError, match="need PostgreSQL 16 at rest, and this is 15") as old:
            session.run(sql)
    assert (unlike.value.code, old.value.code) == ("E_SQL", "E_SERVER_VERSION")
