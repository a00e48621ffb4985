"""A number of rows in, a PostgreSQL and a MariaDB of one's own out, the latter with a table of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from datasync.testing.servers.mariadb import MariadbServer, mariadb_server, mysql_connect
from datasync.testing.servers.postgres import postgres_server

SETUP = """
CREATE DATABASE bench CHARACTER SET utf8mb4;
USE bench;
CREATE TABLE src (id bigint PRIMARY KEY, customer int, sku varchar(40), price decimal(12,2), qty int, currency varchar(3),
  ratio double, at timestamp(6) NULL, day date, note varchar(60));
INSERT INTO src SELECT seq, seq % 5000, concat('SKU-', lpad(seq % 1000000, 6, '0')), if(seq % 2000 = 3, -1, (seq % 100000) / 10.0),
  seq % 900 + 1, elt(seq % 3 + 1, 'KRW', 'USD', 'EUR'), seq * 0.37e0, timestamp'2026-01-01 00:00:00' + interval seq second,
  date'2026-01-01' + interval seq % 365 day, concat('note ', seq % 1000) FROM seq_1_to_{rows}
"""


@dataclass(frozen=True, slots=True)
class Servers:
    """Where they are.

    Attributes:
        postgres: a libpq URL of an empty database.
        mariadb: the server; its database `bench` has the table `src`.
    """

    postgres: str
    mariadb: MariadbServer

    @property
    def shop(self) -> str:
        """A URL of the database `bench`."""
        return self.mariadb.url.replace("/?", "/bench?")


@contextmanager
def servers(rows: int) -> Iterator[Servers]:
    """Start both, and fill the table with `rows` rows of ten columns."""
    with postgres_server() as postgres, mariadb_server() as mariadb:
        with closing(mysql_connect(mariadb.url)) as connection, connection.cursor() as cursor:
            for statement in SETUP.format(rows=rows).split(";"):
                cursor.execute(statement)
        yield Servers(postgres, mariadb)
