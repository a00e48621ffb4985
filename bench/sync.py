"""PostgreSQL to PostgreSQL through every gate, beside a binary COPY pipe plus the same key, and hand-written replace and merge."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.measure import Contender, Measured, middle, show, side_by_side
from bench.peers.contenders import replacing

DATA = Path(__file__).parent / "data"
CONTRACT = """\
contract: NAME
version: 1.0.0
source: {type: postgres, connection: bench, table: SOURCE}
columns:
  id:       {type: int64, key: true}
  customer: {type: int32, required: true, min: 0}
  sku:      {type: string, required: true, pattern: '^SKU-[0-9]{6}$'}
  price:    {type: "decimal(12,2)", required: true, min: 0}
  qty:      {type: int32, required: true, min: 1, max: 1000}
  currency: {type: string, one_of: [KRW, USD, EUR]}
  ratio:    {type: float64}
  at:       {type: "timestamp[us, UTC]", required: true}
  day:      {type: date, required: true}
  note:     {type: string, max_length: 60}
quarantine: {allow: 1%}
target: {type: postgres, connection: bench, table: TARGET, write: WRITE}
"""
SETUP = """
DROP TABLE IF EXISTS src, src_changed, dst, dst_hand CASCADE;
CREATE TABLE src AS SELECT i::bigint AS id, (i % 5000)::int AS customer, 'SKU-' || lpad((i % 1000000)::text, 6, '0') AS sku,
  CASE WHEN i % 2000 = 3 THEN -1 ELSE ((i % 100000) / 10.0) END::numeric(12,2) AS price, (i % 900 + 1)::int AS qty,
  (ARRAY['KRW','USD','EUR'])[i % 3 + 1] AS currency, (i * 0.37)::float8 AS ratio,
  timestamptz '2026-01-01 00:00:00+00' + i * interval '1 second' AS at, date '2026-01-01' + (i % 365)::int AS day, 'note ' || (i % 1000) AS note
  FROM generate_series(1, {rows}) i;
CREATE TABLE src_changed AS SELECT id, customer, sku, abs(price) + 1 AS price, qty, currency, ratio, at, day, note FROM src WHERE id % 10 = 0;
ALTER TABLE src_changed ALTER COLUMN price TYPE numeric(12,2);
ANALYZE;
"""
PIPE = """
import sys, psycopg
uri, source, target, before, after = sys.argv[1:]
with psycopg.connect(uri) as a, psycopg.connect(uri) as b:
    for statement in before.split(";"):
        b.execute(statement) if statement.strip() else None
    with a.cursor().copy(f"COPY (SELECT * FROM {source}) TO STDOUT (FORMAT binary)") as out, b.cursor().copy(
        f"COPY {target} FROM STDIN (FORMAT binary)") as into:
        for data in out:
            into.write(data)
    for statement in after.split(";"):
        b.execute(statement) if statement.strip() else None
"""
UPSERT = ("INSERT INTO dst_hand SELECT * FROM stg ON CONFLICT (id) DO UPDATE SET customer = excluded.customer, sku = excluded.sku, "
          "price = excluded.price, qty = excluded.qty, currency = excluded.currency, ratio = excluded.ratio, at = excluded.at, "
          "day = excluded.day, note = excluded.note; DROP TABLE stg")  # fmt: skip


def run(rows: int | None, times: int, peers: bool = False) -> None:
    """Measure whole processes against a PostgreSQL of our own."""
    import psycopg

    from datasync.testing.servers.postgres import postgres_server

    number = rows or 1_000_000
    project()
    with postgres_server() as uri:
        with psycopg.connect(uri, autocommit=True) as connection:
            for statement in SETUP.format(rows=number).split(";"):
                if statement.strip():
                    connection.execute(statement)
        _measure(uri, number, times, peers)


def project() -> None:
    """Make the folder of all measurements a project."""
    DATA.mkdir(exist_ok=True)
    (DATA / "datasync.toml").touch()


def _contract(name: str, write: str, source: str = "src") -> str:
    text = CONTRACT.replace("NAME", name).replace("WRITE", write).replace("SOURCE", source).replace("TARGET", "dst")
    (DATA / f"{name}.yaml").write_text(text, encoding="utf-8")
    return f"{name}.yaml"


def _measure(uri: str, rows: int, times: int, peers: bool) -> None:
    import psycopg

    environment = {"AIRFLOW_CONN_BENCH": uri}
    python = sys.executable
    empty = "CREATE TABLE dst_hand (LIKE src)"
    staged = "CREATE UNLOGGED TABLE stg (LIKE src)"
    cases = [
        ("into an absent target", "replace", "src", (empty, "ALTER TABLE dst_hand ADD PRIMARY KEY (id)"), "dst_hand"),
        ("replacing what is there", "replace", "src", (staged, "DELETE FROM dst_hand; INSERT INTO dst_hand SELECT * FROM stg; DROP TABLE stg"),
         "stg"),
        ("merging a tenth", "merge", "src_changed", (staged, UPSERT), "stg"),
    ]  # fmt: skip
    for title, write, source, (before, after), into in cases:
        contract = _contract(f"bench_{write}_{source}", write, source)
        contenders = [
            Contender("binary COPY pipe and hand-written SQL", [python, "-c", PIPE, uri, source, into, before, after]),
            Contender("datasync run, every gate", [python, "-m", "datasync.cli.app", "run", contract, "--full", "--json"]),
        ]
        if peers and title.startswith("replacing"):
            contenders += replacing(uri)
        if title.startswith("into"):
            found: list[list[Measured]] = []
            for _ in range(times):
                with psycopg.connect(uri, autocommit=True) as connection:
                    connection.execute("DROP TABLE IF EXISTS dst, dst_hand")
                found.append(side_by_side(contenders, 1, DATA, environment))
            measured = [middle(several) for several in zip(*found, strict=True)]
        else:
            measured = side_by_side(contenders, times, DATA, environment)
        show(f"PostgreSQL to PostgreSQL, {rows:,} rows x 10, {title}", measured)
