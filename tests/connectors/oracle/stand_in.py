"""A PostgreSQL that answers as Oracle does, as far as our statements go: for there is no Oracle where tests run.

What the connector sends to `oracledb` is read by sqlglot as Oracle's SQL, said in PostgreSQL's, and carried out: rows, locks and
transactions are real. Of Oracle's own ways it has those that matter here: DDL commits, a statement that fails is undone by itself,
an empty text is NULL, a negative zero is zero, names keep their case, and errors carry ORA-codes with a value in their text.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any

import oracledb
import psycopg
import pyarrow as pa
import sqlglot
from oracledb.errors import _Error
from sqlglot import exp

from datasync.seams import Connection

SCHEMA = "APP"
CONNECTION = Connection("erp", "oracle", "db.example.com", 1521, "app", "hunter2", "ORCLPDB1")
_SETUP = f"""
CREATE SCHEMA "{SCHEMA}"; CREATE SCHEMA "DBMS_LOB"; CREATE VIEW dual AS SELECT 1 AS dummy;
CREATE FUNCTION "DBMS_LOB".compare(text, text) RETURNS int LANGUAGE sql AS 'SELECT CASE WHEN $1 = $2 THEN 0 ELSE 1 END';
CREATE FUNCTION "DBMS_LOB".compare(bytea, bytea) RETURNS int LANGUAGE sql AS 'SELECT CASE WHEN $1 = $2 THEN 0 ELSE 1 END';
CREATE FUNCTION from_tz(timestamp, text) RETURNS timestamptz LANGUAGE sql AS 'SELECT $1 AT TIME ZONE ''UTC''';
CREATE FUNCTION sys_extract_utc(timestamptz) RETURNS timestamp LANGUAGE sql AS 'SELECT $1 AT TIME ZONE ''UTC''';
"""
_CODES = {
    psycopg.errors.UniqueViolation: "ORA-00001",
    psycopg.errors.NotNullViolation: "ORA-01400",
    psycopg.errors.ForeignKeyViolation: "ORA-02291",
    psycopg.errors.CheckViolation: "ORA-02290",
    psycopg.errors.UndefinedTable: "ORA-00942",
    psycopg.errors.UndefinedColumn: "ORA-00904",
    psycopg.errors.DuplicateTable: "ORA-00955",
    psycopg.errors.DeadlockDetected: "ORA-00060",
    psycopg.errors.NumericValueOutOfRange: "ORA-01438",
    psycopg.errors.CardinalityViolation: "ORA-30926",
    psycopg.errors.QueryCanceled: "ORA-01013",
}
_TIME = re.compile(r"CAST\(TIMESTAMP '([^']+)' AS TIMESTAMP\(6\) WITH LOCAL TIME ZONE\)|TIMESTAMP '([^']+)'")
_NUMBER_TEXT = re.compile(r"TO_CHAR\((.+?), 'TM9', 'NLS_NUMERIC_CHARACTERS=''\.,'''\)")
_WAIT = re.compile(r" FOR UPDATE (NOWAIT|WAIT (\d+))$")
_CREATED = re.compile(r'^CREATE TABLE "(?P<owner>[^"]+)"\."(?P<table>[^"]+)" \((?P<body>.*)\)$', re.DOTALL)
_COLUMN = re.compile(r'^"(?P<name>[^"]+)" (?P<type>[A-Z_0-9]+(?:\([^)]*\))?(?: WITH(?: LOCAL)? TIME ZONE)?)(?P<null> NOT NULL)?$')
_DDL = ("CREATE ", "DROP ", "ALTER TABLE ", "COMMENT ", "TRUNCATE ", "RENAME ")


def failure(code: str, text: str = "value 'hunter2' is odd") -> oracledb.DatabaseError:
    """An error as the driver raises it; its text holds what must never be repeated."""
    return oracledb.DatabaseError(_Error(message=f"{code}: {text}"))


@dataclass
class Server:
    """The stand-in.

    Attributes:
        url: of an empty PostgreSQL database.
        ran: every statement, with the number of its session.
        script: called with each statement (`COMMIT` too) before it is carried out; raises what the server would.
        columns: of each table, as the dictionary has them.
        keys: the columns of each unique constraint.
    """

    url: str
    ran: list[tuple[int, str]] = field(default_factory=list)
    script: Callable[[str], None] = lambda statement: None
    columns: dict[tuple[str, str], list[tuple[Any, ...]]] = field(default_factory=dict)
    keys: dict[tuple[str, str], list[tuple[str, ...]]] = field(default_factory=dict)
    views: set[tuple[str, str]] = field(default_factory=set)
    sessions: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(_SETUP.encode())

    def connect(self, **settings: Any) -> FakeConnection:
        """Stand for `oracledb.connect`."""
        assert settings["user"]
        with self.lock:
            self.sessions += 1
            return FakeConnection(self, self.sessions)

    def statements(self, session: int | None = None) -> list[str]:
        """What was sent, by one session or all."""
        return [statement for number, statement in self.ran if session in (None, number)]

    def execute(self, sql: str) -> list[tuple[Any, ...]]:
        """Do something as somebody else would, and commit."""
        connection = self.connect(user="somebody")
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                rows = cursor.fetchall() if cursor.description is not None else []
            connection.commit()
            return rows
        finally:
            connection.close()

    def dictionary(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]] | None:
        """Answer a question about tables; None: it is none."""
        place = (values[0], values[1]) if len(values) == 2 else ("", "")
        if "SYS_CONTEXT" in sql:
            return [(SCHEMA,)]
        if "FROM ALL_OBJECTS" in sql:
            return [("TABLE",)] if place in self.columns else [("VIEW",)] if place in self.views else []
        if "SELECT TEMPORARY FROM ALL_TABLES" in sql:
            return [("N",)]
        if "SELECT TABLE_NAME FROM ALL_TABLES" in sql:
            return [(table,) for owner, table in self.columns if (owner, table[: values[1]]) == (values[0], values[2])]
        if "FROM ALL_TABLES" in sql:
            return [(int(place in self.columns),)]
        if "FROM ALL_TAB_COLS" in sql:
            return self.columns[place]
        if "FROM ALL_INDEXES" in sql or "FROM ALL_CONSTRAINTS" in sql:
            named = enumerate(self.keys.get(place, ()))
            return [(f"K{number}", column) for number, key in named for column in key]
        return None

    def created(self, sql: str) -> str:
        """Note a table, and say how PostgreSQL makes it."""
        found = _CREATED.match(sql)
        assert found is not None, sql
        place = (found["owner"], found["table"])
        lines, described, keys = [], [], []
        for part in re.split(r", (?=\"|PRIMARY|UNIQUE|CONSTRAINT)(?![^()]*\))", found["body"]):
            column = _COLUMN.match(part)
            if column is None:
                keys.append(tuple(re.findall(r'"([^"]+)"', part)))
                lines.append(part)
            else:
                described.append(describe(column["name"], column["type"], column["null"] is None))
                lines.append(f'"{column["name"]}" {stored(column["type"])}{column["null"] or ""}')
        if place in self.columns:
            raise failure("ORA-00955")
        self.columns[place], self.keys[place] = described, keys
        return f'CREATE TABLE "{place[0]}"."{place[1]}" ({", ".join(lines)})'


def describe(name: str, kind: str, nullable: bool) -> tuple[Any, ...]:
    """Give a row of ALL_TAB_COLS, as the connector selects it."""
    base, _, rest = kind.partition("(")
    sizes = [int(size) for size in re.findall(r"\d+", rest)]
    shown = kind if base == "TIMESTAMP" else base
    text = base in ("VARCHAR2", "CHAR", "RAW", "NVARCHAR2")
    characters = sizes[0] if "CHAR)" in kind or base == "NVARCHAR2" else None
    length = (sizes[0] * (4 if "CHAR)" in kind else 1)) if text else 22
    precision = sizes[0] if base == "NUMBER" and sizes else None
    scale = (sizes[1] if len(sizes) > 1 else 0) if precision is not None else None
    return name, shown, length, characters, precision, scale, "Y" if nullable else "N", None, "NO", "NO"


def stored(kind: str) -> str:
    """Say a type in PostgreSQL's words."""
    base, _, rest = kind.partition("(")
    if base == "NUMBER":
        return f"numeric({rest}" if rest else "numeric"
    if base == "TIMESTAMP":
        return "timestamptz" if "TIME ZONE" in kind else "timestamp"
    return {
        "BINARY_FLOAT": "real",
        "BINARY_DOUBLE": "double precision",
        "DATE": "timestamp(0)",
        "BLOB": "bytea",
        "RAW": "bytea",
    }.get(base, "text")


