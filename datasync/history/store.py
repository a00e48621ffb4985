"""Results and facts of runs in, what later runs and people ask for out; each method is one transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Select, bindparam, delete, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from datasync.errors import StorageError
from datasync.failpoints import failpoint
from datasync.history import tables
from datasync.history.fresh import last_freshness, newest_of
from datasync.history.incidents import IncidentBook
from datasync.history.outbox import Outbox
from datasync.history.rows import QuarantineBatch, RunFacts, RunRow
from datasync.history.schema import READS, open_engine
from datasync.history.texts import TextBook
from datasync.results.codec import from_json, to_json
from datasync.results.model import AlertDelivery, RunResult
from datasync.results.quality import figure, quality

VERDICTS = ("passed", "warned", "failed", "held", "error")


@dataclass(frozen=True, slots=True)
class Ledger:
    """Incidents, outbox and texts of contracts in one open transaction."""

    incidents: IncidentBook
    outbox: Outbox
    texts: TextBook


Tell = Callable[[Ledger], None]
"""Writes what a run's result means for incidents and messages."""


class History:
    """The database of runs.

    Args:
        url: SQLAlchemy URL.

    Raises:
        StorageError: it cannot be opened, or is damaged. Every method raises it when the database fails.
    """

    def __init__(self, url: str) -> None:
        self._engine: Engine = open_engine(url)

    def close(self) -> None:
        """Let go of the connections."""
        self._engine.dispose()

    def begin(self, facts: RunFacts) -> None:
        """Write down that a run started; a run that is resumed starts again."""
        values = {name: getattr(facts, name) for name in RunFacts.__slots__} | {"status": "running", "committed": False}
        with self._write() as connection:
            known = connection.execute(select(tables.runs.c.run_id).where(tables.runs.c.run_id == facts.run_id)).scalar()
            if known is None:
                blank = {"seconds": 0.0, "extracted": 0, "staged": 0, "published": 0, "quarantined": 0}
                connection.execute(insert(tables.runs).values(**values, **blank))
            else:
                del values["started_at"]
                connection.execute(update(tables.runs).where(tables.runs.c.run_id == facts.run_id).values(**values))

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        """Read and write incidents and outbox in one transaction."""
        with self._write() as connection:
            yield Ledger(IncidentBook(connection), Outbox(connection), TextBook(connection))

    def finish(
        self, facts: RunFacts, result: RunResult, watermark: str | None, committed: bool, tell: Tell | None = None
    ) -> RunResult:
        """Write down a run's result, its checks, the watermark's mirror and what became of its quarantined rows.

        Args:
            tell: opens and closes incidents and writes messages, in the same transaction.

        Returns:
            The result, with the state of its messages.
        """
        failpoint("history.before_record")
        with self._write() as connection:
            if tell is not None:
                tell(Ledger(IncidentBook(connection), Outbox(connection), TextBook(connection)))
                failpoint("history.after_outbox")
            result = replace(result, alerts=_deliveries(connection, facts.run_id))
            values = {
                "status": result.status, "seconds": result.seconds, "staged": result.rows.staged, "committed": committed,
                "published": result.rows.published, "quarantined": result.rows.quarantined, "result": to_json(result, None),
                "extracted": result.rows.extracted, "score": quality(result), "finished_at": datetime.now(UTC),
            }  # fmt: skip
            connection.execute(update(tables.runs).where(tables.runs.c.run_id == facts.run_id).values(**values))
            connection.execute(delete(tables.checks).where(tables.checks.c.run_id == facts.run_id))
            rows = {(check.gate, check.name): check for check in result.checks}
            if rows:
                connection.execute(insert(tables.checks), [
                    {"run_id": facts.run_id, "gate": gate, "name": name, "kind": check.type, "severity": check.severity,
                     "status": check.status, "evaluated": check.evaluated, "failed": check.failed, "unknown": check.unknown,
                     "observed": figure(check.observed), "threshold": check.threshold}
                    for (gate, name), check in rows.items()
                ])  # fmt: skip
            if committed and watermark is not None:
                self._mirror(connection, facts, watermark)
            # Rows of a shadow are nobody's to correct.
            state = "open" if committed and facts.kind != "shadow" else "evidence"
            pending = (tables.quarantine.c.run_id == facts.run_id) & (tables.quarantine.c.state.in_(("pending", "evidence")))
            connection.execute(update(tables.quarantine).where(pending).values(state=state))
        failpoint("history.after_record")
        return result

    def _mirror(self, connection: Connection, facts: RunFacts, watermark: str) -> None:
        connection.execute(delete(tables.watermarks).where(tables.watermarks.c.sync == facts.sync))
        connection.execute(
            insert(tables.watermarks).values(
                sync=facts.sync, watermark=watermark, run_id=facts.run_id, updated_at=datetime.now(UTC)
            )
        )

    def watermark(self, sync: str) -> str | None:
        """Give the mirrored watermark of a sync, as text."""
        return self._scalar(select(tables.watermarks.c.watermark).where(tables.watermarks.c.sync == sync))  # type: ignore[no-any-return]

    def result(self, run_id: str) -> RunResult | None:
        """Give the result of a finished run; the state of its messages is that of now."""
        text = self._scalar(select(tables.runs.c.result).where(tables.runs.c.run_id == run_id))
        if not text:
            return None
        with self._read() as connection:
            return replace(from_json(text), alerts=_deliveries(connection, run_id))

    def last_status(self, sync: str) -> str | None:
        """Give the status of a sync's newest run that came to a verdict, or broke."""
        runs = tables.runs.c
        query = select(runs.status).where(runs.sync == sync, runs.kind == "run", runs.status.in_(VERDICTS))
        return self._scalar(query.order_by(runs.started_at.desc(), runs.run_id.desc()).limit(1))  # type: ignore[no-any-return]

    def facts(self, run_id: str) -> RunFacts | None:
        """Give what was known when a run began."""
        rows = self._rows(select(*(tables.runs.c[name] for name in RunFacts.__slots__)).where(tables.runs.c.run_id == run_id))
        return RunFacts(*rows[0]) if rows else None

    def running(self, sync: str) -> list[str]:
        """Give the runs of a sync, oldest first, that began and whose end nobody wrote down; no checks, for they own no sync."""
        runs = tables.runs.c
        query = select(runs.run_id).where(runs.sync == sync, runs.status == "running", runs.kind != "check")
        return [row[0] for row in self._rows(query.order_by(runs.started_at))]

    def contract_of(self, run_id: str) -> str | None:
        """Give the contract's name of a run, finished or not."""
        return self._scalar(select(tables.runs.c.contract).where(tables.runs.c.run_id == run_id))  # type: ignore[no-any-return]

    def is_committed(self, run_id: str) -> bool | None:
        """Tell whether a run was recorded as published; None: history does not know it."""
        found = self._scalar(select(tables.runs.c.committed).where(tables.runs.c.run_id == run_id))
        return None if found is None else bool(found)

    def last_published(self, sync: str) -> datetime | None:
        """Give the start of the last run of a sync that was published."""
        runs = tables.runs.c
        found = self._scalar(select(func.max(runs.started_at)).where(runs.sync == sync, runs.committed))
        return found.replace(tzinfo=found.tzinfo or UTC) if found else None

    def unfinished(self, contract: str, shadow: bool = False) -> str | None:
        """Give the newest run of a contract, or of its shadow, that began and has no final result."""
        runs = tables.runs.c
        kind = runs.kind == "shadow" if shadow else runs.kind != "shadow"
        query = select(runs.run_id).where(runs.contract == contract, kind, runs.status.in_(("running", "error", "interrupted")))
        return self._scalar(query.where(~runs.committed).order_by(runs.started_at.desc()).limit(1))  # type: ignore[no-any-return]

    def past_counts(self, sync: str, number: int) -> list[tuple[int, str | None, str | None]]:
        """Give staged rows and window of the last published, non-empty runs without explicit window or `--full`, newest first."""
        runs = tables.runs.c
        query = (
            select(runs.staged, runs.window_start, runs.window_end)
            .where(
                runs.sync == sync, runs.committed, runs.staged > 0, ~runs.explicit, ~runs.full, runs.kind.in_(("run", "shadow"))
            )
            .order_by(runs.started_at.desc())
            .limit(number)
        )
        return [(int(row[0]), row[1], row[2]) for row in self._rows(query)]

    def past_newest(self, sync: str) -> datetime | None:
        """Give the newest value that freshness saw when rows were last published; of an explicit window, at most its end."""
        return newest_of(self._rows(last_freshness(sync)))

    def list_runs(
        self, contract: str | None = None, status: str | None = None, limit: int = 20, shadow: bool | None = None
    ) -> list[RunRow]:
        """Give the newest runs first; `shadow`: those of shadows alone, or none of them."""
        columns = [tables.runs.c[name] for name in RunRow.__slots__]
        query = select(*columns).order_by(tables.runs.c.started_at.desc()).limit(limit)
        query = query.where(tables.runs.c.contract == contract) if contract else query
        query = query.where(tables.runs.c.status == status) if status else query
        if shadow is not None:
            query = query.where((tables.runs.c.kind == "shadow") == shadow)
        return [RunRow(*row) for row in self._rows(query)]

    def of_origin(self, origin: str) -> list[str]:
        """Give the ids of the runs that one caller started, newest first."""
        runs = tables.runs.c
        query = select(runs.run_id).where(runs.origin == origin).order_by(runs.started_at.desc(), runs.run_id.desc())
        return [str(row[0]) for row in self._rows(query)]

    def add_quarantine(self, batch: QuarantineBatch) -> None:
        """Write down a stored batch; the same batch of an earlier try is replaced."""
        row = tables.quarantine.c
        with self._write() as connection:
            connection.execute(delete(tables.quarantine).where(row.run_id == batch.run_id, row.name == batch.name))
            values = {name: getattr(batch, name) for name in QuarantineBatch.__slots__ if name != "reasons"}
            connection.execute(insert(tables.quarantine).values(**values, reasons=json.dumps(dict(batch.reasons))))

    def forget_quarantine(self, run_id: str, begin: str = "") -> None:
        """Drop the rows of a run that begins again, or only those of the process that began with a stage."""
        row = tables.quarantine.c
        mine = row.run_id == run_id
        with self._write() as connection:
            if begin:
                connection.execute(delete(tables.quarantine).where(mine, row.name.contains(f"-{begin}-", autoescape=True)))
                return
            connection.execute(delete(tables.quarantine).where(mine))
            connection.execute(delete(tables.closed_rows).where(tables.closed_rows.c.run_id == run_id))

    def quarantine_batches(
        self, contract: str | None = None, run_id: str | None = None, sync: str | None = None, states: Sequence[str] = ()
    ) -> list[QuarantineBatch]:
        """Give stored batches, newest run first."""
        table = tables.quarantine
        names = list(QuarantineBatch.__slots__)
        query = select(*(table.c[name] for name in names)).order_by(table.c.created_at.desc(), table.c.name)
        for column, wanted in (("contract", contract), ("run_id", run_id), ("sync", sync)):
            query = query.where(table.c[column] == wanted) if wanted else query
        query = query.where(table.c.state.in_(tuple(states))) if states else query
        found = []
        for row in self._rows(query):
            values = dict(zip(names, row, strict=True))
            values["reasons"] = json.loads(values["reasons"])
            found.append(QuarantineBatch(**values))
        return found

    def forget_batch(self, batch: QuarantineBatch) -> None:
        """Drop one batch."""
        row = tables.quarantine.c
        with self._write() as connection:
            connection.execute(delete(tables.quarantine).where(row.run_id == batch.run_id, row.name == batch.name))

    def resize_batch(self, batch: QuarantineBatch, rows: int) -> None:
        """Write down that a batch was pruned."""
        row = tables.quarantine.c
        with self._write() as connection:
            here = (row.run_id == batch.run_id) & (row.name == batch.name)
            connection.execute(update(tables.quarantine).where(here).values(rows=rows))

    def closed_rows(self, run_id: str) -> dict[str, str]:
        """Give row id to state for rows of a run that were closed one by one."""
        query = select(tables.closed_rows.c.row_id, tables.closed_rows.c.state).where(tables.closed_rows.c.run_id == run_id)
        return {row[0]: row[1] for row in self._rows(query)}

    def close_rows(self, run_id: str, row_ids: Iterable[str], state: str, by_run: str) -> None:
        """Mark rows of a run's quarantine as superseded or replayed by another run, whose last word counts; again is fine."""
        closed = tables.closed_rows.c
        wanted = [{"row_id": row, "run_id": run_id, "state": state, "by_run": by_run} for row in sorted(set(row_ids))]
        known = self.closed_rows(run_id)
        again = [{"known": row["row_id"]} for row in wanted if known.get(row["row_id"], state) != state]
        fresh = [row for row in wanted if row["row_id"] not in known]
        same = (closed.run_id == run_id) & (closed.by_run == by_run) & (closed.row_id == bindparam("known"))
        with self._write() as connection:
            if again:
                connection.execute(update(tables.closed_rows).where(same).values(state=state), again)
            if fresh:
                connection.execute(insert(tables.closed_rows), fresh)

    def close_batches(self, batches: Iterable[QuarantineBatch], state: str) -> None:
        """Mark whole batches."""
        row = tables.quarantine.c
        with self._write() as connection:
            for batch in batches:
                here = (row.run_id == batch.run_id) & (row.name == batch.name)
                connection.execute(update(tables.quarantine).where(here).values(state=state))

    def old_runs(self, before: datetime) -> list[tuple[str, str]]:
        """Give (contract, run id) of runs that ended before a time."""
        runs = tables.runs.c
        query = select(runs.contract, runs.run_id).where(runs.started_at < before, runs.status != "running")
        return [(row[0], row[1]) for row in self._rows(query)]

    def forget_runs(self, run_ids: Iterable[str]) -> None:
        """Delete runs and their checks; watermarks and quarantine stay."""
        with self._write() as connection:
            for run_id in run_ids:
                connection.execute(delete(tables.checks).where(tables.checks.c.run_id == run_id))
                connection.execute(delete(tables.runs).where(tables.runs.c.run_id == run_id))

    def ask(self, query: Select[Any]) -> list[Any]:
        """Read what a view over history selects."""
        return self._rows(query)

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection.execution_options(**READS)
        except SQLAlchemyError as error:
            raise _storage(error) from error

    def _rows(self, query: Select[Any]) -> list[Any]:
        with self._read() as connection:
            return list(connection.execute(query))

    def _scalar(self, query: Select[Any]) -> Any:
        rows = self._rows(query)
        return rows[0][0] if rows else None

    def _write(self) -> _Transaction:
        return _Transaction(self._engine)


def _deliveries(connection: Connection, run_id: str) -> tuple[AlertDelivery, ...]:
    shown = [row for row in Outbox(connection).of_run(run_id) if row.kind in ("card", "note")]
    return tuple(AlertDelivery(row.channel, row.state) for row in shown)


class _Transaction:
    """A transaction whose database errors leave as StorageError."""

    def __init__(self, engine: Engine) -> None:
        self._context = engine.begin()

    def __enter__(self) -> Connection:
        try:
            return self._context.__enter__()
        except SQLAlchemyError as error:
            raise _storage(error) from error

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            self._context.__exit__(kind, error, trace)
        except SQLAlchemyError as broken:
            raise _storage(broken) from broken
        if isinstance(error, SQLAlchemyError):
            raise _storage(error) from error


def _storage(error: SQLAlchemyError) -> StorageError:
    return StorageError(f"history failed: {type(error).__name__}", code="E_HISTORY", hint="see DATASYNC_HISTORY_URL")
