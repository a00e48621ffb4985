"""Whatever a connector raises says what to do next: in its own words, or by its code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import datasync.connectors
from datasync import errors
from datasync.connectors.oracle.engine import say, settings
from datasync.hints import HINTS
from datasync.seams import Connection

FOLDER = Path(datasync.connectors.__file__).parent
RAISED = ("PermanentError", "TransientError", "UsageError", "TargetMismatch", "Refused", "StorageError")
CANCELLED = "E_CANCELLED"
"""Somebody ended the run: there is nothing to do about it."""


def _raised() -> Iterator[tuple[str, str]]:
    """Every call without a hint of its own: where, and its code; a code that a variable holds is left to the drivers' tests."""
    for file in sorted(FOLDER.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in RAISED):
                continue
            given = {word.arg: word.value for word in node.keywords}
            code = given.get("code")
            if "hint" not in given and (code is None or isinstance(code, ast.Constant)):
                own = getattr(errors, node.func.id).code
                yield f"{file.relative_to(FOLDER)}:{node.lineno}", str(code.value) if isinstance(code, ast.Constant) else own


def test_every_error_of_a_connector_has_a_hint() -> None:
    found = list(_raised())
    assert len(found) > 100
    assert [(place, code) for place, code in found if code not in HINTS and code != CANCELLED] == []


def test_a_hint_of_its_own_wins() -> None:
    assert errors.TransientError("cut", code="E_TRUNCATED").hint == HINTS["E_TRUNCATED"]
    assert errors.TransientError("cut", code="E_TRUNCATED", hint="mine").hint == "mine"
    assert errors.TransientError("cut", code="E_UNHEARD").hint == ""


@pytest.mark.parametrize("number", ["ORA-12505", "ORA-01017", "ORA-00942", "ORA-00054", "DPY-4024", "ORA-99999"])
def test_what_oracle_says_has_one(number: str) -> None:
    assert say(number, "wh").hint


def test_a_connection_of_another_kind() -> None:
    with pytest.raises(errors.PermanentError, match="not oracle") as caught:
        settings(Connection(id="wh", kind="postgres"))
    assert "of type oracle" in caught.value.hint
