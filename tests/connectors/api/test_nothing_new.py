"""A run that finds nothing new for an API: freshness is that of the last rows that were sent."""

from __future__ import annotations

import duckdb
import pytest

from tests.connectors.api.project import Project

CONTRACT = """\
contract: items
version: 1.0.0
source: {type: duckdb, database: src.duckdb, table: src, cursor: {column: at, start: 2020-01-01}}
columns:
  id: {type: int64, key: true}
  at: {type: "timestamp[us, UTC]", required: true}
freshness: {column: at, max_age: AGE}
target: {type: rest, connection: shop, endpoint: /v1/items, write: merge}
"""


@pytest.mark.parametrize(("flags", "age", "code"), [((), "1d", 0), (("--window-end", "2100-01-01"), "1d", 0), ((), "30m", 1)])
def test_freshness_is_known_from_the_last_rows(project: Project, flags: tuple[str, ...], age: str, code: int) -> None:
    with duckdb.connect(str(project.root / "src.duckdb")) as connection:
        connection.execute("CREATE OR REPLACE TABLE src AS SELECT 1::BIGINT AS id, now() - INTERVAL 1 HOUR AS at")
    project.write(contract=CONTRACT.replace("AGE", "1d"))
    assert project.run(*(("--window-start", "2020-01-01", *flags) if flags else ()))[0] == 0
    project.write(contract=CONTRACT.replace("AGE", age))
    given = ("--window-start", "2100-01-01", "--window-end", "2100-01-02") if flags else ()
    for _ in range(2):
        found, result = project.run(*given)
        (fresh,) = (check for check in result["checks"] if check["name"] == "freshness")
        assert (found, result["rows"]["extracted"]) == (code, 0)
        assert 3590 < fresh["observed"] < 3900


def test_without_an_earlier_run_there_is_no_value(project: Project) -> None:
    with duckdb.connect(str(project.root / "src.duckdb")) as connection:
        connection.execute('CREATE OR REPLACE TABLE src(id BIGINT, "at" TIMESTAMPTZ)')
    project.write(contract=CONTRACT.replace("AGE", "1d"))
    code, result = project.run()
    assert code == 1
    assert [check["name"] for check in result["checks"] if check["status"] == "failed"] == ["freshness"]
