"""Articles in PostgreSQL in, price tags at a label server of this machine out: sent when they change, step by step."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from datasync.testing.servers.api import Api, Received, Reply, ok
from datasync.testing.servers.postgres import create_database, postgres_server, rows_of, settings_of
from datasync.testing.walkthrough import Story, Walkthrough, walk

CONTRACT = "price_tags.yaml"
TABLE = """\
CREATE TABLE articles (
  sku text PRIMARY KEY, name text NOT NULL, price numeric(9,2) NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now() - interval '1 day'
)"""
RAISE = "UPDATE articles SET price = 7.99, updated_at = now() WHERE sku = 'OFF-0003'"
TOKEN = "local"  # noqa: S105 - the server lives for a minute
UNBOUND = "TEC-0017"
"""An article that stands on no shelf at first."""


class LabelServer:
    """An API in ESL format: it takes articles in batches, refuses those without a label and says why."""

    def __init__(self) -> None:
        self.labels: dict[str, str] = {}
        self.unbound = {UNBOUND}
        self.api = Api(before=self._known, reply=self._take)

    def _known(self, request: Received) -> Reply | None:
        return None if request.headers.get("authorization") == f"Bearer {TOKEN}" else ok({"error": "who are you?"}, status=401)

    def _take(self, request: Received) -> Reply:
        refused = []
        for index, article in enumerate(request.json["articles"]):
            if article["article_id"] in self.unbound:
                refused.append({"index": index, "message": f"no label is bound to {article['article_id']}"})
            else:
                self.labels[article["article_id"]] = f"{article['article_name']} {article['article_price']}"
        return ok({"taken": len(request.json["articles"]) - len(refused), "errors": refused})


@contextmanager
def systems(told: Walkthrough) -> Iterator[tuple[str, LabelServer]]:
    """Start the shop's database and the label server; give the database's URL and the server."""
    with postgres_server() as server:
        shop = create_database(server, "shop")
        labels = LabelServer()
        try:
            told.environment |= settings_of(shop, "SHOP")
            told.environment |= {"LABELS_URL": f"http://127.0.0.1:{labels.api.port}", "LABELS_TOKEN": TOKEN}
            told.say(f"Started: PostgreSQL on a private socket, and a label server at http://127.0.0.1:{labels.api.port}.")
            stock(told, shop)
            yield shop, labels
        finally:
            labels.api.close()


def stock(told: Walkthrough, shop: str) -> None:
    """Fill the shop's table with what data/articles.csv holds."""
    rows_of(shop, TABLE)
    with (told.folder / "data" / "articles.csv").open(encoding="utf-8") as stream:
        values = ", ".join(f"('{row['sku']}', '{row['name']}', {row['price']})" for row in csv.DictReader(stream))
    rows_of(shop, f"INSERT INTO articles (sku, name, price) VALUES {values}")


def tell(told: Walkthrough) -> None:
    """Tell the story."""
    with systems(told) as (shop, labels):
        run_id = first_run(told, labels)
        nothing_new(told, labels)
        one_price(told, shop, labels)
        bind(told, labels, run_id)


def first_run(told: Walkthrough, labels: LabelServer) -> str:
    """Send every price; one record is refused. Give the run."""
    told.step("The first run", "All 17 articles are new. The label server refuses one of them.")
    run = told.run(CONTRACT)
    told.quote("What it got, the first article", json.dumps(labels.api.rows("articles")[0], indent=2))
    told.promise("16 labels show their price", len(labels.labels) == 16 and run.rows.published == 16)
    told.promise(
        "in two batches, each with an idempotency key", len({request.key for request in labels.api.effects} - {None}) == 2
    )
    rows = told.aside(run.run_id)
    shown = [{"article": row["article_id"], "check": row["_reasons"][0], "reason": row["_text"]} for row in rows]
    told.table("In quarantine", shown, "The API's own words are kept there and nowhere else.")
    told.promise(
        "the refused record is there with its reason", [row["reason"] for row in shown] == [f"no label is bound to {UNBOUND}"]
    )
    return run.run_id


def nothing_new(told: Walkthrough, labels: LabelServer) -> None:
    """Look and run again: nothing is sent."""
    told.step("The second run", "Nothing changed since. Asking costs one COUNT in the source; Airflow's sensor asks the same.")
    told.datasync("changed", CONTRACT)
    told.promise("it says no", told.asked("changed", CONTRACT)["changed"] is False)
    asked = len(labels.api.received)
    run = told.run(CONTRACT)
    told.promise("a run reads nothing and sends nothing", (run.rows.extracted, len(labels.api.received)) == (0, asked))


def one_price(told: Walkthrough, shop: str, labels: LabelServer) -> None:
    """Change one price: that one is sent."""
    told.step("A price changes")
    told.does("shop", RAISE)
    rows_of(shop, RAISE)
    told.datasync("changed", CONTRACT)
    before = len(labels.api.rows("articles"))
    told.run(CONTRACT)
    sent = labels.api.rows("articles")[before:]
    told.table("What was sent", sent)
    told.promise(
        "just that article, with its new price",
        [(row["article_id"], row["article_price"]) for row in sent] == [("OFF-0003", 7.99)],
    )


def bind(told: Walkthrough, labels: LabelServer, run_id: str) -> None:
    """Bind the missing label, and send what was set aside."""
    told.step("The refused article gets its label", "What was set aside is sent again, through all gates, and only once.")
    labels.unbound.clear()
    told.datasync("quarantine", "replay", run_id)
    told.promise("all 17 labels show their price", len(labels.labels) == 17)
    told.promise("the row in quarantine is closed", [row["_state"] for row in told.aside(run_id)] == ["replayed"])
    told.table(
        "Labels", [{"article": name, "label": label} for name, label in sorted(labels.labels.items())][-4:], "… and 13 more"
    )


if __name__ == "__main__":
    sys.exit(walk(__file__, Story("ESL price tags: PostgreSQL → REST API in ESL format", tell)))
