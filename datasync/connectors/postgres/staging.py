"""A run's staging table in PostgreSQL in, what the audit needs of it out."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from datasync.connectors.postgres.bulk import Bulk
from datasync.connectors.postgres.engine import Session, sqlalchemy_url
from datasync.connectors.sql.modes import judged
from datasync.connectors.sql.reading import quote_table
from datasync.connectors.sql.statements import Tables
from datasync.connectors.sql.storage import declared
from datasync.contract.expressions.dialects import literal_sql, quote_identifier
from datasync.contract.types import STRING, Dialect
from datasync.errors import DataSyncError, PermanentError
from datasync.seams import POSITION, Connection, GxAccess, TargetSpec

if TYPE_CHECKING:
    import polars as pl

log = logging.getLogger("datasync")


def quoted(name: str) -> str:
    """Quote an identifier for PostgreSQL."""
    return quote_identifier(name, "postgres")


@dataclass(frozen=True, slots=True)
class Systems:
    """How to reach one server: statements, bulk data, and its settings."""

    session: Session
    bulk: Bulk
    connection: Connection


class PostgresStaging:
    """See `seams.Staging`.

    Args:
        systems: the server.
        spec: what is staged.
        tables: quoted names; staging's is the target's when publishing has renamed it.
        place: schema and bare name of the staging table.
        exists: whether there is a target table.
    """

    dialect: Dialect = "postgres"

    def __init__(self, systems: Systems, spec: TargetSpec, tables: Tables, place: tuple[str, str], exists: bool) -> None:
        self._systems = systems
        self._spec = spec
        self._tables = tables
        self._place = place
        self._exists = exists
        self.relation = tables.staging
        self.survivors, self.removals = judged(spec, tables, exists)

    def reference(self, name: str) -> str:
        """Give a table of the same database; without a schema, the target's schema comes first."""
        relations = [quote_table(name, "postgres")]
        if "." not in name:
            relations.insert(0, f"{quoted(self._place[0])}.{relations[0]}")
        for relation in relations:
            if self._systems.session.run("SELECT to_regclass(%s)", [relation])[0][0] is not None:
                return relation
        raise PermanentError(f"there is no table {name[:80]} beside the target", code="E_NO_TABLE")

    def target_relation(self) -> str | None:
        """Give the published table."""
        return self._tables.target if self._exists else None

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Run one SELECT."""
        return self._systems.session.run(sql)

    def frames(self, sql: str, batch_rows: int = 100_000) -> Iterator[pl.DataFrame]:
        """Run one SELECT and give its rows in the contract's types."""
        return self._systems.bulk.frames(sql, self._spec.columns, batch_rows)

    def delete(self, where: str) -> int:
        """Take rows out of staging."""
        return self._systems.session.changed(f"DELETE FROM {self.relation} WHERE {where}")

    def prepare(self) -> None:
        """Index the key of a table that will become the target: the audit looks for repeated keys in a third of the time then.

        Repeated keys have no such index; publishing makes it when the audit has taken them out.
        """
        if self._exists or not self._spec.as_staged or not self._spec.key:
            return
        bulk = self._systems.bulk
        try:
            with closing(bulk.connect(autocommit=True)) as session, bulk.statement(session) as statement:
                statement.run(indexing(self._spec, self._tables, self._place[1]))
        except DataSyncError as error:
            log.debug("the key is not indexed ahead: %s", error)

    @contextmanager
    def gx(self) -> Iterator[GxAccess]:
        """Give the URL: PostgreSQL lets other processes in."""
        schema, table = self._place
        yield GxAccess(sqlalchemy_url(self._systems.connection), table, "postgres", schema)


def key_index(spec: TargetSpec, staging: str) -> str:
    """Name the index of a staging table's key; another key is another index."""
    return f"{staging}_{hashlib.sha256(repr(spec.key).encode()).hexdigest()[:12]}"


def indexing(spec: TargetSpec, tables: Tables, staging: str) -> str:
    """Give the statement that indexes the key of a staging table; what an earlier try made stays."""
    columns = ", ".join(quoted(name) for name in spec.key)
    return f"CREATE UNIQUE INDEX IF NOT EXISTS {quoted(key_index(spec, staging))} ON {tables.staging} ({columns})"


def creation(spec: TargetSpec, tables: Tables) -> str:
    """Give the statement that makes the target of a spec whose content is more than the staged rows."""
    columns = declared(spec.stored, "postgres", spec.stored_required)
    columns.append(f"PRIMARY KEY ({', '.join(quoted(name) for name in spec.stored_key)})")
    return f"CREATE TABLE {tables.target} ({', '.join(columns)})"


def staging_ddl(spec: TargetSpec, table: str, becomes_target: bool) -> list[str]:
    """Give the statements that make an empty staging table, replacing what an earlier try left.

    A table that publishing will rename into the target is logged from the start; another one need not survive a server's crash.
    Its comment holds the run's id, so that a staging table that nobody needs can be told from one that waits.
    """
    columns = declared(spec.columns, "postgres", spec.required if becomes_target else frozenset())
    if spec.position:
        columns.append(f"{quoted(POSITION)} bigint")
    kind = "TABLE" if becomes_target else "UNLOGGED TABLE"
    return [
        f"DROP TABLE IF EXISTS {table}",
        f"CREATE {kind} {table} ({', '.join(columns)})",
        f"COMMENT ON TABLE {table} IS {literal_sql(spec.run_id, STRING, 'postgres')}",
    ]
