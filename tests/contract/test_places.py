"""Where a contract's file makes a promise."""

from __future__ import annotations

from pathlib import Path

from datasync.contract.loader import load_contract
from datasync.contract.places import check_places

CONTRACT = """\
contract: c
version: 1.0.0
source: {type: csv, path: in.csv, columns: {id: {type: int64}, doc: {type: json}}}
transform:
  - cast: {id: int32}
  - parse_json: {column: doc, fields: {total: int64}}
columns:
  id: {type: int32, key: true}
  doc: {type: json}
  total:
    type: int64
    min: 0
target: {type: csv, path: out.csv, write: replace}
"""


def test_what_a_transform_refuses_is_promised_where_it_stands(tmp_path: Path) -> None:
    (tmp_path / "datasync.toml").touch()
    (tmp_path / "c.yaml").write_text(CONTRACT, encoding="utf-8")
    found = check_places(load_contract(tmp_path / "c.yaml"))
    wanted = {"id.cast": 5, "doc.parse_json": 6, "total.parse_json": 6, "total.min": 12, "id.type": 8}
    assert {name: found.get(name) for name in wanted} == wanted


def test_the_limit_of_deletes_is_promised_by_the_target(tmp_path: Path) -> None:
    target = "target:\n  type: duckdb\n  database: out.duckdb\n  table: t\n  write: merge\n  deletes: {missing: delete}\n"
    (tmp_path / "datasync.toml").touch()
    (tmp_path / "c.yaml").write_text(CONTRACT.partition("target:")[0] + target, encoding="utf-8")
    assert check_places(load_contract(tmp_path / "c.yaml"))["deletes.limit"] == 18
