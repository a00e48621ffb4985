"""A contract in, the text of its committed Great Expectations suite out."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from datasync.contract.checks import checks_of, row_checks_at_rest, types_of
from datasync.contract.expressions.dialects import quote_identifier
from datasync.contract.loader import LoadedContract
from datasync.contract.types import Dialect
from datasync.gates.gx_suite import Suite, committed
from datasync.gates.offenders import Ground
from datasync.sync.project import find_root

DIALECTS: dict[str, Dialect] = {"postgres": "postgres", "sqlite": "sqlite", "mysql": "mysql"}
CLOCK = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands for the run's instant in a committed suite, which must not change from day to day."""


def suite_path(loaded: LoadedContract) -> Path:
    """Where a contract's suite is committed."""
    return find_root(loaded.path) / "expectations" / f"{loaded.contract.contract}.json"


def suite_text(loaded: LoadedContract) -> str:
    """Give the suite as JSON: every check of the contract that SQL can say, in the target's dialect; stable from run to run."""
    contract = loaded.contract
    dialect = DIALECTS.get(contract.target.type if contract.target else "", "duckdb")
    declared = checks_of(contract)
    checks = [*row_checks_at_rest(declared), *(check for check in declared if check.gate == "staged")]
    ground = Ground(dialect, "staged", types_of(contract.columns), clock=CLOCK)
    suite = Suite(ground, lambda name: ".".join(quote_identifier(part, dialect) for part in name.split(".")))
    return json.dumps(committed(contract.contract, checks, suite), indent=2, ensure_ascii=False) + "\n"
