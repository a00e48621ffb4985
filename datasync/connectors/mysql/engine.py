"""A MySQL connection's settings in, sessions that can be cancelled out: strict, in UTC, in utf8mb4."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from datasync.connectors.mysql.faults import say, translate
from datasync.connectors.mysql.packets import Packets
from datasync.errors import DataSyncError, PermanentError, TransientError
from datasync.seams import Connection

_TEXTS = ("unix_socket", "ssl_ca", "ssl_cert", "ssl_key", "ssl_key_password")
_FLAGS = ("ssl_disabled", "ssl_verify_cert", "ssl_verify_identity")
_SECONDS = ("connect_timeout", "read_timeout", "write_timeout")
"""pymysql's settings that a connection's extra may hold; the rest is for other tools."""
STRICT = "STRICT_TRANS_TABLES,STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ZERO_DATE,NO_ZERO_IN_DATE,NO_ENGINE_SUBSTITUTION"
LOCK_WAIT = 4
"""Seconds that a lock of a row or a table is waited for; whoever waits gives up and tries again."""
_PATIENCE = (
    "SET SESSION time_zone = '+00:00', net_write_timeout = 3600, net_read_timeout = 3600, wait_timeout = 604800, "
    "max_sort_length = 4096"
)
"""Instants are in UTC whatever the server's zone is. A gate that is slow must not lose its connection, nor a lock its holder."""
_WRITING = (
    f"lock_wait_timeout = {LOCK_WAIT}, innodb_lock_wait_timeout = {LOCK_WAIT} "
    "/*M!100300 , optimizer_switch = 'subquery_cache=off,split_materialized=off', join_cache_level = 4, "
    "join_buffer_size = 33554432, join_buffer_space_limit = 134217728 */"
)
"""MySQL passes over what stands in `/*M! */`. MariaDB would remember what a subquery said of one row, and say the same of a row
that its columns' collation takes for the same, although the subquery compares bytes. And it would join what has no index row by
row: a key of texts is too long for the index that it makes of a derived table. Hashes do that, as in MySQL."""
_CANCEL_TIMEOUT = 1


def settings(connection: Connection) -> dict[str, Any]:
    """Give pymysql's arguments for a connection; they hold the password.

    Raises:
        PermanentError: it is of another kind, or a setting is not what it should be.
    """
    if connection.kind not in ("mysql", "mariadb", ""):
        raise PermanentError(f"connection '{connection.id}' is of type {connection.kind}, not mysql", code="E_CONNECTION",
                             hint="name a connection of type mysql, or correct this one's type")  # fmt: skip
    extra = connection.extra
    found: dict[str, Any] = {key: str(extra[key]) for key in _TEXTS if key in extra}
    found |= {key: str(extra[key]).lower() in ("true", "1", "yes") for key in _FLAGS if key in extra}
    try:
        found |= {key: int(extra[key]) for key in _SECONDS if key in extra}
    except (TypeError, ValueError) as error:
        raise PermanentError(f"connection '{connection.id}': a timeout is no number of seconds", code="E_CONNECTION") from error
    if isinstance(extra.get("ssl"), Mapping):
        found["ssl"] = dict(extra["ssl"])
    if "unix_socket" in found and not any(name.startswith("ssl") for name in found):
        # Nobody listens on a socket's way: encrypting it would cost a core for nothing.
        found["ssl_disabled"] = True
    named = {
        "host": connection.host or "localhost", "port": connection.port or 3306, "user": connection.login,
        "password": connection.password, "database": connection.database or None,
    }  # fmt: skip
    return {"connect_timeout": 10, **found, **named, "charset": "utf8mb4", "autocommit": True}


def sqlalchemy_url(connection: Connection) -> str:
    """Write a connection for SQLAlchemy and Great Expectations; the text holds the password."""
    from sqlalchemy import URL

    found = settings(connection)
    query = {key: str(found[key]) for key in (*_TEXTS, *_SECONDS) if key in found}
    query |= {key: str(found[key]).lower() for key in _FLAGS if key in found}
    made = URL.create(
        "mysql+pymysql", found["user"] or None, found["password"] or None, found["host"], found["port"], found["database"],
        {**query, "charset": "utf8mb4"},
    )  # fmt: skip
    # Great Expectations takes a bare dollar for the beginning of a variable.
    return made.render_as_string(hide_password=False).replace("$", "%24")


