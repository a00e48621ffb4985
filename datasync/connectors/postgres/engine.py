"""A PostgreSQL connection's settings in, sessions that can be cancelled and errors in our words out."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from datasync.connectors.sql.missing import missing
from datasync.errors import DataSyncError, PermanentError, TransientError
from datasync.seams import Connection

if TYPE_CHECKING:
    import psycopg

_SETTINGS = (
    "host", "sslmode", "sslrootcert", "sslcert", "sslkey", "sslpassword", "sslcrl", "channel_binding", "gssencmode", "krbsrvname",
    "options", "target_session_attrs", "connect_timeout", "keepalives", "keepalives_idle", "keepalives_interval",
    "keepalives_count", "tcp_user_timeout", "hostaddr", "passfile", "service", "require_auth",
)  # fmt: skip
"""libpq's settings that a connection's extra may hold; a URI names a socket's folder as `?host=`. The rest is for other tools."""


def conninfo(connection: Connection) -> str:
    """Write a connection for libpq; the text holds the password.

    Raises:
        PermanentError: it is of another kind.
    """
    from psycopg.conninfo import make_conninfo

    if connection.kind not in ("postgres", "postgresql", ""):
        raise PermanentError(f"connection '{connection.id}' is of type {connection.kind}, not postgres", code="E_CONNECTION",
                             hint="name a connection of type postgres, or correct this one's type")  # fmt: skip
    settings: dict[str, Any] = {key: str(value) for key, value in connection.extra.items() if key in _SETTINGS}
    settings.setdefault("connect_timeout", "10")
    named = {
        "host": connection.host, "port": connection.port, "user": connection.login, "password": connection.password,
        "dbname": connection.database,
    }  # fmt: skip
    settings |= {key: value for key, value in named.items() if value not in ("", None)}
    # Instants are written and read in UTC whatever the server's own zone is.
    settings["options"] = f"{settings.get('options', '')} -c TimeZone=UTC".strip()
    return make_conninfo(**settings, application_name="datasync", client_encoding="UTF8")


def sqlalchemy_url(connection: Connection) -> str:
    """Write a connection for SQLAlchemy and Great Expectations; the text holds the password."""
    from sqlalchemy import URL

    query = {key: str(value) for key, value in connection.extra.items() if key in _SETTINGS}
    host = connection.host or query.pop("host", "") or "localhost"
    if host.startswith("/"):
        # A socket's folder stands in the query; Great Expectations asks for a host all the same.
        query, host = {**query, "host": host}, "localhost"
    made = URL.create(
        "postgresql+psycopg", connection.login or None, connection.password or None, host, connection.port,
        connection.database or None, query,
    )  # fmt: skip
    # Great Expectations takes a bare dollar for the beginning of a variable.
    return made.render_as_string(hide_password=False).replace("$", "%24")


def lock_number(name: str) -> int:
    """Give an advisory lock's number: 64 bits, signed."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)


_KNOWS_JSON = 16
"""The first version that has IS JSON."""
_TRANSIENT = {
    "40P01": ("a deadlock was broken", "E_LOCKED"),
    "40001": ("the transaction could not be serialised", "E_LOCKED"),
    "55P03": ("a lock was not given in time", "E_LOCKED"),
    "53300": ("the server has no free connection", "E_CONNECT"),
    "57P03": ("the server is starting", "E_CONNECT"),
    "57014": ("the statement was cancelled", "E_CANCELLED"),
}
_PERMANENT = {
    "42P01": ("no such table", "E_NO_TABLE"),
    "42703": ("no such column", "E_NO_TABLE"),
    "3F000": ("no such schema", "E_NO_TABLE"),
    "42501": ("permission denied", "E_PERMISSION"),
    "25006": ("the server is read-only", "E_PERMISSION"),
    "28P01": ("the password is wrong", "E_SIGN_IN"),
    "28000": ("the user may not sign in", "E_SIGN_IN"),
    "3D000": ("no such database", "E_CONNECT"),
    "23505": ("a unique constraint of the table refuses the rows", "E_CONSTRAINT"),
    "23502": ("a column of the table must not be NULL", "E_CONSTRAINT"),
    "23503": ("a foreign key refuses the rows", "E_CONSTRAINT"),
    "23514": ("a check constraint of the table refuses the rows", "E_CONSTRAINT"),
    "21000": ("two staged rows have the same key", "E_CONSTRAINT"),
    "22021": ("a text holds NUL, which PostgreSQL cannot store", "E_VALUE"),
    "22003": ("a number does not fit its column", "E_VALUE"),
    "22001": ("a text does not fit its column", "E_VALUE"),
    "22P02": ("a text is no value of its column's type", "E_VALUE"),
    "54000": ("a limit of the server: an index takes 2,704 bytes of a row's key", "E_LIMIT"),
    "53100": ("the server's disk is full", "E_DISK_FULL"),
    "0A000": ("the server does not support the statement", "E_SQL"),
}


def say(state: str | None, name: str, text: str = "") -> DataSyncError:
    """Say an SQLSTATE in our words; the server's text may hold values of rows and stays out, but for names that are missing."""
    if state in _TRANSIENT:
        words, code = _TRANSIENT[state]
        return TransientError(f"postgres {name}: {words} ({state})", code=code)
    if state in _PERMANENT:
        words, code = _PERMANENT[state]
        what, hint = missing(text) if code == "E_NO_TABLE" else ("", "")
        return PermanentError(f"postgres {name}: {words}{what} ({state})", code=code, hint=hint)
    if state is None or state[:2] in ("08", "57", "58"):
        ending = f" ({state})" if state else ""
        return TransientError(f"postgres {name}: the connection failed or was lost{ending}", code="E_CONNECT")
    words = "the statement does not fit" if state[:2] == "42" else "the server refused the statement"
    return PermanentError(f"postgres {name}: {words} ({state})", code="E_SQL")


