"""An Oracle connection's settings in, sessions that can be cancelled and errors in our words out: in UTC, texts as bytes."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from datasync.errors import DataSyncError, PermanentError, TransientError
from datasync.seams import Connection

if TYPE_CHECKING:
    import polars as pl

_TEXTS = ("dsn", "sid", "service_name", "protocol", "wallet_location", "wallet_password", "ssl_server_cert_dn", "config_dir")
"""oracledb's settings that a connection's extra may hold."""
_LOST = "the connection failed or was lost"
_TRANSIENT = {
    "ORA-00060": ("a deadlock was broken", "E_LOCKED"),
    "ORA-08177": ("the transaction could not be serialised", "E_LOCKED"),
    "ORA-00054": ("a lock was not given in time", "E_LOCKED"),
    "ORA-30006": ("a lock was not given in time", "E_LOCKED"),
    "ORA-01555": ("the snapshot is too old: undo was overwritten", "E_SNAPSHOT"),
    "ORA-14450": ("a lock was not given in time", "E_LOCKED"),
    "ORA-00020": ("the server has no free process", "E_CONNECT"),
    "ORA-01013": ("the statement was cancelled", "E_CANCELLED"),
    "DPY-4024": ("the statement took longer than it may", "E_TIMEOUT"),
    **dict.fromkeys(
        ("ORA-00028", "ORA-01012", "ORA-01033", "ORA-01034", "ORA-01089", "ORA-03113", "ORA-03114", "ORA-03135", "ORA-12514",
         "ORA-12541", "DPY-1001", "DPY-4011", "DPY-6000", "DPY-6001", "DPY-6005"),
        (_LOST, "E_CONNECT"),
    ),
}  # fmt: skip
_SESSION = (
    "ALTER SESSION SET TIME_ZONE = '+00:00'",
    # A linguistic order would take different texts for the same.
    "ALTER SESSION SET NLS_COMP = BINARY",
    "ALTER SESSION SET NLS_SORT = BINARY",
    "ALTER SESSION SET DDL_LOCK_TIMEOUT = 4",
)
"""What statements rely on, whatever the server or a logon trigger sets."""
_PERMANENT = {
    "ORA-00942": ("no such table, or no permission to see it", "E_NO_TABLE"),
    "ORA-00904": ("no such column", "E_NO_TABLE"),
    "ORA-00918": ("a query names a column twice", "E_SQL"),
    "ORA-01017": ("the user or the password is wrong", "E_SIGN_IN"),
    "ORA-28000": ("the user is locked", "E_SIGN_IN"),
    "ORA-28001": ("the password has expired", "E_SIGN_IN"),
    "ORA-01031": ("permission denied", "E_PERMISSION"),
    "ORA-01456": ("the transaction is read-only", "E_PERMISSION"),
    "ORA-01950": ("the user may not use the tablespace", "E_PERMISSION"),
    "ORA-16000": ("the database is open for reading only", "E_PERMISSION"),
    "ORA-00955": ("the name is taken", "E_EXISTS"),
    "ORA-00001": ("a unique constraint of the table refuses the rows", "E_CONSTRAINT"),
    "ORA-02290": ("a check constraint of the table refuses the rows", "E_CONSTRAINT"),
    **dict.fromkeys(("ORA-02291", "ORA-02292"), ("a foreign key refuses the rows", "E_CONSTRAINT")),
    **dict.fromkeys(("ORA-01400", "ORA-01407"), ("a column of the table must not be NULL", "E_CONSTRAINT")),
    "ORA-30926": ("the staged rows do not say one thing for each key", "E_CONSTRAINT"),
    **dict.fromkeys(
        ("ORA-01438", "ORA-01426", "ORA-12899", "ORA-01461", "ORA-01722", "ORA-01830", "ORA-01841", "ORA-01847", "ORA-01858",
         "ORA-22835", "ORA-40441"),
        ("a value does not fit its column", "E_VALUE"),
    ),
    **dict.fromkeys(
        ("ORA-01536", "ORA-01652", "ORA-01653", "ORA-01654", "ORA-01658", "ORA-01691", "ORA-30036", "ORA-00257"),
        ("the server's disk, quota or table space is full", "E_DISK_FULL"),
    ),
    "ORA-00972": ("a name is too long for the server: from 12.2 on they have 128 bytes", "E_SERVER_VERSION"),
    "ORA-01450": ("the key is longer than an index allows", "E_SQL"),
    "ORA-12505": ("no such SID", "E_CONNECT"),
    "DPY-6003": ("no such SID", "E_CONNECT"),
    "DPY-3015": ("the server keeps passwords in a form that needs Oracle's own client", "E_SIGN_IN"),
    "DPY-3010": ("the server is too old for the driver: 12.1 and newer are read", "E_SERVER_VERSION"),
}  # fmt: skip


def settings(connection: Connection) -> dict[str, Any]:
    """Give oracledb's arguments for a connection; they hold the password. `database` is the service's name.

    Raises:
        PermanentError: it is of another kind.
    """
    if connection.kind not in ("oracle", ""):
        raise PermanentError(f"connection '{connection.id}' is of type {connection.kind}, not oracle", code="E_CONNECTION",
                             hint="name a connection of type oracle, or correct this one's type")  # fmt: skip
    found: dict[str, Any] = {key: str(connection.extra[key]) for key in _TEXTS if key in connection.extra}
    found |= {"user": connection.login, "password": connection.password, "tcp_connect_timeout": 10.0}
    if "dsn" in found:
        return found
    found |= {"host": connection.host or "localhost", "port": connection.port or 1521}
    if connection.database and not {"sid", "service_name"} & found.keys():
        found["service_name"] = connection.database
    return found


def say(number: str, name: str) -> DataSyncError:
    """Say an error's full code (`ORA-00942`, `DPY-6005`) in our words; the server's text may hold values and stays out."""
    if number in _TRANSIENT:
        words, code = _TRANSIENT[number]
        return TransientError(f"oracle {name}: {words} ({number})", code=code)
    words, code = _PERMANENT.get(number, ("the server refused the statement", "E_SQL"))
    return PermanentError(f"oracle {name}: {words} ({number or 'no code'})", code=code)


def translate(error: Exception, name: str) -> DataSyncError:
    """Say an oracledb error in our words.

    Args:
        error: oracledb.Error, whose first argument carries `full_code`; or OSError.
        name: the connection's id.
    """
    if isinstance(error, OSError):
        return say("DPY-6005", name)
    return say(getattr(error.args[0] if error.args else None, "full_code", "") or "", name)


class Session:
    """One oracledb connection in thin mode, opened when needed, in UTC.

    Args:
        connection: where, and how to sign in.
    """

    def __init__(self, connection: Connection) -> None:
        self.name = connection.id
        self.stop = threading.Event()
        self._settings = connection
        self._open: Any = None

    @property
    def live(self) -> Any:
        """The open connection."""
        import oracledb

        if self._open is None:
            with self.translated():
                self._open = oracledb.connect(**settings(self._settings))
                with self._open.cursor() as cursor:
                    for statement in _SESSION:
                        cursor.execute(statement)
        return self._open

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Let oracledb's errors leave in our words."""
        import oracledb

        try:
            yield
        except (oracledb.Error, OSError) as error:
            if self.stop.is_set():
                raise say("ORA-01013", self.name) from error
            said = translate(error, self.name)
            if said.code == "E_CONNECT":
                # What is lost rolled back by itself; the next statement opens another.
                self.close()
            raise said from error

    def run(self, sql: str, values: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
        """Run one statement; give its rows, if it has any.

        Args:
            sql: with `:name` for values.
            values: bound, in the order of the names.
        """
        live = self.live
        with self.translated(), live.cursor() as cursor:
            cursor.execute(sql, list(values)) if values else cursor.execute(sql)
            return list(cursor.fetchall()) if cursor.description is not None else []

    def clock(self) -> datetime:
        """Give the server's time, aware, in UTC."""
        found: datetime = self.run("SELECT SYS_EXTRACT_UTC(SYSTIMESTAMP) FROM DUAL")[0][0]
        return found.replace(tzinfo=UTC)

    def many(self, sql: str, rows: Sequence[Sequence[Any]], sizes: Sequence[Any]) -> None:
        """Run one statement for each row, in one round trip.

        Args:
            sql: with a `:name` for each value.
            rows: their values.
            sizes: what each value is bound as: a type of oracledb, or the characters of a text. A column of NULLs alone would
                else be bound as text.
        """
        live = self.live
        with self.translated(), live.cursor() as cursor:
            cursor.setinputsizes(*sizes)
            cursor.executemany(sql, rows)

    def commit(self) -> None:
        """Commit."""
        live = self.live
        with self.translated():
            live.commit()

    def rolled_back(self) -> None:
        """Roll back; a connection that is lost has rolled back by itself."""
        try:
            if self._open is not None:
                with self.translated():
                    self._open.rollback()
        except DataSyncError:
            self.close()

    def fields(self, sql: str) -> list[Any]:
        """Say how the server describes a SELECT's columns, without running it."""
        live = self.live
        with self.translated(), live.cursor() as cursor:
            cursor.parse(sql)
            return list(cursor.description)

    def frames(self, sql: str, rows: int) -> Iterator[pl.DataFrame]:
        """Run one SELECT and give its rows as the driver's Arrow batches."""
        import polars as pl
        import pyarrow as pa

        live = self.live
        with self.translated():
            for batch in live.fetch_df_batches(sql, size=rows, fetch_decimals=True):
                if self.stop.is_set():
                    raise say("ORA-01013", self.name)
                if batch.num_rows():
                    yield pl.DataFrame(pl.from_arrow(pa.table(batch)))

    def cancel(self) -> None:
        """End the statement that another thread is in."""
        import oracledb

        self.stop.set()
        if self._open is not None:
            # What ended by itself meanwhile cannot be cancelled.
            with contextlib.suppress(oracledb.Error, OSError):
                self._open.cancel()

    def close(self) -> None:
        """Close, which rolls back; may be called twice."""
        import oracledb

        if self._open is not None:
            with contextlib.suppress(oracledb.Error, OSError):
                self._open.close()
            self._open = None
