"""The text of a contract's columns and rules in, a gate that judges them out."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from datasync.contract.checks import checks_of
from datasync.contract.formats import normalise
from datasync.contract.model import Contract
from datasync.contract.yaml_tree import read_tree
from datasync.gates.in_flight import FlightGate, FlightPlan, Judged
from datasync.seams import Batch

CLOCK = datetime(2026, 1, 15, 12, tzinfo=UTC)


def contract_of(body: str) -> Contract:
    """Read a contract, given everything but its name, version and source."""
    text = f"contract: c\nversion: 1.0.0\nsource: {{type: csv, path: in.csv}}\n{body}"
    contract, problems = normalise(read_tree(text.encode(), "contract.yaml"), "contract.yaml")
    assert contract is not None, problems
    return contract


def plan_of(body: str, **settings: object) -> FlightPlan:
    contract = contract_of(body)
    checks = tuple(check for check in checks_of(contract) if check.gate == "prepared" and check.kind != "readable")
    values = {"unknown_columns": contract.unknown_columns, **settings}
    return FlightPlan("prepared", contract.columns, checks, CLOCK, **values)  # type: ignore[arg-type]


def judge(body: str, frame: pl.DataFrame, **settings: object) -> Judged:
    return FlightGate(plan_of(body, **settings)).judge(Batch(frame, 3))


def counts(judged: Judged) -> dict[str, tuple[int, int, int]]:
    """Evaluated, failed and unknown by check."""
    return {name: (tally.evaluated, tally.failed, tally.unknown) for name, tally in judged.tally.checks.items()}


def reasons(judged: Judged) -> list[list[str]]:
    return [] if judged.rejected is None else judged.rejected.reasons.to_list()
