"""A benchmark's data in, the commands of other tools that do the same work out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from bench.environments import program
from bench.measure import Contender

HERE = Path(__file__).parent
CHECKS = {
    "pandera": "pandera.polars, failure cases",
    "pointblank": "pointblank on polars, extracts",
    "great_expectations": "Great Expectations on pandas, counts",
}
DATA_CONTRACT = """\
dataContractSpecification: 1.2.1
id: events
info: {title: events, version: 1.0.0}
servers:
  local: {type: local, path: FILE, format: parquet}
models:
  events:
    type: table
    fields:
      id: {type: long, required: true, unique: true}
      sku: {type: string, required: true, pattern: '^SKU-[0-9]{6}$'}
      price: {type: double, required: true, minimum: 0, maximum: 10000}
      qty: {type: int, required: true, minimum: 1}
      currency: {type: string, enum: [KRW, USD, EUR]}
      seen: {type: timestamp_tz, required: true}
      note: {type: string, maxLength: 40}
    quality:
      - {type: sql, description: rule, query: "SELECT count(*) FROM events WHERE NOT (qty <= 90 OR currency = 'KRW')", mustBe: 0}
"""


def checking(file: Path) -> Iterator[Contender]:
    """Judge a Parquet file with the 13 checks of the bench."""
    for peer, title in CHECKS.items():
        python = program(peer)
        if python is not None:
            yield Contender(title, [python, str(HERE / f"check_{peer}.py"), str(file)])
    command = program("datacontract", "datacontract")
    if command is not None:
        contract = file.with_suffix(".datacontract.yaml")
        contract.write_text(DATA_CONTRACT.replace("FILE", str(file)), encoding="utf-8")
        yield Contender("datacontract-cli, counts", [command, "test", str(contract)], expected=(1,))


def replacing(uri: str) -> Iterator[Contender]:
    """Replace a table of PostgreSQL with another one's rows, without any gate.

    Args:
        uri: of a server on a socket, whose folder stands in the query.
    """
    parts = urlsplit(uri)
    # dlt insists on a host and a password; libpq takes the socket's folder of the query all the same.
    full = parts._replace(scheme="postgresql", netloc=f"{parts.username or 'postgres'}:none@localhost:5432").geturl()
    python = program("dlt")
    if python is not None:
        yield Contender("dlt, pyarrow to csv, no gate", [python, str(HERE / "sync_dlt.py"), full, "src", "replace"])
    command = program("sling", "sling-linux-amd64")
    if command is not None:
        run = [
            command,
            "run",
            "--src-conn",
            uri,
            "--src-stream",
            "public.src",
            "--tgt-conn",
            uri,
            "--tgt-object",
            "public.dst_sling",
        ]
        yield Contender("sling, no gate", [*run, "--mode", "full-refresh"])
