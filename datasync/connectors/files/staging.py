"""A run's staging for a file target: a DuckDB file beside the target, in which the published files are a view."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from datasync.connectors.duckdb.engine import Handle, first
from datasync.connectors.duckdb.staging import DuckdbStaging, DuckdbWriter, quoted, staging_ddl
from datasync.connectors.files.forms import Types
from datasync.connectors.sql.bookkeeping import staging_name
from datasync.connectors.sql.statements import Tables, dml, window_condition
from datasync.connectors.sql.storage import storage_type
from datasync.errors import PermanentError
from datasync.seams import PublishRequest, RecheckFailed, TargetSpec

PUBLISHED = quoted("_datasync_published")
CONTENT = quoted("_datasync_content")
Reference = Callable[[str], str]


def tables_of(spec: TargetSpec) -> Tables:
    """Name the staging table and the view of what is published."""
    return Tables(PUBLISHED, quoted(staging_name(spec.run_id)), "duckdb")


def reference_name(name: str) -> str:
    """Name the copy of a table or of another contract's rows that `references` names."""
    return quoted(f"_datasync_reference_{hashlib.sha256(name.encode()).hexdigest()[:12]}")


class FileStaging(DuckdbStaging):
    """See `seams.Staging`: DuckDB's, but for tables that `references` names."""

    def __init__(self, handle: Handle, spec: TargetSpec, exists: bool, reference: Reference) -> None:
        super().__init__(handle, spec, tables_of(spec), exists)
        self._reference = reference
        self._seen: dict[str, str] = {}

    def reference(self, name: str) -> str:
        """Give a view of another contract's files."""
        if name not in self._seen:
            view = quoted(f"_datasync_reference_{len(self._seen)}")
            relation = self._reference(name)
            with self._handle.statements() as connection:
                connection.execute(f"CREATE OR REPLACE VIEW {view} AS SELECT * FROM {relation}")
            self._seen[name] = view
        return self._seen[name]


class FileWriter(DuckdbWriter):
    """Loads batches into a new DuckDB file."""

    def __init__(self, handle: Handle, spec: TargetSpec) -> None:
        remove(handle)
        table = tables_of(spec).staging
        super().__init__(handle, spec, table, staging_ddl(spec, table))

    def abandon(self) -> None:
        """Remove the file."""
        remove(self._handle)


def remove(handle: Handle) -> None:
    """Remove a staging file; missing is fine."""
    handle.close()
    for path in (handle.path, Path(f"{handle.path}.wal")):
        path.unlink(missing_ok=True)


def show(handle: Handle, relation: str | None) -> None:
    """Make the view of what is published; None: nothing is."""
    with handle.statements() as connection:
        if relation is None:
            connection.execute(f"DROP VIEW IF EXISTS {PUBLISHED}")
        else:
            connection.execute(f"CREATE OR REPLACE VIEW {PUBLISHED} AS SELECT * FROM {relation}")


def content(handle: Handle, spec: TargetSpec, columns: Types, exists: bool) -> str:
    """Give a SELECT of what the target will hold.

    Args:
        handle: the staging file, with the view of what is published.
        spec: what is written.
        columns: the contract's, and those that the target has beside them.
        exists: something is published.
    """
    tables = tables_of(spec)
    if not exists or spec.write == "replace":
        return staged(spec, columns)
    listed = ", ".join(quoted(name) for name in columns)
    if spec.write == "merge":
        with handle.statements() as connection:
            connection.execute(f"CREATE OR REPLACE TABLE {CONTENT} AS SELECT {listed} FROM {PUBLISHED}")
            for statement in dml(spec, Tables(CONTENT, tables.staging, "duckdb")):
                connection.execute(statement)
        return f"SELECT {listed} FROM {CONTENT}"
    kept = f"SELECT {listed} FROM {PUBLISHED}"
    if spec.write == "replace_window":
        kept += f" WHERE ({window_condition(spec, tables)}) IS NOT TRUE"
    return f"{kept} UNION ALL {staged(spec, columns)}"


def staged(spec: TargetSpec, columns: Types) -> str:
    """Give a SELECT of the staged rows; columns that are not the contract's are NULL."""
    parts = [
        quoted(name) if name in spec.columns else f"CAST(NULL AS {storage_type(kind, 'duckdb')}) AS {quoted(name)}"
        for name, kind in columns.items()
    ]
    return f"SELECT {', '.join(parts)} FROM {tables_of(spec).staging}"


def recheck(handle: Handle, request: PublishRequest) -> None:
    """Judge key checks again, against what is published now.

    Raises:
        RecheckFailed: one fails.
    """
    for check, sql in request.rechecks:
        with handle.statements() as connection:
            offenders = first(connection, sql)
        if offenders is not None and offenders[0]:
            raise RecheckFailed(check, int(offenders[0]))


def count(handle: Handle, spec: TargetSpec) -> int:
    """Rows in staging.

    Raises:
        PermanentError: there is no staging.
    """
    with handle.statements() as connection:
        rows = connection.execute(f"SELECT count(*) FROM {tables_of(spec).staging}").fetchall()
    if not rows:
        raise PermanentError("staging is gone", code="E_NO_STAGING")
    return int(rows[0][0])
