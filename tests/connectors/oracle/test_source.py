"""What the Oracle source does as far as that can be tested without a server: SQL, types, values and errors.

The driver's own classes are used; the connection is a stand-in that gives Arrow batches as `fetch_df_batches` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import oracledb
import polars as pl
import pyarrow as pa
import pytest

from datasync.connectors.oracle.engine import Session, settings, translate
from datasync.connectors.oracle.source import OracleSource
from datasync.connectors.oracle.types import column_of
from datasync.contract.endpoints import OracleSource as Endpoint
from datasync.contract.expressions.dialects import literal_sql
from datasync.contract.expressions.problems import ExpressionError
from datasync.contract.types import STRING, parse_type
from datasync.errors import PermanentError, TransientError
from datasync.seams import Connection, Part, ReadRequest, Surroundings, Window
from tests.connectors.oracle.stand_in import Described, Fetched

TYPES: list[tuple[str, int | None, int | None, str, str]] = [
    ("NUMBER", 18, 0, "int64", '"A"'),
    ("NUMBER", 19, 0, "decimal(19,0)", "TO_CHAR(\"A\", 'TM9', 'NLS_NUMERIC_CHARACTERS=''.,''') AS \"A\""),
    ("NUMBER", 12, 2, "decimal(12,2)", "TO_CHAR(\"A\", 'TM9', 'NLS_NUMERIC_CHARACTERS=''.,''') AS \"A\""),
    ("NUMBER", 0, -127, "None", "TO_CHAR(\"A\", 'TM9', 'NLS_NUMERIC_CHARACTERS=''.,''') AS \"A\""),
    ("NUMBER", 126, -127, "None", "TO_CHAR(\"A\", 'TM9', 'NLS_NUMERIC_CHARACTERS=''.,''') AS \"A\""),
    ("NUMBER", 5, -2, "None", "TO_CHAR(\"A\", 'TM9', 'NLS_NUMERIC_CHARACTERS=''.,''') AS \"A\""),
    ("BINARY_FLOAT", None, None, "float32", '"A"'),
    ("BINARY_DOUBLE", None, None, "float64", '"A"'),
    ("VARCHAR", None, None, "string", '"A"'),
    ("NCLOB", None, None, "string", '"A"'),
    ("RAW", None, None, "binary", '"A"'),
    ("BLOB", None, None, "binary", '"A"'),
    ("DATE", None, None, "timestamp[s]", '"A"'),
    ("TIMESTAMP", 0, 6, "timestamp[us]", '"A"'),
    ("TIMESTAMP", 0, 9, "timestamp[ns]", '"A"'),
    ("TIMESTAMP_TZ", 0, 6, "timestamp[us, UTC]", 'SYS_EXTRACT_UTC("A") AS "A"'),
    ("TIMESTAMP_LTZ", 0, 6, "timestamp[us, UTC]", 'SYS_EXTRACT_UTC("A") AS "A"'),
    ("BOOLEAN", None, None, "bool", '"A"'),
    ("JSON", None, None, "json", 'JSON_SERIALIZE("A" RETURNING CLOB) AS "A"'),
    ("ROWID", None, None, "string", 'ROWIDTOCHAR("A") AS "A"'),
]


@pytest.mark.parametrize(("kind", "precision", "scale", "named", "selected"), TYPES)
def test_types_are_read_exactly(kind: str, precision: int | None, scale: int | None, named: str, selected: str) -> None:
    column = column_of(Described("A", getattr(oracledb, f"DB_TYPE_{kind}"), precision, scale))
    assert (str(column.type), column.selected(), column.refused) == (named, selected, "")


@pytest.mark.parametrize("kind", ["INTERVAL_DS", "INTERVAL_YM", "OBJECT", "XMLTYPE", "VECTOR", "BFILE", "CURSOR"])
def test_types_that_no_contract_can_name_are_refused(kind: str) -> None:
    assert column_of(Described("A", getattr(oracledb, f"DB_TYPE_{kind}"))).refused == kind


CONNECTION = Connection("erp", "oracle", "db.example.com", 1521, "reader", "hunter2", "ORCLPDB1")


def source(tmp_path: Path, **endpoint: Any) -> OracleSource:
    return OracleSource(
        Endpoint(type="oracle", connection="erp", **endpoint), Surroundings(tmp_path, tmp_path, lambda _: CONNECTION)
    )


def test_the_statements_of_a_read(tmp_path: Path) -> None:
    window = Window(datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 2, tzinfo=UTC))
    request = ReadRequest(
        cursor="UPDATED_AT", cursor_type=parse_type("timestamp[us, UTC]"), window=window, variables={"region": "it's", "n": 5}
    )
    assert source(tmp_path, table="SHOP.ORDERS").explain(request) == [
        'SELECT * FROM "SHOP"."ORDERS" WHERE "UPDATED_AT" >= TIMESTAMP \'2024-01-01 00:00:00.000000+00:00\' '
        "AND \"UPDATED_AT\" < TIMESTAMP '2024-01-02 00:00:00.000000+00:00'"
    ]
    query = source(
        tmp_path, query="SELECT * FROM orders WHERE region = :region AND n > :n", partition={"column": "ID", "size": 10}
    )
    assert query.explain(ReadRequest(variables={"region": "it's", "n": 5})) == [
        "SELECT * FROM (\nSELECT * FROM orders WHERE region = 'it''s' AND n > 5\n) q",
        "in parts of 10 along ID",
    ]


def test_literals_mean_the_same_in_every_session() -> None:
    for kind, value, text in (
        ("decimal(9,2)", Decimal("-1.5"), "CAST(-1.50 AS NUMBER(9,2))"),
        ("float64", 0.1, "(0.1d)"),
        ("date", datetime(2024, 2, 29).date(), "DATE '2024-02-29'"),
        ("timestamp", datetime(2024, 2, 29), "TIMESTAMP '2024-02-29 00:00:00.000000'"),
        ("bool", True, "1"),
    ):
        assert literal_sql(value, parse_type(kind), "oracle") == text
    with pytest.raises(ExpressionError, match="empty text"):
        literal_sql("", STRING, "oracle")


@dataclass
class StandIn:
    """A connection that knows one result."""

    described: list[Described]
    table: pa.Table
    ran: list[str] = field(default_factory=list)

    @contextmanager
    def cursor(self) -> Iterator[StandIn]:
        yield self

    def parse(self, sql: str) -> None:
        self.ran.append(sql)

    def execute(self, sql: str) -> None:
        self.ran.append(sql)

    def fetchall(self) -> list[tuple[Any, ...]]:
        return [(self.table.num_rows,)]

    @property
    def description(self) -> list[Described]:
        return self.described

    def fetch_df_batches(self, sql: str, size: int, fetch_decimals: bool) -> Iterator[Any]:
        self.ran.append(sql)
        assert fetch_decimals
        for start in range(0, max(self.table.num_rows, 1), size):
            yield Fetched(self.table.slice(start, size))

    def close(self) -> None:
        self.ran.append("close")


def test_rows_come_in_the_contracts_types(tmp_path: Path) -> None:
    at = datetime(2024, 3, 10, 12, 30, 15, 250)
    described = [
        Described("ID", oracledb.DB_TYPE_NUMBER, 10, 0),
        Described("PRICE", oracledb.DB_TYPE_NUMBER, 12, 2),
        Described("ANY", oracledb.DB_TYPE_NUMBER, 0, -127),
        Described("AT", oracledb.DB_TYPE_TIMESTAMP_TZ, 0, 6),
        Described("DAY", oracledb.DB_TYPE_DATE),
    ]
    table = pa.table(
        {
            "ID": pa.array([1, 2, None], pa.int64()),
            "PRICE": pa.array(["1.5", "-.25", None], pa.string()),
            "ANY": pa.array(["123456789012345678901234567890123456789.5", "0", None], pa.large_string()),
            "AT": pa.array([at, at, None], pa.timestamp("us")),
            "DAY": pa.array([at.replace(microsecond=0)] * 2 + [None], pa.timestamp("s")),
        }
    )
    opened = source(tmp_path, table="ORDERS")
    stand_in = StandIn(described, table)
    opened._session._open = stand_in
    with opened.read(ReadRequest(batch_rows=2)) as reading:
        assert {name: str(kind) for name, kind in reading.types.items()}["PRICE"] == "decimal(12,2)"
        assert reading.count() == 3
        frames = [batch.frame for batch in reading.batches()]
    assert [frame.height for frame in frames] == [2, 1]
    assert frames[0].rows()[0][1:3] == (Decimal("1.50"), "123456789012345678901234567890123456789.5")
    assert frames[0]["AT"].dtype == pl.Datetime("us", "UTC")
    assert frames[0]["AT"][0] == at.replace(tzinfo=UTC)
    assert stand_in.ran[1] == "SET TRANSACTION READ ONLY"
    assert stand_in.ran[-1] == "close"


def test_parts_are_divided_by_the_server(tmp_path: Path) -> None:
    opened = source(tmp_path, table="ORDERS", partition={"column": "ID", "size": 50})
    stand_in = StandIn([Described("ID", oracledb.DB_TYPE_NUMBER, 10, 0)], pa.table({"ID": [1]}))
    stand_in.fetchall = lambda: [(1, 100, 1)]  # type: ignore[method-assign]
    opened._session._open = stand_in
    with opened.read(ReadRequest()) as reading:
        assert reading.parts() == [Part(), Part(1, 50), Part(51, 100)]


def test_years_that_no_contract_can_name_are_refused(tmp_path: Path) -> None:
    opened = source(tmp_path, table="ORDERS")
    table = pa.table({"DAY": pa.array([-99_999_999_999], pa.timestamp("s"))})
    opened._session._open = StandIn([Described("DAY", oracledb.DB_TYPE_DATE)], table)
    with opened.read(ReadRequest()) as reading, pytest.raises(PermanentError, match="year"):
        list(reading.batches())


@pytest.mark.parametrize(
    ("text", "code", "transient"),
    [
        ("ORA-00942: table or view HUNTER2 does not exist", "E_NO_TABLE", False),
        ("ORA-01017: invalid username/password; logon denied", "E_SIGN_IN", False),
        ("ORA-01555: snapshot too old", "E_SNAPSHOT", True),
        ("ORA-03113: end-of-file on communication channel", "E_CONNECT", True),
        ("ORA-00060: deadlock detected", "E_LOCKED", True),
        ("ORA-99999: value 'hunter2' is odd", "E_SQL", False),
        ("DPY-6005: cannot connect to database", "E_CONNECT", True),
    ],
)
def test_errors_are_said_without_the_servers_text(text: str, code: str, transient: bool) -> None:
    from oracledb.errors import _Error

    said = translate(oracledb.DatabaseError(_Error(message=text)), "erp")
    assert (said.code, isinstance(said, TransientError)) == (code, transient)
    assert "hunter2" not in str(said).lower()


def test_a_server_that_is_not_there_is_said(tmp_path: Path) -> None:
    closed = Session(Connection("erp", "oracle", "127.0.0.1", 1, "u", "hunter2", "X"))
    with pytest.raises(TransientError) as refused:
        closed.run("SELECT 1 FROM DUAL")
    assert refused.value.code == "E_CONNECT"
    assert "hunter2" not in str(refused.value)


def test_settings_are_those_of_the_connection() -> None:
    assert settings(CONNECTION)["service_name"] == "ORCLPDB1"
    assert "host" not in settings(Connection("c", "oracle", extra={"dsn": "tcps://h/x"}))
    with pytest.raises(PermanentError):
        settings(Connection("c", "mysql"))
