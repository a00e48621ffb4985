"""A local DuckDB and a contract's real target in, staging for a check that publishes nothing out.

Key checks are judged as the table would be after publish, so what they ask of the target (keys that stay, referenced values) is
copied into the local DuckDB, column by column, when it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol, cast

import polars as pl

from datasync.contract.endpoints.api import API_KINDS
from datasync.contract.model import Contract
from datasync.contract.types import STRING, Dialect, polars_type
from datasync.errors import PermanentError
from datasync.seams import (
    Commit,
    GxAccess,
    Published,
    PublishRequest,
    Removals,
    Staging,
    StagingWriter,
    Surroundings,
    Target,
    TargetSpec,
    TargetState,
)


class LocalTarget:
    """Stages in a local DuckDB; everything that would publish is refused."""

    kind = "local"

    def __init__(self, local: Target, contract: Contract, target: Target | None, surroundings: Surroundings) -> None:
        self.alone = False
        """The rows judged are the target's own: there are no others beside them."""
        self._local = local
        self._contract = contract
        self._target = target
        self._around = surroundings

    def _alone(self, spec: TargetSpec) -> TargetSpec:
        return replace(spec, write="replace", history=None, deletes=None)

    def inspect(self, spec: TargetSpec) -> TargetState:
        """A check's staging has no past."""
        return TargetState(exists=False)

    def clock(self) -> datetime:
        """The real target's time where there is one."""
        return (self._target or self._local).clock()

    def acquire(self, spec: TargetSpec) -> int:
        """A check owns nothing."""
        return 0

    def writer(self, spec: TargetSpec) -> StagingWriter:
        """Stage locally."""
        return self._local.writer(self._alone(spec))

    def staging(self, spec: TargetSpec) -> Staging:
        """Give the local staging, seeing as much of the target as is asked for."""
        judged = self._alone(spec) if self.alone else spec
        return LocalStaging(cast(KeepingStaging, self._local.staging(self._alone(spec))), self._contract, self._around, judged)

    def publish(self, spec: TargetSpec, request: PublishRequest) -> Commit:
        """Never."""
        raise PermanentError("a check publishes nothing", code="E_CHECK_ONLY")

    def published(self, spec: TargetSpec, commit: Commit) -> Published | None:
        """Nothing is."""
        return None

    def drop_staging(self, run_id: str) -> None:
        """Remove the local staging table."""
        self._local.drop_staging(run_id)

    def orphans(self) -> list[str]:
        """The file goes with the run's spill."""
        return []

    def drop_orphan(self, name: str) -> None:
        """There is none."""

    def explain(self, spec: TargetSpec) -> list[str]:
        """Nothing is written to the target."""
        return []

    def cancel(self) -> None:
        """End what runs in DuckDB."""
        self._local.cancel()

    def close(self) -> None:
        """Close the file."""
        self._local.close()


class KeepingStaging(Staging, Protocol):
    """Staging that can hold copies of other tables beside the staged rows."""

    def keep(self, name: str, frames: list[pl.DataFrame]) -> None:
        """Keep rows as a table."""


