"""The contract of the connector's page runs as it stands there."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import pytest

import datasync
from tests.connectors.sql_targets import Place

PAGE = Path(__file__).parents[3] / "docs" / "connectors" / "mysql.md"


def test_the_pages_contract_runs(mysql: Place, mysql_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[0]
    (tmp_path / "datasync.toml").touch()
    (tmp_path / "shop_orders.yaml").write_text(text, encoding="utf-8")
    for name in ("SHOP", "MART"):
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", mysql_database)
    with mysql.sql() as run:
        run("SET time_zone = '+00:00'")
        run("CREATE TABLE orders (id bigint PRIMARY KEY, sku varchar(20), price decimal(12,2), paid tinyint(1), "
            "ordered_at timestamp(6) NULL, region char(2))")  # fmt: skip
        run("INSERT INTO orders VALUES (1, 'SKU-000001', 1.50, 1, '2026-02-01 10:00:00', 'KR'), "
            "(2, 'SKU-000002', -1, 0, '2026-02-01 11:00:00', 'KR'), (3, 'SKU-000003', 3, NULL, '2026-02-02', 'US')")  # fmt: skip
    sync = datasync.load(tmp_path / "shop_orders.yaml")
    result = sync.run()
    assert (result.status, result.rows.published, result.rows.quarantined) == ("warned", 1, 1)
    with mysql.sql() as run:
        assert run("SELECT id, sku, paid, ordered_at FROM orders_copy") == [(1, "SKU-000001", 1, datetime(2026, 2, 1, 10))]
        run("UPDATE orders SET price = 2 WHERE id = 2")
    again = sync.run(full=True)
    assert (again.status, again.rows.published) == ("passed", 2)
