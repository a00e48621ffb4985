"""A partitioned source read by a process per part, and the run taken up behind them."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

import datasync
from datasync.contract.loader import load_contract
from datasync.errors import UsageError
from datasync.history.store import History
from datasync.sync.parts import listed, read_part
from tests.services import connection_of

CONTRACT = """\
contract: parts
version: 1.0.0
run: {tasks: split}
source: {type: postgres, connection: warehouse, table: numbers, partition: {column: n, size: 100}}
columns:
  id: {type: int64, key: true}
  n: {type: int32, max: 950}
count: {min: 1}
quarantine: {allow: 10%}
target: {type: duckdb, database: out.duckdb, table: numbers, write: merge}
"""
STAGES = ("gate_prepared", "stage", "audit", "publish", "reconcile")


@pytest.fixture
def contract(postgres_database: str, tmp_path: Path) -> Path:
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        connection.execute("CREATE TABLE numbers AS SELECT i AS id, nullif(i, 7)::int AS n FROM generate_series(1, 1000) i")
    (tmp_path / "datasync.toml").touch()
    (tmp_path / "parts.yaml").write_text(CONTRACT, encoding="utf-8")
    return tmp_path / "parts.yaml"


def test_parts_are_read_side_by_side_and_gathered(contract: Path, postgres_database: str) -> None:
    def connect(name: str):  # type: ignore[no-untyped-def]
        return connection_of(postgres_database, name)

    sync = datasync.load(contract)
    begun = sync.run(run_id="r1", begin="extract", until="extract", list_parts=True, connections=connect)
    assert begun.status == "passed", begun.error
    loaded = load_contract(contract)
    numbers = listed(loaded, "r1")
    assert len(numbers) == 11  # ten parts of a hundred values, and one for the row without

    for number in reversed(numbers[1:]):
        read_part(loaded, "r1", number, connect)
    with pytest.raises(UsageError, match="1 of 11 parts were not read"):
        sync.run(run_id="r1", begin="gate_prepared", until="gate_prepared", connections=connect)
    read_part(loaded, "r1", 0, connect)
    read_part(loaded, "r1", 5, connect)  # a task that is tried again replaces what it left
    for stage in STAGES:
        result = sync.run(run_id="r1", begin=stage, until=stage, connections=connect)
    assert result.status == "warned", [
        (check.name, check.status, check.message) for check in result.checks if check.status not in ("passed", "skipped")
    ]
    assert (result.rows.extracted, result.rows.quarantined, result.rows.published) == (1000, 50, 950)
    assert result.rows.source_count == 1000
    assert {check.name: check.status for check in result.checks}["count.tolerance"] == "passed"
    assert {check.name: check.evaluated for check in result.checks}["columns"] == 1
    history = History(sync.project.history_url)
    try:
        assert [row.status for row in history.list_runs("parts", None, 5)] == ["warned"]
    finally:
        history.close()


def test_a_part_that_is_not_there(contract: Path) -> None:
    with pytest.raises(UsageError, match="has no part 3"):
        read_part(load_contract(contract), "nothing", 3)