class LocalStaging:
    """See `seams.Staging`."""

    dialect: Dialect = "duckdb"

    def __init__(self, inner: KeepingStaging, contract: Contract, surroundings: Surroundings, spec: TargetSpec) -> None:
        self._inner = inner
        self._contract = contract
        self._around = surroundings
        self._spec = spec
        self._copied: dict[str, str] = {}
        self.relation = inner.relation
        self._published = self._copy_published()
        self.survivors: str | None = None
        self.removals: Removals | None = None
        self._judge_published()

    def _copy_published(self) -> str | None:
        """Copy the audited columns of the published table, where a key check or freshness asks for them."""
        contract, target = self._contract, self._contract.target
        if target is None or target.type in API_KINDS or (self._spec.write == "replace" and not _asks_target(contract)):
            return None
        names = tuple(self._spec.stored)
        return self.copy(_table(target), names, missing_is_fine=True)

    def _judge_published(self) -> None:
        from datasync.connectors.sql.modes import removals, survivors
        from datasync.connectors.sql.statements import Tables

        if self._published is not None:
            tables = Tables(self._published, self.relation, "duckdb")
            self.survivors, self.removals = survivors(self._spec, tables), removals(self._spec, tables)

    def copy(self, name: str, columns: tuple[str, ...], missing_is_fine: bool = False) -> str | None:
        """Copy columns of a table of the target's system; give the local relation.

        Raises:
            ConnectorError: it cannot be read.
        """
        from datasync.connectors.registry import open_source
        from datasync.seams import ReadRequest

        key = f"{name}|{','.join(columns)}"
        if key in self._copied:
            return self._copied[key]
        source = open_source(source_of(self._contract.target, name), self._around)
        relation = f"_datasync_copy_{len(self._copied)}"
        try:
            try:
                request = ReadRequest(files=source.files() or (), columns=columns, types=self._spec.stored)
                with source.read(request) as reading:
                    frames = [batch.frame.select(columns) for batch in reading.batches()]
            except PermanentError as error:
                if missing_is_fine and error.code in ("E_SOURCE_MISSING", "E_NO_TABLE"):
                    return None
                raise
        finally:
            source.close()
        if not frames:
            frames = [pl.DataFrame(schema={name: polars_type(self._spec.stored.get(name, STRING)) for name in columns})]
        self._inner.keep(relation, frames)
        self._copied[key] = relation
        return relation

    def reference(self, name: str) -> str:
        """Copy the values that `references` looks up."""
        columns = tuple(dict.fromkeys(column for table, to in references(self._contract) if table == name for column in to))
        found = self.copy(name, columns)
        assert found is not None
        return found

    def target_relation(self) -> str | None:
        """The copied columns of the published table."""
        return self._published

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Run one SELECT."""
        return self._inner.query(sql)

    def frames(self, sql: str, batch_rows: int = 100_000) -> Iterator[pl.DataFrame]:
        """Run one SELECT and give its rows."""
        return self._inner.frames(sql, batch_rows)

    def delete(self, where: str) -> int:
        """Take rows out of staging."""
        return self._inner.delete(where)

    def prepare(self) -> None:
        """Nothing: it is never published."""

    def gx(self) -> AbstractContextManager[GxAccess]:
        """Let the audit's process read the local file."""
        return self._inner.gx()


def _table(target: Any) -> str:
    return str(getattr(target, "table", None) or getattr(target, "path", ""))


def _asks_target(contract: Contract) -> bool:
    return contract.freshness is not None and contract.freshness.of == "target"


def references(contract: Contract) -> list[tuple[str, tuple[str, ...]]]:
    """Give table (or contract) and columns of every reference."""
    checks = [extra for column in contract.columns.values() for extra in (column, *column.checks)]
    single = [extra.references for extra in checks if extra.references is not None]
    composite = [rule.references for rule in contract.rules if rule.references is not None]
    return [
        *((reference.table or reference.contract or "", (reference.column,)) for reference in single),
        *((reference.table or reference.contract or "", reference.to) for reference in composite),
    ]


def source_of(target: Any, name: str) -> Any:
    """A source endpoint for another table of the target's system."""
    from datasync.contract import endpoints

    if target is None:
        raise PermanentError(f"{name} cannot be looked up: the contract has no target", code="E_NO_TARGET")
    model: Any
    served = {"postgres": endpoints.PostgresSource, "mysql": endpoints.MysqlSource, "oracle": endpoints.OracleSource}
    if target.type in served:
        model = served[target.type]
        return model(type=target.type, connection=target.connection, table=name)
    if target.type == "delta":
        return endpoints.DeltaSource(type="delta", path=name, connection=target.connection)
    if target.type in ("sqlite", "duckdb"):
        model = endpoints.SqliteSource if target.type == "sqlite" else endpoints.DuckdbSource
        return model(type=target.type, database=target.database, table=name)
    return endpoints.reading(target, name)
