"""now() is the run's own instant, in flight and at rest."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

import datasync

CONTRACT = """\
contract: c
version: 1.0.0
run: {{audit: full}}
source: {{type: csv, path: a.csv}}
columns:
  id: {{type: int64, key: true}}
  at: {{type: "timestamp[us, UTC]", timezone: UTC}}
rules:
  - {{name: not_past, rule: "at >= now()"}}
target: {target}
"""


@pytest.mark.parametrize(
    "target",
    ["{type: duckdb, database: t.duckdb, table: c, write: merge}", "{type: sqlite, database: t.sqlite, table: c, write: merge}"],
)
def test_a_rule_about_now_is_judged_alike(target: str, tmp_path: Path) -> None:
    (tmp_path / "datasync.toml").touch()
    (tmp_path / "a.csv").write_text("id,at\n1,2026-06-01T00:00:00Z\n2,\n", encoding="utf-8")
    (tmp_path / "c.yaml").write_text(CONTRACT.format(target=target), encoding="utf-8")
    result = datasync.load(tmp_path / "c.yaml").run(now=datetime(2026, 1, 1, tzinfo=UTC))
    found = {check.gate: check for check in result.checks if check.name == "not_past"}
    assert result.status == "passed", found
    assert {gate: (check.evaluated, check.failed, check.unknown) for gate, check in found.items()} == {
        "prepared": (2, 0, 1),
        "staged": (2, 0, 1),
    }