@cache
def translated(sql: str) -> str:
    """Say a statement in PostgreSQL's words, with `$1` for its first value."""
    literals: list[str] = []

    def keep(text: str) -> str:
        literals.append(text)
        return f"standing_{len(literals) - 1}_"

    def time(found: re.Match[str]) -> str:
        text = found[1] or found[2]
        return keep(f"{'TIMESTAMPTZ' if text.endswith('+00:00') else 'TIMESTAMP'} '{text}'")

    sql = _TIME.sub(time, sql)
    sql = _NUMBER_TEXT.sub(lambda found: f"CAST(TRIM_SCALE({found[1]}) AS TEXT)", sql)
    sql = sql.replace("ROWIDTOCHAR", "CAST").replace("SYSTIMESTAMP", keep("clock_timestamp()"))
    sql = re.sub(r":b(\d+)\b", lambda found: keep(f"${found[1]}"), sql)
    one = sql.endswith(" WHERE ROWNUM = 1")
    tree = sqlglot.parse_one(sql.removesuffix(" WHERE ROWNUM = 1"), read="oracle")
    for when in tree.find_all(exp.When):
        then = when.args["then"]
        if isinstance(then, exp.Update) and then.args.get("where") is not None:
            when.set("condition", then.args["where"].this)
            then.set("where", None)
    said = tree.sql("postgres") + (" LIMIT 1" if one else "")
    for number, literal in reversed(list(enumerate(literals))):
        said = said.replace(f"standing_{number}_", literal)
    return said


