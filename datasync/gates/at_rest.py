"""A staging table and the contract's promises about it in, verdicts out; rows that break key checks are moved out of it.

Great Expectations gives the verdicts. Our own SQL says which rows break a key check, all of them with all their reasons, and
counts what was judged. The two are held to each other: where they disagree, the check is an error, never a pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

import polars as pl

from datasync.contract.checks import Check
from datasync.contract.expressions.dialects import quote_identifier
from datasync.contract.types import DataType, Dialect
from datasync.errors import ConnectorError, DataSyncError
from datasync.failpoints import failpoint
from datasync.gates.auditor import Auditor, GxOutcome
from datasync.gates.fidelity import Figures, difference, figures_beside, row_hash, staged_figures
from datasync.gates.gx_suite import Suite, compile_checks
from datasync.gates.offenders import Ground, any_null, breaking_rows, cells, judged, offending, selected, true, unknown_rows
from datasync.results.model import CheckTally
from datasync.seams import Staging

REASON = "__reason_"
SHARED: tuple[Dialect, ...] = ("postgres", "mysql")
"""Systems whose staging two processes can read at the same time; a file of DuckDB or SQLite is one's at a time."""
ROUNDS = 100
"""Moves that cascade: each round takes at least one row, so this bounds a defect, not data."""


@dataclass(frozen=True, slots=True)
class AuditPlan:
    """What to audit.

    Attributes:
        checks: the audit's: key and table checks, with `run.audit: full` row checks too.
        types: name to type of the staged columns (a check's local staging has only those that the audit reads).
        accepted: figures of what gate_prepared accepted; None: nothing to compare with.
        accepted_hash: sum of row hashes of the same, for a full audit.
        merge_key: the key that publishing merges by.
        history: key and cursor of a history whose staging may hold several versions of a key.
        deleted: the boolean of staged rows that publishing takes away.
        bounds: for freshness, earliest and latest value allowed; None without freshness.
        clock: the run's instant, aware, for `now()` and `today()`: the same that the gates in flight had.
    """

    checks: tuple[Check, ...]
    types: Mapping[str, DataType]
    accepted: Figures | None = None
    accepted_hash: int | None = None
    merge_key: tuple[str, ...] = ()
    bounds: tuple[date | datetime, date | datetime] | None = None
    clock: datetime | None = None
    history: tuple[tuple[str, ...], str] | None = None
    deleted: str | None = None


@dataclass(slots=True)
class AuditOutcome:
    """What the audit found.

    Attributes:
        tallies: by check; table checks of rows and counts that need more than staging are not in it.
        moved: distinct rows set aside.
        staged: rows left in staging.
        newest: greatest value of freshness' column, staging and, where asked, target together.
        rechecks: `(check, SQL giving its number of offenders)`, for publish.
        figures: of staging as it is left.
    """

    tallies: dict[str, CheckTally] = field(default_factory=dict)
    moved: int = 0
    staged: int = 0
    newest: Any = None
    rechecks: tuple[tuple[str, str], ...] = ()
    figures: Figures = field(default_factory=Figures)


SetAside = Callable[[pl.DataFrame, pl.Series], None]


def audit(plan: AuditPlan, staging: Staging, auditor: Auditor, set_aside: SetAside) -> AuditOutcome:
    """Judge staging, and move rows that break key checks to quarantine until none does.

    Args:
        plan: what to judge.
        staging: committed; changed only by taking rows out.
        auditor: runs Great Expectations' checkpoints.
        set_aside: stores rows with their reasons; when it returns, they are safe. Whatever it raises ends the audit with
            those rows still in staging.

    Returns:
        What was found.
    """
    return _Audit(plan, staging, auditor, set_aside).run()


