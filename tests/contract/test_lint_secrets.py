"""What lint says of a secret that was written into a contract."""

from __future__ import annotations

from pathlib import Path

from datasync.contract.loader import examine_text

CONTRACT = """\
contract: x
version: 1.0.0
source: {type: csv, path: x.csv}
transform: [{hash: {columns: [email], salt: plain-salt-of-mine}}]
columns: {email: {type: string}}
"""


def test_a_literal_salt_is_refused_without_being_shown() -> None:
    _, problems = examine_text(CONTRACT.encode(), Path("x.yaml"))
    wrong = [problem for problem in problems if problem.where == "transform[0].hash.salt"]
    assert len(wrong) == 1
    assert "plain-salt" not in str(wrong[0])
    assert "${env:NAME}" in wrong[0].allowed
