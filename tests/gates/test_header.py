"""Headers in, the verdict of `columns` out."""

from __future__ import annotations

from typing import Any

import pytest

from datasync.gates.header import header_tally, unjudgeable
from datasync.seams import POSITION
from tests.gates.contracts import contract_of

COLUMNS = contract_of("columns:\n  a: {type: int64}\n  b: {type: int64}\n").columns

CASES: list[tuple[list[str], str, str, Any, bool]] = [
    (["a", "b"], "fail", "prepared", None, False),
    (["b", "a", POSITION], "fail", "prepared", None, False),
    (["a", "b", "c"], "fail", "prepared", {"extra": ["c"]}, False),
    (["a", "b", "c"], "drop", "prepared", None, False),
    (["a", "b", "c"], "evolve", "prepared", None, False),
    (["a", "b", "c"], "pass", "source", None, False),
    (["a", "b", "c"], "fail", "source", None, False),
    (["a"], "drop", "prepared", {"missing": ["b"]}, True),
    (["a"], "pass", "source", {"missing": ["b"]}, True),
    (["a;b"], "fail", "prepared", {"missing": ["a", "b"], "extra": ["a;b"], "perhaps": ['options: {delimiter: ";"}']}, True),
    (["a\tc"], "drop", "prepared", {"missing": ["a", "b"], "perhaps": ['options: {delimiter: "\\t"}']}, True),
    (["x;y"], "drop", "prepared", {"missing": ["a", "b"]}, True),
    (["a", "b", "a"], "drop", "prepared", {"duplicate": ["a"]}, True),
    ([], "drop", "prepared", {"missing": ["a", "b"]}, True),
]


@pytest.mark.parametrize(("header", "unknown", "gate", "observed", "blocked"), CASES)
def test_header(header: list[str], unknown: Any, gate: Any, observed: Any, blocked: bool) -> None:
    tally = header_tally(header, COLUMNS, unknown, gate)
    assert (tally.evaluated, tally.failed, tally.observed) == (1, int(observed is not None), observed)
    assert unjudgeable(header, COLUMNS) is blocked


def test_an_absent_column_is_null_in_json_kinds() -> None:
    assert header_tally(["a"], COLUMNS, "fail", "prepared", absent_is_null=True).failed == 0
    assert not unjudgeable(["a"], COLUMNS, absent_is_null=True)


def test_observed_names_are_bounded() -> None:
    tally = header_tally(["a", "b", *(f"{n}" * 100 for n in range(100, 200))], COLUMNS, "fail", "prepared")
    assert len(tally.observed["extra"]) == 20
    assert max(map(len, tally.observed["extra"])) == 80
