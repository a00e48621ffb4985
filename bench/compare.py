"""One million rows in PostgreSQL compared with the same in MariaDB: equal, with ten differences, and with another key."""

from __future__ import annotations

import sys
from urllib.parse import unquote, urlsplit

from bench.measure import Contender, show, side_by_side
from bench.servers import servers
from bench.sync import DATA, project

TABLE = """
CREATE TABLE src AS SELECT g::bigint AS id, (g % 5000)::int AS customer, 'SKU-' || lpad((g % 1000000)::text, 6, '0') AS sku,
  (CASE WHEN g % 2000 = 3 THEN -1 ELSE (g % 100000) / 10.0 END)::numeric(12,2) AS price, (g % 900 + 1)::int AS qty,
  (ARRAY['KRW','USD','EUR'])[g % 3 + 1] AS currency, g * 0.37::float8 AS ratio,
  timestamptz '2026-01-01 00:00:00+00' + g * interval '1 second' AS at, date '2026-01-01' + (g % 365)::int AS day,
  'note ' || g % 1000 AS note FROM generate_series(1, {rows}) AS g;
ALTER TABLE src ADD PRIMARY KEY (id);
CREATE TABLE changed AS SELECT * FROM src;
ALTER TABLE changed ADD PRIMARY KEY (id);
UPDATE changed SET price = price + 1 WHERE id % ({rows} / 5) = 7;
DELETE FROM changed WHERE id % ({rows} / 5) = 77;
"""
READ_OUT = """
import sys, psycopg, pymysql
from pymysql.cursors import SSCursor
target, socket = sys.argv[1:]
rows, names = {}, "id, customer, sku, price, qty, currency, ratio, at, day, note"
with psycopg.connect(target) as connection, connection.cursor(name="c") as cursor:
    cursor.itersize = 50_000
    for row in cursor.execute(f"SELECT {names.replace(' at,', ' at AT TIME ZONE $$UTC$$,')} FROM src"):
        rows[row[0]] = row
other = pymysql.connect(unix_socket=socket, user="root", password=PASSWORD, database="bench", init_command="SET time_zone = '+00:00'")
differing = 0
with other.cursor(SSCursor) as cursor:
    cursor.execute(f"SELECT {names} FROM src")
    for row in cursor:
        differing += rows.pop(row[0], None) != row
print(differing, len(rows))
"""


def run(rows: int | None, times: int, peers: bool = False) -> None:
    """Measure whole processes against servers of our own, beside a script that reads both tables out and holds one of them."""
    import psycopg

    number = rows or 1_000_000
    project()
    with servers(number) as both:
        with psycopg.connect(both.postgres, autocommit=True) as postgres:
            for statement in TABLE.format(rows=number).split(";"):
                postgres.execute(statement.encode())
            postgres.execute("VACUUM ANALYZE")
        environment = {"AIRFLOW_CONN_BENCH": both.postgres, "AIRFLOW_CONN_SHOP": both.shop}
        script = READ_OUT.replace("PASSWORD", repr(unquote(urlsplit(both.mariadb.url).password or "")))
        command = [sys.executable, "-m", "datasync.cli.app", "compare"]
        contenders = [
            Contender(
                "read both out and compare in Python", [sys.executable, "-c", script, both.postgres, str(both.mariadb.socket)]
            ),
            Contender("datasync compare, equal", [*command, "bench:src", "shop:src", "--key", "id"]),
            Contender("datasync compare, 10 differences", [*command, "bench:changed", "shop:src", "--key", "id"], (1,)),
            Contender("datasync compare, equal, key sku, id", [*command, "bench:src", "shop:src", "--key", "sku,id"]),
            Contender(
                "datasync compare, 10 differences, key sku, id",
                [*command, "bench:changed", "shop:src", "--key", "sku,id"],
                (1,),
            ),
        ]
        show(f"PostgreSQL beside MariaDB, {number:,} rows x 10", side_by_side(contenders, times, DATA, environment))
