"""What publishing reads grows with the rows and not with their square, whatever the collation of the table's keys is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from datasync.connectors.mysql.engine import Session
from datasync.connectors.mysql.target import MysqlTarget
from datasync.connectors.sql.modes import dml, published, removals, survivors
from datasync.contract.types import INT64
from datasync.seams import Deletes, HistoryColumns, TargetSpec, Window
from tests.connectors.sql_targets import Place, frame_of, publish, spec_of, stage

ROWS, EACH = 600, 100
"""Rows of target and staging each, and how many times each of them may be read by one statement."""
WINDOW = Window(0, 10**6)
HISTORY = HistoryColumns(INT64)
MODES: dict[str, dict[str, Any]] = {
    "merge": {"write": "merge"},
    "newest": {"write": "merge", "cursor": "at"},
    "deleted": {"write": "merge", "cursor": "at", "deletes": Deletes(column="dead")},
    "missing": {"write": "merge", "cursor": "at", "deletes": Deletes(missing="delete"), "complete": True, "window": WINDOW},
    "marked": {"write": "merge", "deletes": Deletes(missing="mark", mark="gone"), "complete": True},
    "scd2": {"write": "scd2", "cursor": "at", "history": HISTORY, "window": WINDOW},
    "scd2 deleted": {
        "write": "scd2", "cursor": "at", "history": HISTORY, "window": WINDOW, "complete": True, "deletes": Deletes(column="dead"),
    },
}  # fmt: skip
COLUMNS = {
    "latin1": ("string", "varchar(40) CHARACTER SET latin1"),
    "utf8": ("string", "varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"),
    "ours": ("string", "varchar(700) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin"),
    "uuid": ("uuid", "uuid"),
    "binary": ("binary", "varbinary(40)"),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("column", COLUMNS)
def test_every_statement_reads_each_row_a_few_times(mysql: Place, column: str, mode: str) -> None:
    kind, spelled = COLUMNS[column]
    spec = spec_of({"k": kind, "at": "int64", "v": "string", "dead": "bool"}, key=("k",), **MODES[mode])
    own = {"scd2": ", valid_from bigint NOT NULL, valid_to bigint, is_current tinyint(1) NOT NULL", "mark": ", gone tinyint(1)"}
    more = own["scd2"] if spec.history else own["mark"] if mode == "marked" else ""
    key = "k, valid_from" if spec.history else "k"
    mysql.rows(f"CREATE TABLE t (k {spelled} NOT NULL, at bigint, v varchar(40), dead tinyint(1){more}, PRIMARY KEY ({key}))")
    target = mysql.target()
    publish(target, replace(spec, run_id="r0", window=Window(0, 1)), [_row(kind, number, 0) for number in range(ROWS)])
    stage(target, spec, frame_of(spec, [_row(kind, number, 1) for number in range(ROWS // 2, ROWS + ROWS // 2)]))
    found = _statements(target, spec)
    assert isinstance(target, MysqlTarget)
    session = target._session
    read = {sql: _reads(session, sql) for sql in found}
    assert max(read.values()) < EACH * ROWS, {sql: count for sql, count in read.items() if count >= EACH * ROWS}
    assert session.run(f"SELECT count(*) FROM {target._place.quoted}")[0][0] >= ROWS


def _row(kind: str, number: int, at: int) -> tuple[Any, ...]:
    text = f"123e4567-e89b-12d3-a456-{number:012d}"
    return (text.encode() if kind == "binary" else text, at, f"v{number % 3 + at}", bool(at) and number % 10 == 0)


def _statements(target: Any, spec: TargetSpec) -> list[str]:
    """All that the audit, publishing and reconciling run, in their order."""
    tables = target._tables(spec)
    relations = []
    if (taken := removals(spec, tables)) is not None:
        relations += [taken.going, taken.living]
    relations.append(survivors(spec, tables))
    asked = [f"SELECT count(*) FROM {relation}" for relation in relations]
    written = published(spec, tables)
    assert written is not None
    last = [f"SELECT count(*) FROM {relation}" for relation in (written.found, written.expected) if relation is not None]
    return [*asked, *dml(spec, tables), *last]


def _reads(session: Session, sql: str) -> int:
    """Rows that the server asked its tables for, temporary ones included."""
    session.run("FLUSH LOCAL STATUS")
    session.run(sql)
    return sum(int(count) for _, count in session.run("SHOW SESSION STATUS LIKE 'Handler_read%'"))
