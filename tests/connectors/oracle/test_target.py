"""What the Oracle target promises, on the stand-in: order of statements, locks, crashes, values and errors."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from datasync.connectors.oracle import publishing
from datasync.connectors.oracle import target as module
from datasync.connectors.oracle.target import OracleTarget
from datasync.connectors.patience import SERVER_PATIENCE
from datasync.connectors.sql.bookkeeping import staging_name
from datasync.connectors.sql.books import Books
from datasync.errors import PermanentError, Refused, TargetMismatch, TransientError
from datasync.seams import Commit, Deletes, PublishRequest, RecheckFailed, TargetSpec
from tests.connectors.oracle.conftest import Targets
from tests.connectors.oracle.stand_in import Server, failure
from tests.connectors.sql_targets import FILE, frame_of, publish, spec_of, stage

IV = {"ID": "int64", "V": "string"}
KEYED: dict[str, Any] = {"write": "merge", "key": ("ID",), "required": frozenset({"ID"})}
DDL = ("CREATE", "DROP", "ALTER TABLE", "COMMENT", "TRUNCATE")


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SERVER_PATIENCE", replace(SERVER_PATIENCE, first=0.01))


def rows(oracle: Server, sql: str = 'SELECT "ID", "V" FROM "APP"."T" ORDER BY "ID"') -> list[tuple[Any, ...]]:
    return oracle.execute(sql)


def run(target: OracleTarget, spec: TargetSpec, rows: list[tuple[Any, ...]], **request: Any) -> Commit:
    """A whole run, in a process of its own."""
    try:
        return publish(target, spec, rows, **request)
    finally:
        target.close()


def failing(code: str, when: str, times: int = 1, after: Callable[[], None] = lambda: None) -> Callable[[str], None]:
    """A script: the next statements that match fail."""
    left = [times]

    def script(statement: str) -> None:
        if left[0] and re.search(when, statement):
            left[0] -= 1
            after()
            raise failure(code)

    return script


@pytest.mark.parametrize("write", ["append", "replace", "replace_window", "merge", "scd2"])
def test_nothing_between_the_first_change_and_commit_is_ddl(targets: Targets, oracle: Server, write: str) -> None:
    from datasync.contract.types import INT64
    from datasync.seams import HistoryColumns, Window

    columns = {**IV, "N": "int64"}
    history = HistoryColumns(INT64) if write == "scd2" else None
    cursor = "N" if write in ("replace_window", "scd2") else None
    settings: dict[str, Any] = {"write": write, "key": ("ID",), "cursor": cursor, "window": Window(None, 9), "history": history}
    run(targets(), spec_of(columns, **settings), [(1, "a", 1)], files=(FILE,))
    run(targets(), spec_of({**columns, "X": "bool"}, "r2", **settings), [(2, "b", 2, True)])
    publishers = {number for number, sql in oracle.ran if sql.startswith('INSERT INTO "APP"."_datasync_commits"')}
    assert len(publishers) == 2
    for number in publishers:
        ran = oracle.statements(number)
        locked = next(place for place, sql in enumerate(ran) if "_datasync_locks" in sql and "FOR UPDATE WAIT" in sql)
        fence = next(place for place, sql in enumerate(ran) if "_datasync_fence" in sql and "FOR UPDATE WAIT" in sql)
        commit = next(place for place, sql in enumerate(ran) if place > locked and sql == "COMMIT")
        changes = [
            place for place, sql in enumerate(ran) if locked < place < commit and re.match("INSERT|DELETE|UPDATE|MERGE", sql)
        ]
        assert locked < fence < changes[0] < commit
        assert ran[changes[-1]].startswith(('INSERT INTO "APP"."_datasync_commits"', 'INSERT INTO "APP"."_datasync_files"'))
        assert not [sql for sql in ran[locked:commit] if sql.startswith(DDL)]
        assert not [sql for sql in ran[commit:] if re.match("INSERT|DELETE|UPDATE|MERGE", sql)]


def test_the_guards_session_never_ends_its_transaction(targets: Targets, oracle: Server) -> None:
    run(targets(), spec_of(IV), [(1, "a")])
    guards = {number for number, sql in oracle.ran if "_datasync_locks" in sql and sql.endswith("FOR UPDATE NOWAIT")}
    assert len(guards) == 2, "one for the sync, one for the tables of the run"
    for ran in map(oracle.statements, guards):
        assert ran[-1] == "ROLLBACK"
        assert all("FOR UPDATE" in sql or sql.startswith("ALTER SESSION") for sql in ran[:-1])


def test_a_second_run_is_refused_until_the_first_is_over(targets: Targets) -> None:
    first, second, spec = targets(), targets(), spec_of(IV)
    assert first.acquire(spec) == 1
    with pytest.raises(Refused) as busy:
        second.acquire(replace(spec, run_id="r2"))
    assert busy.value.code == "E_BUSY"
    assert second.acquire(replace(spec, sync="another")) == 1
    first.close()
    assert second.acquire(replace(spec, run_id="r2")) == 2


def test_a_lock_that_was_lost_to_a_newer_run_fences(targets: Targets, oracle: Server) -> None:
    old, new, spec = targets(), targets(), spec_of(IV)
    token = old.acquire(spec)
    stage(old, spec, frame_of(spec, [(1, "zombie")]))
    old._guard.session.close()
    second = replace(spec, run_id="r2")
    mine = new.acquire(second)
    stage(new, second, frame_of(second, [(2, "living")]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "OWN_WAIT", 1)
        with pytest.raises(Refused) as fenced:
            old.publish(spec, PublishRequest(token=token, rows=1))
    assert fenced.value.code == "E_FENCED"
    new.publish(second, PublishRequest(token=mine, rows=1))
    new.close()
    # The lock is free again, but the token is not the newest.
    with pytest.raises(Refused) as late:
        old.publish(spec, PublishRequest(token=token, rows=1))
    assert late.value.code == "E_FENCED"
    assert rows(oracle) == [(2, "living")]


@pytest.mark.parametrize(
    "when", ['^DELETE FROM "APP"."T"', '^INSERT INTO "APP"."T"', '^INSERT INTO "APP"."_datasync_commits"', "^COMMIT$"]
)
def test_a_connection_that_is_lost_before_the_commit_is_tried_again(targets: Targets, oracle: Server, when: str) -> None:
    run(targets(), spec_of(IV, write="replace"), [(1, "old")])
    target, spec = targets(), spec_of(IV, "r2", write="replace")
    token = target.acquire(spec)
    stage(target, spec, frame_of(spec, [(2, "new")]))
    oracle.script = failing("DPY-4011", when)
    commit = target.publish(spec, PublishRequest(token=token, rows=1, seen=1))
    assert (commit.sequence, rows(oracle)) == (2, [(2, "new")])
    assert oracle.execute('SELECT "run_id" FROM "APP"."_datasync_commits" ORDER BY "sequence"') == [("r1",), ("r2",)]


def test_a_commit_whose_answer_is_lost_is_not_done_twice(targets: Targets, oracle: Server) -> None:
    target, spec = targets(), spec_of(IV)
    target.inspect(spec)
    token = target.acquire(spec)
    stage(target, spec, frame_of(spec, [(1, "a")]))
    committed: list[Commit] = []
    real = Books.record

    def record(*args: Any) -> Commit:
        committed.append(real(*args))
        oracle.script = failing("DPY-4011", "^COMMIT$", after=target._writing().live.real.commit)
        return committed[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Books, "record", record)
        commit = target.publish(spec, PublishRequest(token=token, rows=1))
    assert (len(committed), commit.run_id, commit.sequence) == (1, "r1", 1)
    assert rows(oracle) == [(1, "a")]


@pytest.mark.parametrize("point", ["publish.after_ddl", "publish.after_dml", "publish.after_commit_row"])
def test_a_crash_between_staging_and_commit_leaves_the_old_rows(
    targets: Targets, oracle: Server, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(targets(), spec_of(IV, **KEYED), [(1, "old")])
    dying, spec = targets(), spec_of(IV, "r2", **KEYED)
    token = dying.acquire(spec)
    stage(dying, spec, frame_of(spec, [(1, "new"), (2, "new")]))
    monkeypatch.setenv("DATASYNC_FAILPOINTS", f"{point}=raise")
    with pytest.raises(RuntimeError, match="failpoint"):
        dying.publish(spec, PublishRequest(token=token, rows=2, seen=1))
    monkeypatch.delenv("DATASYNC_FAILPOINTS")
    dying.close()
    assert rows(oracle) == [(1, "old")]
    staged = [table for _, table in oracle.columns if table.startswith("_datasync_stg_")]
    assert targets().orphans() == staged == [staging_name("r2")]
    # Another process takes the run up: its rows are still in the file of this machine.
    again = targets()
    token = again.acquire(spec)
    again.publish(spec, PublishRequest(token=token, rows=2, seen=1))
    assert rows(oracle) == [(1, "new"), (2, "new")]
    # While somebody holds it, it is none.
    assert targets().orphans() == targets(home="b").orphans() == []
    again.drop_staging("r2")
    assert not [table for _, table in oracle.columns if table.startswith("_datasync_stg_")]
    assert again.orphans() == []


def test_a_table_made_for_a_run_that_failed_is_taken_away(targets: Targets, oracle: Server) -> None:
    target, spec = targets(), spec_of(IV, **KEYED)
    token = target.acquire(spec)
    stage(target, spec, frame_of(spec, [(1, "a")]))
    oracle.script = failing("ORA-01653", '^MERGE INTO "APP"."T"')
    with pytest.raises(PermanentError) as full:
        target.publish(spec, PublishRequest(token=token, rows=1))
    assert full.value.code == "E_DISK_FULL"
    assert ("APP", "T") not in oracle.columns


def test_another_sync_that_publishes_to_the_table_is_waited_for(
    targets: Targets, oracle: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "NAME_WAIT", 1)
    monkeypatch.setattr(module, "SERVER_PATIENCE", replace(module.SERVER_PATIENCE, tries=2))
    run(targets(), spec_of(IV), [(1, "a")])
    other = oracle.connect(user="other")
    with other.cursor() as cursor:
        cursor.execute('SELECT "name" FROM "APP"."_datasync_locks" FOR UPDATE NOWAIT')
    target, spec = targets(), spec_of(IV, "r2", sync="another")
    # The lock of its own sync has a row that nobody holds yet.
    token = target.acquire(spec)
    stage(target, spec, frame_of(spec, [(2, "b")]))
    with pytest.raises(TransientError) as waited:
        target.publish(spec, PublishRequest(token=token, rows=1, seen=1))
    assert waited.value.code == "E_LOCKED"
    other.close()
    assert target.publish(spec, PublishRequest(token=token, rows=1, seen=1)).sequence == 2


def test_uniqueness_is_judged_with_what_is_published(targets: Targets) -> None:
    run(targets(), spec_of(IV), [(1, "a"), (2, "b")])
    target, spec = targets(), spec_of(IV, "r2", asked=frozenset({"V"}))
    target.acquire(spec)
    stage(target, spec, frame_of(spec, [(3, "b")]))
    staging = target.staging(spec)
    assert sorted(staging.query(f'SELECT "V" FROM {staging.survivors}')) == [("a",), ("b",)]


def test_key_checks_are_repeated_when_someone_published_meanwhile(targets: Targets, oracle: Server) -> None:
    spec = spec_of(IV, asked=frozenset({"V"}))
    run(targets(), spec, [(1, "a")])
    target, second = targets(), replace(spec, run_id="r2")
    token = target.acquire(second)
    stage(target, second, frame_of(second, [(2, "b")]))
    staging = target.staging(second)
    sql = f'SELECT count(*) FROM {staging.relation} WHERE "V" IN (SELECT "V" FROM {staging.survivors})'
    assert staging.query(sql) == [(0,)]
    run(targets(home="b"), spec_of(IV, "r3", sync="another"), [(3, "b")])
    with pytest.raises(RecheckFailed) as failed:
        target.publish(second, PublishRequest(token=token, rows=1, seen=1, rechecks=(("V.unique", sql),)))
    assert (failed.value.check, failed.value.offenders) == ("V.unique", 1)
    assert rows(oracle) == [(1, "a"), (3, "b")]


def test_references_are_looked_up_in_oracle(targets: Targets, oracle: Server) -> None:
    run(targets("CUSTOMERS"), spec_of({"NO": "int64", "NAME": "string"}, sync="customers"), [(1, "x"), (2, "y"), (2, "z")])
    target, spec = targets(), spec_of(IV, looked_up={"CUSTOMERS": (("ID", "NO"),)})
    target.acquire(spec)
    stage(target, spec, frame_of(spec, [(1, "a")]))
    staging = target.staging(spec)
    assert sorted(staging.query(f'SELECT "NO" FROM {staging.reference("CUSTOMERS")}')) == [(1,), (2,)]
    with pytest.raises(PermanentError) as missing:
        staging.reference("NOWHERE")
    assert missing.value.code == "E_NO_TABLE"


def test_additive_changes_are_applied_and_others_refused(targets: Targets, oracle: Server) -> None:
    run(targets(), spec_of(IV, **KEYED), [(1, "a")])
    wider = spec_of({**IV, "NOTE": "string", "P": "decimal(38,4)"}, "r2", **KEYED)
    assert targets().inspect(wider).changes == ("add column NOTE VARCHAR2(4000 BYTE)", "add column P NUMBER(38,4)")
    run(targets(), wider, [(2, "b", "n", Decimal("1234567890123456789012345678901234.5678"))])
    assert oracle.execute('SELECT "NOTE", "P" FROM "APP"."T" WHERE "ID" = 2') == [
        ("n", Decimal("1234567890123456789012345678901234.5678"))
    ]
    for columns, words in (({**IV, "V": "date"}, "VARCHAR2"), ({"ID": "decimal(38,0)", "V": "string"}, "NUMBER")):
        with pytest.raises(TargetMismatch, match=words):
            targets().inspect(spec_of(columns, "r3"))
    with pytest.raises(TargetMismatch, match="unique constraint"):
        targets().inspect(spec_of(IV, "r3", write="merge", key=("V",)))
    oracle.views.add(("APP", "VW"))
    with pytest.raises(TargetMismatch, match="view"):
        targets("VW").inspect(spec_of(IV))


def test_a_table_of_someone_else_is_written_as_it_is(targets: Targets, oracle: Server) -> None:
    connection = oracle.connect(user="dba")
    with connection.cursor() as cursor:
        cursor.execute('CREATE TABLE "APP"."T" ("ID" NUMBER(10) NOT NULL, "V" CLOB, "AT" DATE, "F" NUMBER, PRIMARY KEY ("ID"))')
    connection.close()
    columns = {"ID": "int32", "V": "string", "AT": "timestamp[s]", "F": "decimal(20,4)"}
    from datetime import datetime

    long, at = "x" * 9000, datetime(2026, 1, 2, 3, 4, 5)
    for name, number in (("r1", "1.5"), ("r2", "2.5")):
        run(targets(), spec_of(columns, name, **KEYED), [(1, long, at, Decimal(number))])
    assert oracle.execute('SELECT "V", "AT", "F" FROM "APP"."T"') == [(long, at, Decimal("2.5"))]
    merge = next(sql for sql in oracle.statements() if sql.startswith("MERGE"))
    assert '"DBMS_LOB".COMPARE("t"."V", "s"."V")' in merge


@pytest.mark.parametrize("number", ["ORA-00001", "ORA-12899", "ORA-99999"])
def test_errors_of_publishing_repeat_no_value(targets: Targets, oracle: Server, number: str) -> None:
    target, spec = targets(), spec_of(IV)
    token = target.acquire(spec)
    stage(target, spec, frame_of(spec, [(1, "hunter2")]))
    oracle.script = failing(number, '^INSERT INTO "APP"."T"')
    with pytest.raises(PermanentError) as failed:
        target.publish(spec, PublishRequest(token=token, rows=1))
    assert number in failed.value.message
    assert "hunter2" not in str(failed.value)


def test_a_published_history_with_a_zone_has_a_key_that_oracle_takes(targets: Targets, oracle: Server) -> None:
    from datetime import UTC, datetime

    from datasync.contract.types import TIMESTAMP_UTC
    from datasync.seams import HistoryColumns

    columns = {"ID": "int64", "V": "string", "AT": "timestamp[us, UTC]"}
    spec: TargetSpec = spec_of(columns, write="scd2", key=("ID",), cursor="AT", history=HistoryColumns(TIMESTAMP_UTC))
    days = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2)]
    run(targets(), spec, [(1, "a", days[0])])
    run(targets(), replace(spec, run_id="r2"), [(1, "b", days[1])])
    made = next(sql for sql in oracle.statements() if sql.startswith('CREATE TABLE "APP"."T"'))
    assert '"valid_from" TIMESTAMP(6) WITH LOCAL TIME ZONE NOT NULL' in made
    assert '"AT" TIMESTAMP(6) WITH LOCAL TIME ZONE' in made
    found = oracle.execute('SELECT "V", "valid_from", "valid_to", "is_current" FROM "APP"."T" ORDER BY "valid_from"')
    assert found == [("a", days[0], days[1], 0), ("b", days[1], None, 1)]


def test_rows_that_go_are_counted_in_the_copy(targets: Targets) -> None:
    columns = {**IV, "DEAD": "bool"}
    deletes: dict[str, Any] = {**KEYED, "deletes": Deletes(column="DEAD")}
    run(targets(), spec_of(columns, **KEYED), [(1, "a", False), (2, "b", None)])
    target, spec = targets(), spec_of(columns, "r2", **deletes)
    target.acquire(spec)
    stage(target, spec, frame_of(spec, [(1, "a", True)]))
    staging = target.staging(spec)
    assert staging.removals is not None
    assert staging.query(f'SELECT "ID" FROM {staging.removals.going}') == [(1,)]
    assert staging.query(f"SELECT count(*) FROM {staging.removals.living}") == [(2,)]