def settled(value: Any) -> Any:
    """A value as Oracle keeps it."""
    if isinstance(value, str | bytes) and not value:
        return None
    return 0.0 if isinstance(value, float) and value == 0 else value


def given(value: Any) -> Any:
    """A value as the driver fetches it: whole numbers are int."""
    return int(value) if isinstance(value, Decimal) and value == int(value) else value


@dataclass
class Described:
    """What the driver says of a column."""

    name: str
    type_code: Any
    precision: int | None = None
    scale: int | None = None


def described(column: Any) -> Described:
    kind, _, rest = column.type_display.partition("(")
    if kind in ("numeric", "int8", "int4"):
        return Described(column.name, oracledb.DB_TYPE_NUMBER, column.precision or 0, column.scale if column.precision else -127)
    if kind == "timestamp":
        return Described(column.name, oracledb.DB_TYPE_DATE if rest == "0)" else oracledb.DB_TYPE_TIMESTAMP, 0, 6)
    types = {
        "timestamptz": oracledb.DB_TYPE_TIMESTAMP_TZ, "float8": oracledb.DB_TYPE_BINARY_DOUBLE, "bytea": oracledb.DB_TYPE_BLOB,
        "float4": oracledb.DB_TYPE_BINARY_FLOAT, "text": oracledb.DB_TYPE_VARCHAR,
    }  # fmt: skip
    return Described(column.name, types[kind], 0, 6)


ARROW = {
    "NUMBER": pa.int64(), "DATE": pa.timestamp("s"), "TIMESTAMP": pa.timestamp("us"), "BINARY_DOUBLE": pa.float64(),
    "BINARY_FLOAT": pa.float32(), "BLOB": pa.large_binary(), "VARCHAR": pa.large_string(),
}  # fmt: skip


@dataclass
class Fetched:
    """What the driver calls a data frame."""

    table: pa.Table

    def num_rows(self) -> int:
        return int(self.table.num_rows)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


class FakeConnection:
    """Stands for `oracledb.Connection`."""

    def __init__(self, server: Server, number: int) -> None:
        self.server = server
        self.number = number
        self.real = psycopg.connect(server.url, options=f'-c TimeZone=UTC -c search_path="{SCHEMA}",public')

    @contextmanager
    def cursor(self) -> Iterator[FakeCursor]:
        yield FakeCursor(self)

    def commit(self) -> None:
        self.server.ran.append((self.number, "COMMIT"))
        self.server.script("COMMIT")
        self.real.commit()

    def rollback(self) -> None:
        self.server.ran.append((self.number, "ROLLBACK"))
        self.real.rollback()

    def cancel(self) -> None:
        self.real.cancel_safe()

    def close(self) -> None:
        self.real.close()

    def fetch_df_batches(self, sql: str, size: int, fetch_decimals: bool) -> Iterator[Fetched]:
        assert fetch_decimals
        with self.cursor() as cursor:
            cursor.execute(sql)
            columns, rows = cursor.description or [], cursor.fetchall()
        for start in range(0, max(len(rows), 1), size):
            part = rows[start : start + size]
            arrays = [
                pa.array([row[number] for row in part], ARROW[column.type_code.name.removeprefix("DB_TYPE_")])
                for number, column in enumerate(columns)
            ]
            yield Fetched(pa.table(arrays, names=[column.name for column in columns]))