def translate(error: Exception, name: str) -> DataSyncError:
    """Say a psycopg or ADBC error in our words.

    Args:
        error: psycopg.Error, or the driver manager's.
        name: the connection's id.
    """
    state = getattr(error, "sqlstate", None)
    if not state or state == "00000" or state.strip("\0") == "":
        state = None
    if state is None and type(error).__name__ == "OperationalError" and "password" in str(error):
        return say("28P01", name)
    if state is None and type(error).__module__.startswith("psycopg"):
        import psycopg

        if isinstance(error, psycopg.ProgrammingError | psycopg.DataError):
            return PermanentError(f"postgres {name}: {type(error).__name__}", code="E_SQL")
    return say(state, name, str(error).removeprefix("ERROR:").strip())


def _no_json(name: str, version: int) -> PermanentError:
    return PermanentError(
        f"postgres {name}: is_json() and format: json need PostgreSQL {_KNOWS_JSON} at rest, and this is {version}",
        code="E_SERVER_VERSION",
        hint="leave run.audit: full out, which asks the server again what was checked in flight",
    )


class Session:
    """One psycopg connection, opened when needed, in autocommit; every statement is bytes or bound values.

    Args:
        connection: where, and how to sign in.
    """

    def __init__(self, connection: Connection) -> None:
        self.name = connection.id
        self.settings = connection
        self._open: psycopg.Connection[Any] | None = None
        self._lock = threading.Lock()

    @property
    def live(self) -> psycopg.Connection[Any]:
        """The open connection."""
        import psycopg

        with self._lock:
            if self._open is None or self._open.closed:
                self._open = psycopg.connect(conninfo(self.settings), autocommit=True)
            return self._open

    @contextmanager
    def translated(self, sql: str = "") -> Iterator[None]:
        """Let psycopg's errors leave in our words.

        Args:
            sql: what runs; a server that is too old for it is said to be.
        """
        import psycopg

        try:
            yield
        except psycopg.Error as error:
            if error.sqlstate == "42601" and " IS JSON)" in sql and self._version() < _KNOWS_JSON:
                raise _no_json(self.name, self._version()) from error
            raise translate(error, self.name) from error

    def _version(self) -> int:
        """Give the server's first number."""
        return self.live.info.server_version // 10_000

    def run(self, sql: str, values: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
        """Run one statement; give its rows, if it has any.

        Args:
            sql: with `%s` for values, and `%` doubled, only when values are given.
            values: bound; None: the statement is taken as it stands.
        """
        with self.translated(sql):
            cursor = self.live.execute(sql.encode(), values)
            return cursor.fetchall() if cursor.description is not None else []

    def clock(self) -> datetime:
        """Give the server's time, aware, in UTC."""
        found: datetime = self.run("SELECT clock_timestamp()")[0][0]
        return found

    def changed(self, sql: str) -> int:
        """Run one statement and give the number of rows it changed."""
        with self.translated(sql):
            return self.live.execute(sql.encode()).rowcount

    def cancel(self) -> None:
        """End the statement that another thread is in."""
        import psycopg

        current = self._open
        if current is None or current.closed:
            return
        try:
            current.cancel_safe(timeout=3)
        except psycopg.Error:
            # What cannot be cancelled ends when its connection is closed.
            return

    def close(self) -> None:
        """Close; may be called twice."""
        with self._lock:
            if self._open is not None:
                self._open.close()
                self._open = None
