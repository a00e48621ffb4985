"""An engine in, a database with the newest schema out; anything that is not ours is refused."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DatabaseError, SQLAlchemyError

from datasync.errors import StorageError

NEWEST = "0005"
VERSION_TABLE = "datasync_schema"
READS = {"reads": True}
"""Options of a connection that only reads."""


def open_engine(url: str) -> Engine:
    """Open history's database and bring its schema up to date.

    Args:
        url: SQLAlchemy URL; SQLite files are created with their folder.

    Raises:
        StorageError: it cannot be opened, is damaged, or belongs to a newer datasync.
    """
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite" and parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(parsed, hide_parameters=True)
        if parsed.get_backend_name() == "sqlite":
            event.listen(engine, "connect", _sqlite_settings)
            event.listen(engine, "begin", _sqlite_begin)
        _bring_up_to_date(engine)
    except (SQLAlchemyError, OSError) as error:
        raise StorageError(
            f"history cannot be used: {_reason(error)}",
            code="E_HISTORY",
            hint="see DATASYNC_HISTORY_URL; a damaged history is never taken for an empty one: restore it, or move it away",
        ) from error
    return engine


def _reason(error: Exception) -> str:
    if isinstance(error, DatabaseError) and error.orig is not None:
        return str(error.orig)[:120]
    return type(error).__name__


def _sqlite_settings(connection: object, _record: object) -> None:
    # The driver's own transactions leave DDL outside: begin ourselves, so that a migration is all or nothing.
    connection.isolation_level = None  # type: ignore[attr-defined]
    cursor = connection.cursor()  # type: ignore[attr-defined]
    for pragma in ("journal_mode=WAL", "busy_timeout=10000", "foreign_keys=ON", "synchronous=NORMAL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _sqlite_begin(connection: object) -> None:
    # Who only reads takes no lock: pages and runs that are being recorded do not wait for each other.
    reads = connection.get_execution_options().get("reads")  # type: ignore[attr-defined]
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")  # type: ignore[attr-defined]


def _version(engine: Engine) -> str | None:
    tables = inspect(engine).get_table_names()
    if VERSION_TABLE not in tables:
        if "runs" in tables:
            raise StorageError(
                "history's database has a table 'runs' that is not ours", code="E_HISTORY", hint="use a database of its own"
            )
        return None
    with engine.connect() as connection:
        found: str | None = connection.execute(text("SELECT version_num FROM datasync_schema")).scalar()
    return found


def _bring_up_to_date(engine: Engine) -> None:
    found = _version(engine)
    if found == NEWEST:
        return
    if found is not None and found > NEWEST:
        raise StorageError(
            f"history's schema is {found}, and this datasync knows {NEWEST}",
            code="E_HISTORY",
            hint="use the newer datasync that wrote it",
        )
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
