"""A number of contracts and runs in, a history that has them out: written through its own methods, without running anything."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from datasync.history.rows import QuarantineBatch, RunFacts
from datasync.history.store import History
from datasync.history.texts import KeptContract
from datasync.results.model import (
    CheckResult,
    ErrorResult,
    QuarantineResult,
    RowCounts,
    RunResult,
    StageResult,
)

START = datetime(2026, 11, 1, 0, 0, tzinfo=UTC)
TEXT = """\
contract: {name}
version: 1.{minor}.0
owner: {{team: {owner}}}
tags: [{tag}]
source: {{type: csv, path: in.csv}}
columns:
  id: {{type: int64, key: true}}
  price: {{type: int64, min: {minor}}}
freshness: {{column: id, max_age: 2h}}
target: {{type: duckdb, database: out.duckdb, table: t, write: replace}}
"""


@dataclass(frozen=True)
class Given:
    """What a contract of the history is like."""

    name: str = "shop"
    owner: str = "retail"
    tag: str = "example"
    hostile: str = ""
    checks: int = 12


def fill(
    history: History, given: Given, runs: range, every: timedelta = timedelta(minutes=15), start: datetime = START
) -> list[str]:
    """Record runs of a contract; every seventh warns, every eleventh fails, every 29th breaks. Gives their ids."""
    made = []
    for number in runs:
        started = start + number * every
        text = TEXT.format(name=given.name, owner=given.owner, tag=given.tag, minor=number // 40)
        hash_ = hashlib.sha256(text.encode()).hexdigest()
        kept = KeptContract(
            hash_, given.name, f"1.{number // 40}.0", f"contracts/{given.name}.yaml", given.owner, (given.tag,), text, started
        )
        with history.ledger() as ledger:
            ledger.texts.keep(kept)
        result = run(given, number, started)
        facts = RunFacts(result.run_id, given.name, result.version, given.name, "run", result.path, started, contract_hash=hash_)
        history.begin(facts)
        if result.quarantine.rows:
            history.add_quarantine(
                QuarantineBatch(
                    result.run_id,
                    "b0",
                    given.name,
                    given.name,
                    "prepared",
                    result.quarantine.rows,
                    {"price.min": result.quarantine.rows},
                    "/gone.parquet",
                    "pending",
                    started,
                )
            )
        history.finish(facts, result, None, committed=result.ok)
        made.append(result.run_id)
    return made


def run(given: Given, number: int, started: datetime) -> RunResult:
    """One run's result."""
    status = "error" if number % 29 == 28 else "failed" if number % 11 == 10 else "warned" if number % 7 == 6 else "passed"
    rows = 20_000 + 400 * (number % 13)
    bad = {"failed": 900 + number % 300, "warned": 60, "passed": 0, "error": 0}[status]
    said = given.hostile
    price = CheckResult(
        "price.min",
        "min",
        "price",
        "prepared",
        "error",
        status if bad else "passed",
        rows,
        bad,
        0,
        expected=f"≥ 0 {said}",
        samples=("-99", said)[: 2 if said else 1],
        threshold=0.01,
        description=said,
    )  # type: ignore[arg-type]
    fresh = CheckResult(
        "freshness",
        "freshness",
        "id",
        "staged",
        "error",
        "passed",
        1,
        0,
        observed=1800 + 60 * (number % 40),
        expected="at most 2h old",
        threshold=7200.0,
    )
    others = [
        CheckResult(
            f"c{one}{said}.required",
            "required",
            f"c{one}",
            "prepared",
            "warn",
            "passed",
            rows,
            0,
            3,
            expected="a value",
            threshold=0.0,
        )
        for one in range(given.checks)
    ]
    stages = [
        StageResult(name, "failed" if name == "gate_prepared" and status == "failed" else "passed", 0.4, rows, rows - bad, {}, started + timedelta(seconds=at), started + timedelta(seconds=at + 1.5))
        for at, name in enumerate(("extract", "gate_prepared", "stage", "audit", "publish", "reconcile"))
    ]  # fmt: skip
    ok = status in ("passed", "warned")
    return RunResult(
        given.name, f"1.{number // 40}.0", f"{given.name}-{number:05d}", status, started, 6.5 + number % 5,  # type: ignore[arg-type]
        rows=RowCounts(rows, 0, rows - bad, bad, 0, rows - bad, rows - bad if ok else 0), stages=tuple(stages), checks=(price, fresh, *others),
        quarantine=QuarantineResult(bad, "/q" if bad else ""), error=ErrorResult("E_SOURCE", "extract", f"the source is gone {said}") if status == "error" else None,
        path=f"contracts/{given.name}.yaml", target=f"duckdb:out.duckdb:{given.name}", notes=(said,) if said else (),
    )  # fmt: skip
