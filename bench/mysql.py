"""MariaDB to PostgreSQL through every gate, beside connectorx and COPY without any gate, in an environment of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bench.measure import Contender, Measured, show, side_by_side
from bench.servers import servers
from bench.sync import CONTRACT, DATA, project

RIVALS = DATA / "connectorx"
"""The environment of connectorx, which is no dependency of ours."""
TABLE = (
    "CREATE TABLE hand (id bigint, customer int, sku text, price numeric(12,2), qty int, currency text, ratio float8, "
    "at timestamptz, day date, note text)"
)
COPY = """
import io, sys
import connectorx as cx, psycopg, pyarrow.csv as csv
source, target, table = sys.argv[1:]
with psycopg.connect(target) as connection:
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(table)
    with connection.cursor().copy("COPY hand FROM STDIN (FORMAT csv)") as into:
        for batch in cx.read_sql(source, "SELECT * FROM src", return_type="arrow_stream", batch_size=100_000):
            out = io.BytesIO()
            csv.write_csv(batch, out, csv.WriteOptions(include_header=False))
            into.write(out.getbuffer())
    connection.execute("ALTER TABLE hand ADD PRIMARY KEY (id)")
"""
INGEST = """
import sys
import connectorx as cx, adbc_driver_postgresql.dbapi as adbc
source, target, table = sys.argv[1:]
with adbc.connect(target) as connection, connection.cursor() as cursor:
    cursor.execute("SET TimeZone = 'UTC'")
    rows = cx.read_sql(source, "SELECT id, customer, sku, CAST(price AS CHAR) price, qty, currency, ratio, at, day, note FROM src", return_type="arrow")
    cursor.adbc_ingest("loaded", rows, mode="create", temporary=True)
    cursor.execute(table)
    cursor.execute("INSERT INTO hand SELECT id, customer, sku, price::numeric, qty, currency, ratio, at, day, note FROM loaded")
    cursor.execute("ALTER TABLE hand ADD PRIMARY KEY (id)")
    connection.commit()
"""


def _environment() -> str:
    """Make connectorx's environment, once; give its interpreter."""
    python = RIVALS / "bin" / "python"
    if not python.exists():
        uv = Path(sys.executable).parent / "uv"
        subprocess.run([str(uv), "venv", "--quiet", "--python", sys.executable, str(RIVALS)], check=True)
        wanted = ["connectorx", "pyarrow", "psycopg[binary]", "adbc-driver-postgresql", "adbc-driver-manager"]
        subprocess.run([str(uv), "pip", "install", "--quiet", "--python", str(python), *wanted], check=True)
    return str(python)


def run(rows: int | None, times: int, peers: bool = False) -> None:
    """Measure whole processes against servers of our own; the target is absent at the beginning of each."""
    number = rows or 1_000_000
    project()
    rival = _environment()
    with servers(number) as both:
        _measure(rival, both.postgres, both.shop, (number, times))


def _measure(rival: str, postgres: str, shop: str, counts: tuple[int, int]) -> None:
    import psycopg

    text = CONTRACT.replace("NAME", "bench_mysql").replace("WRITE", "replace").replace("TARGET", "dst")
    text = text.replace("{type: postgres, connection: bench, table: SOURCE}", "{type: mysql, connection: shop, table: src}")
    (DATA / "bench_mysql.yaml").write_text(text, encoding="utf-8")
    environment = {"AIRFLOW_CONN_BENCH": postgres, "AIRFLOW_CONN_SHOP": shop}
    source = shop.replace("localhost", "localhost:3306").replace("unix_socket", "socket")
    contenders = [
        Contender("connectorx and COPY, no gate", [rival, "-c", COPY, source, postgres, TABLE]),
        Contender("connectorx and adbc_ingest, no gate", [rival, "-c", INGEST, source, postgres, TABLE]),
        Contender(
            "datasync run, every gate", [sys.executable, "-m", "datasync.cli.app", "run", "bench_mysql.yaml", "--full", "--json"]
        ),
    ]
    rows, times = counts
    found: list[list[Measured]] = []
    for _ in range(times):
        once = []
        for contender in contenders:
            with psycopg.connect(postgres, autocommit=True) as connection:
                connection.execute("DROP TABLE IF EXISTS dst, hand")
            once += side_by_side([contender], 1, DATA, environment)
        found.append(once)
    measured = [sorted(column, key=lambda row: row.seconds)[len(column) // 2] for column in zip(*found, strict=True)]
    show(f"MariaDB to PostgreSQL, {rows:,} rows x 10, into an absent target", measured)