class FakeCursor:
    """Stands for `oracledb.Cursor`."""

    def __init__(self, connection: FakeConnection) -> None:
        self._connection = connection
        self._rows: list[tuple[Any, ...]] = []
        self.description: list[Described] | None = None
        self.sizes: tuple[Any, ...] = ()

    def setinputsizes(self, *sizes: Any) -> None:
        self.sizes = sizes

    def parse(self, sql: str) -> None:
        self._run(f"SELECT * FROM ({sql}) described WHERE 1 = 0", [])

    def execute(self, sql: str, values: Sequence[Any] = ()) -> None:
        server = self._connection.server
        server.ran.append((self._connection.number, sql))
        server.script(sql)
        answer = server.dictionary(sql, values)
        if answer is not None:
            self._rows, self.description = answer, []
        elif sql.startswith(_DDL):
            self._define(sql)
        elif not sql.startswith(("ALTER SESSION", "SET TRANSACTION")):
            self._run(sql, values)

    def executemany(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        assert len(self.sizes) == len(rows[0])
        server = self._connection.server
        server.ran.append((self._connection.number, sql))
        server.script(sql)
        with self._said(sql), psycopg.RawCursor(self._connection.real) as cursor:
            cursor.executemany(translated(sql).encode(), [[settled(value) for value in row] for row in rows])

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self._rows

    @contextmanager
    def _said(self, sql: str) -> Iterator[None]:
        """A statement that fails is undone by itself, and the transaction goes on."""
        try:
            # A statement opens the transaction; the block inside is a savepoint then.
            self._connection.real.execute("SELECT 1")
            with self._connection.real.transaction():
                yield
        except psycopg.errors.LockNotAvailable as error:
            raise failure("ORA-30006" if "WAIT " in sql else "ORA-00054") from error
        except psycopg.Error as error:
            code = _CODES.get(type(error)) or ("DPY-4011" if isinstance(error, psycopg.OperationalError) else "ORA-00900")
            raise failure(code, str(error)) from error

    def _run(self, sql: str, values: Sequence[Any]) -> None:
        waits = _WAIT.search(sql)
        with self._said(sql), psycopg.RawCursor(self._connection.real) as cursor:
            if waits and waits[2]:
                cursor.execute(f"SET LOCAL lock_timeout = '{waits[2]}s'")
            plain = _WAIT.sub("", sql) if waits else sql
            ending = "" if not waits else " FOR UPDATE" if waits[2] else " FOR UPDATE NOWAIT"
            cursor.execute((translated(plain) + ending).encode(), [settled(value) for value in values])
            self.description = [described(column) for column in cursor.description] if cursor.description else None
            self._rows = [tuple(given(value) for value in row) for row in cursor.fetchall()] if cursor.description else []

    def _define(self, sql: str) -> None:
        """DDL commits what was done before it, and itself."""
        server, real = self._connection.server, self._connection.real
        real.commit()
        if sql.startswith("CREATE TABLE"):
            real.execute(server.created(sql).encode())
        elif found := re.match(r'^DROP TABLE "([^"]+)"\."([^"]+)" PURGE$', sql):
            if server.columns.pop((found[1], found[2]), None) is None:
                raise failure("ORA-00942")
            real.execute(f'DROP TABLE "{found[1]}"."{found[2]}"'.encode())
        elif found := re.match(r'^ALTER TABLE "([^"]+)"\."([^"]+)" ADD \("([^"]+)" (.+)\)$', sql):
            server.columns[(found[1], found[2])].append(describe(found[3], found[4], True))
            real.execute(f'ALTER TABLE "{found[1]}"."{found[2]}" ADD COLUMN "{found[3]}" {stored(found[4])}'.encode())
        else:
            assert sql.startswith("COMMENT ON TABLE"), sql
        real.commit()
