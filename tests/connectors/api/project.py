"""A project that reads a DuckDB table and sends it to an API on loopback, and what became of its runs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from datasync.cli.app import invoke
from tests.connectors.api.server import Api

CONTRACT = """\
contract: items
version: 1.0.0
source: {type: duckdb, database: src.duckdb, table: src, cursor: {column: seq}}
columns:
  id: {type: int64, key: true}
  name: {type: string, required: true}
  seq: {type: int64, required: true}
MORE
target:
  type: rest
  connection: shop
  endpoint: /v1/items
  write: WRITE
  batch_rows: 2
TARGET
"""


@dataclass
class Project:
    """A folder with one contract, and an API beside it."""

    root: Path
    api: Api
    capture: pytest.CaptureFixture[str]

    def write(
        self, target: str = "", more: str = "quarantine: {allow: 50%}", write: str = "merge", contract: str = CONTRACT
    ) -> None:
        """Write the contract; `target` is lines of its target block."""
        lines = "".join(f"  {line}\n" for line in target.splitlines())
        text = contract.replace("MORE", more).replace("WRITE", write).replace("TARGET\n", lines)
        (self.root / "items.yaml").write_text(text, encoding="utf-8")

    def source(self, rows: Sequence[tuple[int, str, int]]) -> None:
        """Replace what the source holds."""
        with duckdb.connect(str(self.root / "src.duckdb")) as connection:
            connection.execute("CREATE OR REPLACE TABLE src(id BIGINT, name VARCHAR, seq BIGINT)")
            # Row by row DuckDB takes longer than most tests.
            connection.register(
                "given", pl.DataFrame(list(rows), {"id": pl.Int64, "name": pl.String, "seq": pl.Int64}, orient="row")
            )
            connection.execute("INSERT INTO src FROM given")

    def call(self, *arguments: str) -> tuple[int, Any]:
        """Run a command with --json; give its exit code and its document."""
        self.capture.readouterr()
        code = invoke([*arguments, "--json"])
        captured = self.capture.readouterr()
        return code, json.loads(captured.out) if captured.out.strip() else captured.err

    def run(self, *flags: str) -> tuple[int, Mapping[str, Any]]:
        """Run the contract."""
        code, result = self.call("run", "items.yaml", *flags)
        if isinstance(result, dict) and "rows" in result:
            rows = result["rows"]
            assert rows["extracted"] + rows["added"] == rows["accepted"] + rows["quarantined"] + rows["dropped"]
        return code, result
