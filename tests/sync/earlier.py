"""The earlier configuration's example for tests: its table in PostgreSQL, and a run of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from datasync.cli.app import invoke

EXAMPLE = Path(__file__).parents[2] / "config" / "example_config.yaml"
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
NOON = datetime.now(UTC) - timedelta(seconds=1)


def table(url: str, rows: int = 3, price: str = "1000.50") -> None:
    """Make the table anew, with so many rows of today and one of yesterday."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS product_info")
        connection.execute(
            "CREATE TABLE product_info (id bigint, name text, product_name text, price numeric(12,2), created_at timestamp,"
            " updated_at timestamptz)"
        )
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO product_info VALUES (%s, 'n', '우유', %s, %s, %s)",
                [(n, price if n > 1 else "5", datetime(2026, 1, 1, 3), NOON) for n in range(1, rows + 1)]
                + [(99, "1", datetime(2026, 1, 1), TODAY - timedelta(hours=1))],
            )


def run(capfd: pytest.CaptureFixture[str], *more: str, file: str = "native.yaml") -> tuple[int, Any]:
    """Run a file; give the exit code and the result."""
    capfd.readouterr()
    code = invoke(["run", file, "--json", "--param", "store_code=S9", *more])
    return code, json.loads(capfd.readouterr().out)
