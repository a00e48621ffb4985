"""The names of columns as they arrive in, the verdict of `columns` out, before any row is judged."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

from datasync.contract.checks import Gate
from datasync.contract.columns import Column
from datasync.results.model import CheckTally
from datasync.seams import POSITION

UnknownColumns = Literal["fail", "drop", "evolve", "pass"]
"""What becomes of undeclared columns; `pass` is what the source gate does."""

MAX_NAMES = 20
DELIMITERS = (";", "\t", "|", ",")


def unjudgeable(header: Sequence[str], declared: Mapping[str, Column], *, absent_is_null: bool = False) -> bool:
    """Tell whether a header keeps rows from being judged at all: a declared column is missing, or a name stands twice."""
    names = Counter(header)
    missing = not absent_is_null and any(name not in names for name in declared)
    return missing or any(number > 1 for number in names.values())


def header_tally(
    header: Sequence[str],
    declared: Mapping[str, Column],
    unknown_columns: UnknownColumns,
    gate: Gate,
    *,
    absent_is_null: bool = False,
) -> CheckTally:
    """Judge the names of columns (check `columns`).

    Args:
        header: names as they arrive at the gate; one that stands twice stands twice here.
        declared: the gate's columns.
        unknown_columns: only `fail` minds undeclared columns, and only at the prepared gate.
        gate: source or prepared.
        absent_is_null: in JSON kinds a declared column that is absent is NULL.

    Returns:
        One thing evaluated; observed: the names that are `missing`, `extra` or `duplicate`, and what a file was `perhaps` to be
        read with.
    """
    names = Counter(name for name in header if name != POSITION)
    strict = unknown_columns == "fail" and gate == "prepared"
    found = {
        "missing": [] if absent_is_null else [name for name in declared if name not in names],
        "extra": [name for name in names if name not in declared] if strict else [],
        "duplicate": [name for name, number in names.items() if number > 1],
    }
    if found["missing"]:
        found["perhaps"] = [f"options: {{delimiter: {json.dumps(mark)}}}" for mark in _delimiters(list(names), declared)]
    observed = {word: [name[:80] for name in listed[:MAX_NAMES]] for word, listed in found.items() if listed}
    return CheckTally(evaluated=1, failed=int(bool(observed)), observed=observed or None)


def _delimiters(names: Sequence[str], declared: Mapping[str, Column]) -> list[str]:
    """Find what a header that was read as one name would have to be cut by."""
    if len(names) != 1:
        return []
    return [mark for mark in DELIMITERS if mark in names[0] and not declared.keys().isdisjoint(names[0].split(mark))]