class _Audit:
    def __init__(self, plan: AuditPlan, staging: Staging, auditor: Auditor, set_aside: SetAside) -> None:
        self.plan = plan
        self.staging = staging
        self.auditor = auditor
        self.set_aside = set_aside
        self.outcome = AuditOutcome()
        self.ground = Ground(
            staging.dialect, staging.relation, dict(plan.types), staging.survivors, merge_key=plan.merge_key, clock=plan.clock,
            history=plan.history, deleted=plan.deleted,
        )  # fmt: skip
        self.grounds: dict[str, Ground] = {}
        self.broken: dict[str, str] = {}

    def run(self) -> AuditOutcome:
        self._find_references()
        keys = [check for check in self.plan.checks if check.family == "key" and check.name not in self.broken]
        verdicts = self._begin(keys)
        moved = self._move(keys, verdicts)
        while moved:
            failpoint("audit.moved")
            verdicts = self._checkpoint(self.outcome.staged)
            moved = self._move(keys, verdicts)
        self._conclude(keys, verdicts)
        failpoint("audit.done")
        return self.outcome

    def _begin(self, keys: Sequence[Check]) -> Mapping[str, GxOutcome]:
        """Count and judge staging as it was loaded: our own SQL and Great Expectations' at the same time where that can be."""
        if self.staging.dialect not in SHARED or self.plan.accepted is None:
            self._measure(keys)
            return self._checkpoint(self.outcome.staged)
        self.staging.prepare()
        expectations = self._expectations(self.plan.accepted.rows)
        with ThreadPoolExecutor(1, "datasync-audit") as beside:
            # The thread works for the same run: its log records say so.
            verdicts = beside.submit(copy_context().run, self._judged, expectations)
            self._measure(keys)
            return verdicts.result()

    def _measure(self, keys: Sequence[Check]) -> None:
        """Scan staging once, before any row moves: its figures, and what each key check judges of it."""
        found, counts = figures_beside(self.staging, self.plan.types, [sql for check in keys for sql in self._counts(check)])
        self.outcome.figures = found
        self.outcome.staged = found.rows
        for check, evaluated, unknown in zip(keys, counts[::2], counts[1::2], strict=True):
            self.outcome.tallies[check.name] = CheckTally(evaluated, 0, unknown)
        self._fidelity(found)
        failpoint("audit.begin")

    def _counts(self, check: Check) -> tuple[str, str]:
        """Count the rows that a key check selects, and of these the unknown ones."""
        ground = self._ground(check)
        chosen = judged(check, ground)
        unknown = f"({chosen}) AND {any_null(check, ground)}" if check.nulls == "pass" else _false(ground)
        return f"sum(CASE WHEN {chosen} THEN 1 ELSE 0 END)", f"sum(CASE WHEN {unknown} THEN 1 ELSE 0 END)"

    def _fidelity(self, found: Figures) -> None:
        if self.plan.accepted is None:
            return
        problem = difference(self.plan.accepted, found)
        if not problem and self.plan.accepted_hash is not None and self._hash() != self.plan.accepted_hash:
            problem = "row hashes differ: a value was edited or swapped"
        self.outcome.tallies["load.fidelity"] = CheckTally(evaluated=1, error=problem, observed=f"{found.rows:,} rows")

    def _hash(self) -> int:
        names = ", ".join(quote_identifier(name, self.staging.dialect) for name in self.plan.types)
        frames = self.staging.frames(f"SELECT {names} FROM {self.staging.relation}")
        return sum(row_hash(frame, self.plan.types) for frame in frames) % 2**64

    def _find_references(self) -> None:
        """Find the tables that references look in; out of reach is an error of the check, not of the run."""
        for check in self.plan.checks:
            if check.kind == "references":
                try:
                    self.grounds[check.name] = replace(self.ground, reference=self.staging.reference(check.arguments["table"]))
                except ConnectorError as error:
                    self.broken[check.name] = f"{check.arguments['table']} cannot be read: {error.message}"

    def _ground(self, check: Check) -> Ground:
        return self.grounds.get(check.name, self.ground)

    def _checkpoint(self, rows: int) -> dict[str, GxOutcome]:
        return self._judged(self._expectations(rows))

    def _expectations(self, rows: int) -> list[dict[str, Any]]:
        """Give everything that Great Expectations can judge of so many rows; of none there is nothing to judge."""
        if rows == 0:
            return []
        suite = Suite(self._suite_ground(), self.staging.reference, self.plan.bounds)
        wanted = [check for check in self.plan.checks if check.name not in self.broken]
        return list(compile_checks(wanted, suite))

    def _judged(self, expectations: Sequence[dict[str, Any]]) -> dict[str, GxOutcome]:
        if not expectations:
            return {}
        with self.staging.gx() as access:
            return self.auditor.checkpoint(access, expectations)

    def _suite_ground(self) -> Ground:
        fresh = next((check for check in self.plan.checks if check.kind == "freshness"), None)
        published = self.staging.target_relation() if fresh is not None and fresh.arguments["of"] == "target" else None
        return replace(self.ground, reference=published)

    def _move(self, keys: Sequence[Check], verdicts: Mapping[str, GxOutcome]) -> int:
        """Move the rows that break error key checks; give their number."""
        failing = [check for check in keys if not _passes(verdicts, check)]
        if not failing:
            return 0
        conditions = {check.name: offending(check, self._ground(check)) for check in failing}
        errors = [check for check in failing if check.severity == "error"]
        if not errors:
            return 0
        moving = " OR ".join(f"({conditions[check.name]})" for check in errors)
        rows = 0
        for frame in self._rows(errors, conditions, moving):
            rows += frame.height
            self._count_and_store(errors, frame)
        if rows:
            failpoint("audit.stored")
            deleted = self.staging.delete(moving)
            if deleted != rows:
                raise DataSyncError(f"{rows} rows were set aside and {deleted} left staging", code="E_AUDIT_MOVE", stage="audit")
            self.outcome.moved += rows
            self.outcome.staged -= rows
        return rows

    def _rows(self, errors: Sequence[Check], conditions: Mapping[str, str], moving: str) -> Iterator[pl.DataFrame]:
        flags = ", ".join(
            f"CASE WHEN {conditions[check.name]} THEN 1 ELSE 0 END AS {REASON}{number}" for number, check in enumerate(errors)
        )
        return self.staging.frames(f"SELECT *, {flags} FROM {self.staging.relation} WHERE {moving}")

    def _count_and_store(self, errors: Sequence[Check], frame: pl.DataFrame) -> None:
        flags = [f"{REASON}{number}" for number in range(len(errors))]
        for flag, check in zip(flags, errors, strict=True):
            failed = int((frame[flag] == 1).sum())
            self.outcome.tallies[check.name] += CheckTally(failed=failed)
        names = [pl.when(pl.col(flag) == 1).then(pl.lit(check.name)) for flag, check in zip(flags, errors, strict=True)]
        reasons = frame.select(pl.concat_list(names).list.drop_nulls().alias("reasons"))["reasons"]
        self.set_aside(frame.drop(flags), reasons)

    def _conclude(self, keys: Sequence[Check], verdicts: Mapping[str, GxOutcome]) -> None:
        self._conclude_keys(keys, verdicts)
        for check in self.plan.checks:
            if check.name in self.broken:
                self.outcome.tallies[check.name] = CheckTally(evaluated=1, error=self.broken[check.name])
            elif check.family == "row":
                self._conclude_row(check, verdicts)
            elif check.kind in ("null_share", "distinct", "expectation"):
                self._conclude_table(check, verdicts)
        self._newest()
        if self.outcome.moved:
            self.outcome.figures = staged_figures(self.staging, self.plan.types)
        self.outcome.rechecks = tuple(
            (check.name, f"SELECT count(*) FROM {self.staging.relation} WHERE {offending(check, self._ground(check))}")
            for check in keys
            if check.severity == "error" and (self.staging.survivors is not None or check.kind == "references")
        )

    def _conclude_keys(self, keys: Sequence[Check], verdicts: Mapping[str, GxOutcome]) -> None:
        """Warn checks count what they found; an error check that still fails after its rows were moved contradicts itself."""
        for check in keys:
            if self.outcome.tallies[check.name].evaluated == 0 or check.name not in verdicts:
                continue
            verdict = verdicts[check.name]
            if verdict.error:
                self._fail_closed(check, verdict.error)
            elif check.severity == "warn" and not verdict.success:
                self.outcome.tallies[check.name] += CheckTally(failed=self._number(offending(check, self._ground(check))))
            elif not verdict.success:
                self._fail_closed(check, "Great Expectations finds offenders and our own SQL none")

    def _fail_closed(self, check: Check, reason: str) -> None:
        self.outcome.tallies[check.name] += CheckTally(error=reason)

    def _number(self, condition: str) -> int:
        return int(self.staging.query(f"SELECT count(*) FROM {self.staging.relation} WHERE {condition}")[0][0])

    def _conclude_row(self, check: Check, verdicts: Mapping[str, GxOutcome]) -> None:
        """A row check again at rest: how many rows it selects, how many break it and how many are unknown."""
        verdict = verdicts.get(check.name)
        if verdict is None:
            self.outcome.tallies[check.name] = CheckTally()
            return
        asked = (make(check, self.ground) for make in (selected, breaking_rows, unknown_rows))
        sums = ", ".join(f"sum(CASE WHEN {condition} THEN 1 ELSE 0 END)" for condition in asked)
        evaluated, failed, unknown = (int(n or 0) for n in self.staging.query(f"SELECT {sums} FROM {self.staging.relation}")[0])
        error = verdict.error or ("Great Expectations and our own SQL disagree" if verdict.success != (failed == 0) else "")
        self.outcome.tallies[check.name] = CheckTally(evaluated, failed, unknown, error)

    def _conclude_table(self, check: Check, verdicts: Mapping[str, GxOutcome]) -> None:
        verdict = verdicts.get(check.name)
        if verdict is None:
            self.outcome.tallies[check.name] = CheckTally()
            return
        observed = self._observed(check) if check.kind != "expectation" else verdict.observed
        self.outcome.tallies[check.name] = CheckTally(1, int(not verdict.success), error=verdict.error, observed=observed)

    def _observed(self, check: Check) -> Any:
        cell = cells(check, self.ground)[0]
        if check.kind == "distinct":
            return int(self.staging.query(f"SELECT count(DISTINCT {cell}) FROM {self.staging.relation}")[0][0])
        rows, present = self.staging.query(f"SELECT count(*), count({cell}) FROM {self.staging.relation}")[0]
        return f"{rows - present:,} of {rows:,} missing"

    def _newest(self) -> None:
        """Find the newest value for freshness: of staging; of the target too where asked, or where staging is empty."""
        fresh = next((check for check in self.plan.checks if check.kind == "freshness"), None)
        if fresh is None:
            return
        relations = [self.staging.relation]
        published = self.staging.target_relation()
        if published is not None and (fresh.arguments["of"] == "target" or self.outcome.staged == 0):
            relations.append(published)
        cell = cells(fresh, self.ground)[0]
        values = [self._greatest(cell, relation, fresh) for relation in relations]
        self.outcome.newest = max((value for value in values if value is not None), default=None)

    def _greatest(self, cell: str, relation: str, check: Check) -> Any:
        name = quote_identifier(check.columns[0], self.staging.dialect)
        frames = self.staging.frames(f"SELECT max({cell}) AS {name} FROM {relation}")
        return next((frame.item(0, 0) for frame in frames), None)


def _passes(verdicts: Mapping[str, GxOutcome], check: Check) -> bool:
    """A check without a verdict judged nothing; one that could not be evaluated moves nothing and fails closed later."""
    verdict = verdicts.get(check.name)
    return verdict is None or verdict.success or bool(verdict.error)


def _false(ground: Ground) -> str:
    return f"NOT ({true(ground.dialect)})"