class Session:
    """One pymysql connection, opened when needed, in autocommit.

    Args:
        connection: where, and how to sign in.
        strict: for writing: the server must refuse values that it would alter, or the session is not used.
        local: the server may ask for data of `LOAD DATA LOCAL`; this session's owner answers, never a file.
    """

    def __init__(self, connection: Connection, *, strict: bool = True, local: bool = False) -> None:
        self.name = connection.id
        self.settings = connection
        self.stop = threading.Event()
        self._strict = strict
        self._local = local
        self._open: Any = None
        self._number = 0
        self._lock = threading.Lock()

    @property
    def live(self) -> Any:
        """The open connection."""
        import pymysql

        with self._lock:
            if self._open is None or not self._open.open:
                with self.translated():
                    self._open = pymysql.connect(**settings(self.settings), local_infile=self._local)
                    self._prepare(self._open)
            return self._open

    def _prepare(self, connection: Any) -> None:
        """Set the session up, and see that it is."""
        with connection.cursor() as cursor:
            cursor.execute(_PATIENCE)
            if self._strict:
                cursor.execute(f"SET SESSION sql_mode = '{STRICT}', {_WRITING}")
            cursor.execute("SELECT CONNECTION_ID(), @@SESSION.sql_mode, @@SESSION.time_zone")
            number, mode, zone = cursor.fetchone()
        self._number = int(number)
        if zone != "+00:00" or (self._strict and "STRICT_ALL_TABLES" not in mode):
            connection.close()
            raise PermanentError(
                f"mysql {self.name}: the session is not strict or not in UTC, although it was told so",
                code="E_NOT_STRICT",
                hint="a proxy between may drop SET SESSION: name the server itself",
            )

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Let pymysql's errors leave in our words."""
        import pymysql

        try:
            yield
        except (pymysql.Error, OSError, EOFError) as error:
            if self.stop.is_set():
                raise TransientError(f"mysql {self.name}: the statement was cancelled", code="E_CANCELLED") from error
            raise translate(error, self.name) from error

    def run(self, sql: str, values: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
        """Run one statement; give its rows, if it has any.

        Args:
            sql: with `%s` for values, and `%` doubled, only when values are given.
            values: bound by the driver; None: the statement is taken as it stands.
        """
        live = self.live
        with self.translated(), live.cursor() as cursor:
            cursor.execute(sql, values)
            return list(cursor.fetchall()) if cursor.description is not None else []

    def clock(self) -> datetime:
        """Give the server's time, aware, in UTC."""
        found: datetime = self.run("SELECT UTC_TIMESTAMP(6)")[0][0]
        return found.replace(tzinfo=UTC)

    def changed(self, sql: str) -> int:
        """Run one statement and give the number of rows it changed."""
        live = self.live
        with self.translated(), live.cursor() as cursor:
            return int(cursor.execute(sql))

    def fields(self, sql: str) -> list[Any]:
        """Run one SELECT that gives no rows, and say how the server describes its columns."""
        live = self.live
        with self.translated(), live.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor._result.fields)

    @contextmanager
    def streamed(self, sql: str) -> Iterator[Packets]:
        """Run one SELECT and give its rows' packets; a result that is not read to its end costs the connection."""
        from pymysql.cursors import SSCursor

        live = self.live
        with self.translated():
            cursor = live.cursor(SSCursor)
            cursor.execute(sql)
            result = cursor._result
            stream = live._rfile
            packets = Packets(stream.read1, len(result.fields))
            try:
                yield packets
            finally:
                result.unbuffered_active, result.connection = False, None
                if packets.end is None:
                    # Reading the rest, as pymysql would, can take as long as the whole result.
                    live._force_close()
                    stream.close()

    def ended(self, packets: Packets) -> None:
        """See that a result ended well.

        Raises:
            DataSyncError: it ended with an error.
        """
        end = packets.end
        if end is not None and end[0] == 0xFF:
            number = int.from_bytes(end[1:3], "little")
            raise say(1317 if self.stop.is_set() else number, self.name)

    def cancel(self) -> None:
        """End the statement that another thread is in; what cannot be asked to end loses its socket."""
        import pymysql

        self.stop.set()
        current = self._open
        if current is None or not current.open:
            return
        try:
            waits = dict.fromkeys(_SECONDS, _CANCEL_TIMEOUT)
            with contextlib.closing(pymysql.connect(**settings(self.settings) | waits)) as other, other.cursor() as cursor:
                cursor.execute(f"KILL QUERY {self._number:d}")
        except (pymysql.Error, OSError):
            with contextlib.suppress(OSError, AttributeError):
                current._sock.shutdown(socket.SHUT_RDWR)

    def rolled_back(self) -> None:
        """Roll back; a connection that is lost has rolled back by itself."""
        try:
            if self._open is not None and self._open.open:
                self.run("ROLLBACK")
        except DataSyncError:
            self.close()

    def close(self) -> None:
        """Close; may be called twice."""
        with self._lock:
            if self._open is not None and self._open.open:
                self._open.close()
            self._open = None
