"""A warehouse's API on this machine in, its stock in SQLite out: page by page, window by window, step by step."""

from __future__ import annotations

import csv
import secrets
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from datasync.testing.servers.api import Api, Received, Reply, ok
from datasync.testing.walkthrough import Story, Walkthrough, walk

CONTRACT = "inventory.yaml"
PAGES_PER_TOKEN = 3
"""The server forgets a token after so many pages, whatever it said when it gave it."""


class Warehouse:
    """An API: `POST /oauth/token` gives tokens that end soon, `GET /v2/stock` pages of what changed."""

    def __init__(self) -> None:
        self.stock: dict[tuple[str, str], dict[str, Any]] = {}
        self.tokens: dict[str, int] = {}
        self.pages: list[str] = []
        self.api = Api(reply=self._answer)

    def set(self, when: datetime, **item: Any) -> None:
        """Note an item's stock."""
        known = self.stock.get((item["warehouse"], item["sku"]), {})
        self.stock[item["warehouse"], item["sku"]] = {**known, **item, "changed_at": when.isoformat()}

    def _answer(self, request: Received) -> Reply:
        if request.path == "/oauth/token":
            token = secrets.token_hex(8)
            self.tokens[token] = PAGES_PER_TOKEN
            return ok({"access_token": token, "token_type": "bearer", "expires_in": 3600})
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not self.tokens.get(token):
            self.pages.append("401")
            return ok({"error": "the token has expired"}, status=401)
        self.tokens[token] -= 1
        return self._page({name: values[0] for name, values in parse_qs(urlsplit(request.path).query).items()})

    def _page(self, asked: dict[str, str]) -> Reply:
        since = datetime.fromisoformat(asked["changed_since"])
        first, size = int(asked.get("after", 0)), int(asked["limit"])
        found = [item for _, item in sorted(self.stock.items()) if datetime.fromisoformat(item["changed_at"]) >= since]
        page = found[first : first + size]
        self.pages.append(f"{len(page)} items")
        return ok({"items": page, "next": str(first + size) if first + size < len(found) else None})


@contextmanager
def systems(told: Walkthrough) -> Iterator[Warehouse]:
    """Start the API, its stock as of yesterday."""
    warehouse = Warehouse()
    try:
        url = f"http://127.0.0.1:{warehouse.api.port}"
        told.environment |= {"WAREHOUSE_URL": url, "WAREHOUSE_SECRET": "local"}
        told.say(f"Started: the warehouse's API at {url}. Its tokens end after {PAGES_PER_TOKEN} pages.")
        with (told.folder / "data" / "stock.csv").open(encoding="utf-8") as stream:
            for row in csv.DictReader(stream):
                warehouse.set(datetime.now(UTC) - timedelta(days=1), **{**row, "quantity": int(row["quantity"])})
        yield warehouse
    finally:
        warehouse.api.close()


def stock(told: Walkthrough, where: str = "1") -> list[dict[str, Any]]:
    """Give rows of the target."""
    with closing(sqlite3.connect(told.folder / "stock.sqlite")) as connection:
        connection.row_factory = sqlite3.Row
        found = connection.execute(f"SELECT warehouse, sku, name, quantity FROM stock WHERE {where} ORDER BY warehouse, sku")
        return [dict(row) for row in found]


def tell(told: Walkthrough) -> None:
    """Tell the story."""
    with systems(told) as warehouse:
        everything(told, warehouse)
        run_id = movements(told, warehouse)
        corrected(told, warehouse, run_id)


def everything(told: Walkthrough, warehouse: Warehouse) -> None:
    """Read all pages, over tokens that end on the way."""
    told.step("The first run", "68 items on 7 pages. Twice the token ends between two pages: it is renewed, no page is lost.")
    told.run(CONTRACT)
    told.table("What the API answered", [{"request": number, "answer": text} for number, text in enumerate(warehouse.pages, 1)])
    told.promise("7 pages, 2 tokens that ended, 3 tokens in all", (warehouse.pages.count("401"), len(warehouse.tokens)) == (2, 3))
    told.promise("all 68 items are in stock.sqlite", len(stock(told)) == 68)


def movements(told: Walkthrough, warehouse: Warehouse) -> str:
    """Five items move, one of them below zero. Give the run."""
    told.step("Stock moves", "Five items change. One of them is counted below zero, which cannot be.")
    moved = {"FUR-0001": 11, "FUR-0002": 12, "OFF-0003": 13, "TEC-0008": 14, "TEC-0017": -3}
    for sku, quantity in moved.items():
        warehouse.set(datetime.now(UTC), warehouse="East", sku=sku, quantity=quantity)
    told.does("warehouse", ", ".join(f"{sku} {quantity}" for sku, quantity in moved.items()))
    until_the_second_is_over()
    before = len(warehouse.pages)
    run = told.run(CONTRACT)
    told.promise("the window asks for what changed since: one page of 5", warehouse.pages[before:][-1:] == ["5 items"])
    told.promise("four are published, one is set aside", (run.rows.published, run.quarantine.rows) == (4, 1))
    told.table("East", stock(told, "warehouse = 'East' AND sku IN ('FUR-0001', 'TEC-0017')"), "TEC-0017 is as it was.")
    told.table(
        "In quarantine", [{name: row[name] for name in ("sku", "quantity", "_file", "_line")} for row in told.aside(run.run_id)]
    )
    return run.run_id


def until_the_second_is_over() -> None:
    """Wait: an API may date what changes to the second, so a window ends before the one that is running."""
    time.sleep(1 - datetime.now(UTC).microsecond / 1_000_000)


def corrected(told: Walkthrough, warehouse: Warehouse, run_id: str) -> None:
    """The wrong count is corrected; a last run finds nothing."""
    told.step("Somebody counts again")
    warehouse.set(datetime.now(UTC), warehouse="East", sku="TEC-0017", quantity=3)
    told.does("warehouse", "TEC-0017 3")
    until_the_second_is_over()
    told.run(CONTRACT)
    told.promise(
        "East has 3 of TEC-0017", [row["quantity"] for row in stock(told, "warehouse = 'East' AND sku = 'TEC-0017'")] == [3]
    )
    told.promise("the row in quarantine is closed", [row["_state"] for row in told.aside(run_id)] == ["superseded"])
    run = told.run(CONTRACT)
    told.promise("one more run finds nothing new", run.rows.extracted == 0)
    told.promise("there are still 68 items", len(stock(told)) == 68)


if __name__ == "__main__":
    sys.exit(walk(__file__, Story("inventory: paginated REST API → SQLite", tell)))
