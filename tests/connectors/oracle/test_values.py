"""Which values, types and errors of Oracle mean what."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import oracledb
import polars as pl
import pytest

from datasync.connectors.oracle.catalog import Described, Table
from datasync.connectors.oracle.engine import say
from datasync.connectors.oracle.loading import Checksum, bound, insertion
from datasync.connectors.oracle.tables import shape_of
from datasync.contract.types import parse_type
from datasync.errors import PermanentError, TransientError
from datasync.seams import PublishRequest
from tests.connectors.oracle.conftest import Targets
from tests.connectors.oracle.stand_in import Server
from tests.connectors.sql_targets import frame_of, spec_of, stage

IV = {"ID": "int64", "V": "string"}


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        ("string", "", "an empty text"), ("json", "", "an empty text"), ("binary", b"", "an empty binary"),
        ("string", "é" * 2001, "more than the 4000 bytes"),
    ],
)  # fmt: skip
def test_values_that_oracle_would_alter_are_refused_before_they_are_sent(
    targets: Targets, oracle: Server, kind: str, value: Any, words: str
) -> None:
    target, spec = targets(), spec_of({"ID": "int64", "V": kind})
    target.acquire(spec)
    with pytest.raises(PermanentError) as refused:
        stage(target, spec, frame_of(spec, [(1, None), (2, value)]))
    assert refused.value.code == "E_VALUE"
    assert "V has 1 row with " + words in refused.value.message
    assert not [sql for sql in oracle.statements() if sql.startswith("INSERT") and "_stg_" in sql]


def test_what_a_trigger_makes_of_staged_rows_is_noticed(targets: Targets, oracle: Server) -> None:
    target, spec = targets(), spec_of(IV)
    token = target.acquire(spec)
    stage(target, spec, frame_of(spec, [(1, "a"), (2, "b")]))
    before = oracle.script

    def tamper(statement: str) -> None:
        if statement.startswith("SELECT") and "_datasync_stg_" in statement and "COUNT" not in statement:
            oracle.script = before
            staged = next(table for _, table in oracle.columns if table.startswith("_datasync_stg_"))
            oracle.execute(f'UPDATE "APP"."{staged}" SET "V" = \'c\' WHERE "ID" = 2')

    oracle.script = tamper
    with pytest.raises(PermanentError) as differs:
        target.publish(spec, PublishRequest(token=token, rows=2))
    assert (differs.value.code, "other values in V" in differs.value.message) == ("E_STAGING_DIFFERS", True)
    assert ("APP", "T") not in oracle.columns


def test_values_are_bound_as_their_columns_types() -> None:
    columns = {"doc": "json", "ID": "int64", "P": "decimal(38,2)", "AT": "timestamp[us, Asia/Seoul]", "D": "date", "F": "float64",
               "OK": "bool", "B": "binary", "S": "string"}  # fmt: skip
    spec = spec_of(columns, key=("S",))
    how = insertion(spec, '"G"', shape_of(spec, Table()))
    assert how.sql == (
        'INSERT INTO "G" ("ID", "P", "AT", "D", "F", "OK", "S", "doc", "B") '
        "VALUES (:b1, :b2, FROM_TZ(:b3, '+00:00'), :b4, :b5, :b6, :b7, :b8, :b9)"
    )
    number = oracledb.DB_TYPE_NUMBER
    assert how.sizes == (
        number, number, oracledb.DB_TYPE_TIMESTAMP, oracledb.DB_TYPE_DATE, oracledb.DB_TYPE_BINARY_DOUBLE, number, 3000,
        oracledb.DB_TYPE_LONG, oracledb.DB_TYPE_LONG_RAW,
    )  # fmt: skip
    at = datetime(2026, 1, 1, 9, tzinfo=ZoneInfo("Asia/Seoul"))
    price = Decimal("123456789012345678901234567890123456.78")
    frame = frame_of(spec, [("[]", 1, price, None, date(2026, 1, 2), 0.1, True, b"x", "s")])
    frame = frame.with_columns(AT=pl.lit(at).dt.cast_time_unit("us"))
    assert bound(frame, spec, how.names) == [(1, price, datetime(2026, 1, 1), date(2026, 1, 2), 0.1, 1, "s", "[]", b"x")]


def test_checksums_tell_rows_apart_in_whatever_order() -> None:
    frames = [pl.DataFrame({"a": a, "b": b}) for a, b in (([1, 2], ["x", None]), ([2, 1], [None, "x"]), ([1, 2], [None, "x"]))]
    sums = [Checksum() for _ in frames]
    for one, frame in zip(sums, frames, strict=True):
        one.add(frame)
    assert sums[0].difference(sums[1]) == ""
    assert sums[0].difference(sums[2]) == "other rows"
    sums[1].add(frames[0])
    assert sums[0].difference(sums[1]) == "4 rows instead of 2"


TYPES = [
    (("NUMBER", 22, None, 10, 0), "int32", True), (("NUMBER", 22, None, 10, 0), "int64", False),
    (("NUMBER", 22, None, None, None), "decimal(38,10)", True), (("NUMBER", 22, None, None, 0), "decimal(38,10)", False),
    (("NUMBER", 22, None, 38, 0), "decimal(38,0)", True), (("NUMBER", 22, None, 12, 2), "decimal(12,4)", False),
    (("NUMBER", 22, None, 1, 0), "bool", True), (("BOOLEAN", 1, None, None, None), "bool", False),
    (("CHAR", 36, None, None, None), "uuid", True), (("CHAR", 20, None, None, None), "string", False),
    (("NVARCHAR2", 200, 100, None, None), "string", True), (("JSON", 8200, None, None, None), "json", False),
    (("TIMESTAMP(3)", 11, None, None, None), "timestamp[ms]", True), (("TIMESTAMP(3)", 11, None, None, None), "timestamp", False),
    (("TIMESTAMP(6) WITH LOCAL TIME ZONE", 11, None, None, None), "timestamp[us, UTC]", True),
    (("TIMESTAMP(6)", 11, None, None, None), "timestamp[us, UTC]", False), (("DATE", 7, None, None, None), "timestamp[s]", True),
    (("BINARY_DOUBLE", 8, None, None, None), "float32", True), (("FLOAT", 22, None, 126, None), "float64", False),
    (("RAW", 16, None, None, None), "binary", True),
]  # fmt: skip


@pytest.mark.parametrize(("found", "kind", "holds"), TYPES)
def test_columns_that_hold_a_type_unaltered(found: tuple[Any, ...], kind: str, holds: bool) -> None:
    assert Described("A", *found).holds(parse_type(kind)) is holds


CODES = [
    ("ORA-00054", "E_LOCKED", True), ("ORA-30006", "E_LOCKED", True), ("ORA-00060", "E_LOCKED", True), ("ORA-08177", "E_LOCKED", True),
    ("DPY-4011", "E_CONNECT", True), ("ORA-03113", "E_CONNECT", True), ("ORA-00001", "E_CONSTRAINT", False),
    ("ORA-01400", "E_CONSTRAINT", False), ("ORA-02290", "E_CONSTRAINT", False), ("ORA-02291", "E_CONSTRAINT", False),
    ("ORA-30926", "E_CONSTRAINT", False), ("ORA-12899", "E_VALUE", False), ("ORA-01438", "E_VALUE", False),
    ("ORA-01653", "E_DISK_FULL", False), ("ORA-01536", "E_DISK_FULL", False), ("ORA-01031", "E_PERMISSION", False),
    ("ORA-01950", "E_PERMISSION", False), ("ORA-00955", "E_EXISTS", False), ("ORA-01450", "E_SQL", False),
    ("ORA-00972", "E_SERVER_VERSION", False),
]  # fmt: skip


@pytest.mark.parametrize(("number", "code", "transient"), CODES)
def test_codes_are_said_in_our_words(number: str, code: str, transient: bool) -> None:
    said = say(number, "erp")
    assert (said.code, isinstance(said, TransientError)) == (code, transient)
