"""`datasync check` of a Parquet file, 13 checks, beside hand-written DuckDB SQL and polars that find the same failing ids."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.measure import Contender, show, side_by_side
from bench.peers.contenders import checking

DATA = Path(__file__).parent / "data"
CONTRACT = """\
contract: events
version: 1.0.0
source: {type: parquet, path: "events-ROWS.parquet"}
columns:
  id:       {type: int64, key: true}
  sku:      {type: string, required: true, pattern: '^SKU-[0-9]{6}$'}
  price:    {type: float64, required: true, min: 0, max: 10000}
  qty:      {type: int32, required: true, min: 1}
  currency: {type: string, one_of: [KRW, USD, EUR]}
  seen:     {type: "timestamp[us, UTC]", required: true}
  note:     {type: string, max_length: 40}
rules:
  - {name: big_orders_in_won, rule: "qty <= 90 OR currency = 'KRW'"}
freshness: {column: seen, max_age: 10000d}
count: {min: 1}
quarantine: {allow: 5%}
target: {type: duckdb, database: never.duckdb, table: events, write: replace}
"""
BAD = (
    "id IS NULL OR sku IS NULL OR NOT regexp_matches(sku, '^SKU-[0-9]{6}$') OR price IS NULL OR price < 0 OR price > 10000 OR "
    "qty IS NULL OR qty < 1 OR currency NOT IN ('KRW','USD','EUR') OR seen IS NULL OR length(note) > 40 OR NOT (qty <= 90 OR currency = 'KRW')"
)
DUCKDB = """
import duckdb
c = duckdb.connect()
f = "read_parquet('events-ROWS.parquet')"
wrong = "count(*) FILTER (WHERE price < 0), count(*) FILTER (WHERE sku IS NULL OR NOT regexp_matches(sku, '^SKU-[0-9]{6}$')), "
wrong += "count(*) FILTER (WHERE qty < 1), count(*) FILTER (WHERE currency NOT IN ('KRW','USD','EUR'))"
print(c.sql("SELECT count(*), max(seen), " + wrong + " FROM " + f).fetchall())
bad = c.sql("SELECT id FROM " + f + " WHERE BAD").fetchall()
again = c.sql("SELECT id FROM " + f + " GROUP BY id HAVING count(*) > 1").fetchall()
print(len(bad), len(again))
""".replace("BAD", BAD)
POLARS = """
import polars as pl
f = pl.scan_parquet("events-ROWS.parquet")
bad = (pl.col("sku").is_null() | ~pl.col("sku").str.contains(r"^SKU-[0-9]{6}$") | pl.col("price").is_null() | ~pl.col("price").is_between(0, 10000)
       | (pl.col("qty") < 1) | ~pl.col("currency").is_in(["KRW", "USD", "EUR"]) | pl.col("seen").is_null() | (pl.col("note").str.len_chars() > 40)
       | ~((pl.col("qty") <= 90) | (pl.col("currency") == "KRW")))
ids = f.filter(bad).select("id").collect(engine="streaming")
again = f.group_by("id").len().filter(pl.col("len") > 1).collect(engine="streaming")
print(ids.height, again.height, f.select(pl.len(), pl.col("seen").max()).collect())
"""


def _make(rows: int) -> Path:
    import duckdb

    DATA.mkdir(exist_ok=True)
    path = DATA / f"events-{rows}.parquet"
    if not path.exists():
        duckdb.sql(
            f"COPY (SELECT i AS id, CASE WHEN i % 2000 = 7 THEN 'bad' ELSE 'SKU-' || lpad((i % 1000000)::VARCHAR, 6, '0') END AS sku, "
            f"CASE WHEN i % 3000 = 11 THEN -1.0 ELSE (i % 100000) / 10.0 END AS price, (i % 89 + 1)::INTEGER AS qty, "
            f"['KRW','USD','EUR'][(i % 3 + 1)::INTEGER] AS currency, TIMESTAMPTZ '2026-01-01 00:00:00+00' + i * INTERVAL 1 SECOND AS seen, "
            f"'note ' || (i % 1000) AS note FROM range({rows}) t(i)) TO '{path}' (FORMAT parquet)"
        )
    (DATA / "datasync.toml").touch()
    (DATA / f"events-{rows}.yaml").write_text(CONTRACT.replace("ROWS", str(rows)), encoding="utf-8")
    return path


def run(rows: int | None, times: int, peers: bool = False) -> None:
    """Measure whole processes, imports and all."""
    number = rows or 10_000_000
    file = _make(number)
    python = sys.executable
    contenders = [
        Contender("DuckDB SQL, counts and failing ids", [python, "-c", DUCKDB.replace("ROWS", str(number))]),
        Contender("polars, failing ids", [python, "-c", POLARS.replace("ROWS", str(number))]),
        Contender(
            "datasync check, quarantine included", [python, "-m", "datasync.cli.app", "check", f"events-{number}.yaml", "--json"]
        ),
        *(checking(file) if peers else ()),
    ]
    show(f"check of {number:,} rows, 13 checks, 0.08 % bad rows", side_by_side(contenders, times, DATA))
