"""Two nights of CSV files on an S3 of this machine in, every version of every order in PostgreSQL out, step by step."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import fsspec

from datasync.testing.servers.postgres import create_database, postgres_server, rows_of, settings_of
from datasync.testing.servers.s3 import s3_server
from datasync.testing.walkthrough import Story, Walkthrough, walk

CONTRACT = "order_history.yaml"
DAY_1 = ("--window-start", "2026-11-23", "--window-end", "2026-11-24")
DAY_2 = ("--window-start", "2026-11-24", "--window-end", "2026-11-25")
HISTORY = """\
SELECT order_id, status, ship_mode, postal_code AS zip, valid_from::date, valid_to::date, is_current FROM order_history"""
CHANGED = f"""\
{HISTORY} WHERE order_id IN ('O-00013', 'O-00085', 'O-00139', 'O-00186', 'O-00211') ORDER BY order_id, valid_from"""
AS_OF = """\
SELECT order_id, status FROM order_history WHERE order_id IN ('O-00013', 'O-00139', 'O-00211')
AND valid_from <= '2026-11-24 12:00Z' AND (valid_to > '2026-11-24 12:00Z' OR valid_to IS NULL) ORDER BY order_id"""


@contextmanager
def systems(told: Walkthrough) -> Iterator[tuple[str, fsspec.AbstractFileSystem]]:
    """Start the lake and the warehouse; give the warehouse's URL and the lake's files."""
    with s3_server() as lake, postgres_server() as server:
        warehouse = create_database(server, "warehouse")
        told.environment |= settings_of(warehouse, "WAREHOUSE")
        told.environment |= {"LAKE_URL": lake, "LAKE_KEY": "local", "LAKE_SECRET": "local"}
        files = fsspec.filesystem("s3", key="local", secret="local", endpoint_url=lake, skip_instance_cache=True)  # noqa: S106
        files.mkdir("shop")
        told.say(f"Started: S3 (moto) at {lake}, and PostgreSQL on a private socket.")
        yield warehouse, files


def deliver(told: Walkthrough, files: fsspec.AbstractFileSystem, day: str) -> None:
    """Put a night's files into the lake."""
    for path in sorted((told.folder / "data" / day).glob("*.csv")):
        files.put_file(str(path), f"shop/orders/{day}/{path.name}")
        told.does("shop", f"puts s3://shop/orders/{day}/{path.name}")


def tell(told: Walkthrough) -> None:
    """Tell the story."""
    with systems(told) as (warehouse, files):
        first = first_night(told, files)
        second_night(told, warehouse, files)
        told.promise(
            "the corrected orders are no longer open in quarantine",
            {row["_state"] for row in told.aside(first)} == {"superseded"},
        )
        again(told, warehouse)
        look_back(told, warehouse)


def first_night(told: Walkthrough, files: fsspec.AbstractFileSystem) -> str:
    """Load the first night's files, in which two ZIP codes are broken; give the run."""
    told.step("The first night", "24 orders. Two ZIP codes lost their leading zero: a defect of the real data.")
    deliver(told, files, "2026-11-23")
    run = told.run(CONTRACT, *DAY_1)
    told.promise("22 orders are published, 2 set aside", (run.rows.published, run.quarantine.rows) == (22, 2))
    rows = told.aside(run.run_id)
    told.table(
        "In quarantine", [{"order": row["order_id"], "zip": row["postal_code"], "reason": row["_reasons"][0]} for row in rows]
    )
    return run.run_id


def second_night(told: Walkthrough, warehouse: str, files: fsspec.AbstractFileSystem) -> None:
    """Load the second night's files, which change some orders."""
    told.step("The second night", "Three orders changed, one is gone, the two are corrected, two are new.")
    deliver(told, files, "2026-11-24")
    told.run(CONTRACT, *DAY_2)
    found = rows_of(warehouse, CHANGED)
    told.table("order_history", found, "A version holds in valid_from <= t < valid_to.")
    versions: dict[str, list[tuple[str, bool]]] = {}
    for row in found:
        versions.setdefault(row["order_id"], []).append((row["status"], row["is_current"]))
    told.promise("O-00013 was new and is shipped", versions["O-00013"] == [("new", False), ("shipped", True)])
    told.promise("O-00139 is gone: its version has an end, and nothing follows", versions["O-00139"] == [("new", False)])
    told.promise("O-00211 came on the second night", versions["O-00211"] == [("new", True)])


def again(told: Walkthrough, warehouse: str) -> None:
    """Load the second night once more."""
    told.step("The second night again", "Running a night again changes nothing, however often.")
    before = rows_of(warehouse, f"{HISTORY} ORDER BY order_id, valid_from")
    told.run(CONTRACT, *DAY_2)
    told.promise("the history is as it was", rows_of(warehouse, f"{HISTORY} ORDER BY order_id, valid_from") == before)
    told.promise(
        f"it holds {len(before)} versions of 26 orders", len(before) == 29 and len({row["order_id"] for row in before}) == 26
    )


def look_back(told: Walkthrough, warehouse: str) -> None:
    """Ask the history what was known at a moment."""
    told.step("A look back", "What did we know at noon of the 24th, between the two nights?")
    told.does("warehouse", AS_OF)
    found = rows_of(warehouse, AS_OF)
    told.table("As of 2026-11-24 12:00 UTC", found)
    told.promise("the two first orders as they were, the third unknown", [row["status"] for row in found] == ["new", "new"])


if __name__ == "__main__":
    sys.exit(walk(__file__, Story("orders: files on S3 → PostgreSQL, with history", tell)))
