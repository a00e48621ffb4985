"""Every type of the earlier configuration as source and as target, against the real systems: as it is, and imported."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
import pytest

from datasync.cli.app import invoke
from datasync.contract.loader import load_contract
from tests.connectors.api.server import Api, Received, Reply, ok
from tests.services import mysql_connect

NOW = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
ROWS = [
    {"id": n, "name": f"n{n}", "product_name": "우유", "price": price, "updated_at": NOW - timedelta(seconds=n)}
    for n, price in ((1, 1000.5), (2, 9.5), (3, 0.0), (4, -1.0))
]
COLUMNS = tuple(ROWS[0])
SOURCES = {
    "postgres": "{type: postgres, connection_id: lake, query: \"SELECT * FROM {table} WHERE updated_at <= '{until}'\","
    ' params: {table: product_info, until: "2999-01-01"}}',
    "mysql": "{type: mysql, connection_id: shop, query: \"SELECT * FROM {table} WHERE updated_at <= '{until}'\","
    ' params: {table: product_info, until: "2999-01-01"}}',
    "rest_api": '{type: rest_api, connection_id: web, endpoint: "/v1/{kind}", method: GET,'
    ' params: {kind: products, since: "{{ ds }}", store: S1, page_size: 50}}',
    "file": '{type: file, path: "data/{{ var.value.file }}.csv"}',
}
TARGETS = {
    "postgres": "{type: postgres, connection_id: lake, table: product_copy}",
    "mysql": "{type: mysql, connection_id: shop, table: product_copy}",
    "rest_api": '{type: rest_api, connection_id: web, endpoint: /v1/sync, method: POST, payload_template: {batch_id: "{{ run_id }}"}}',
    "file": "{type: file, path: out/products.csv}",
}
CONFIG = """
source: {source}
target: {target}
transform:
  processors:
    - {{type: timestamp_converter, timezone: Asia/Seoul, timestamp_fields: [updated_at]}}
    - {{type: payload_formatter, format: esl_format, company_code: "{{{{ var.value.company_code }}}}", store_code: S9}}
    - type: data_validator
      rules:
        - {{field: price, type: numeric, min: 0}}
        - {{field: product_name, type: string, required: true}}
quality_gates:
  validation_rules:
    - {{type: record_count_match, tolerance: 0.5}}
    - {{type: data_freshness, max_age_hours: 24}}
    - {{type: schema_validation, required_fields: [id, name, price]}}
"""


@pytest.fixture
def api() -> Iterator[Api]:
    made = Api()

    def reply(request: Received) -> Reply:
        if request.method == "GET":
            return ok({"data": [{**row, "updated_at": row["updated_at"].isoformat()} for row in ROWS]}, ETag='"v1"')
        return ok({})

    made.reply = reply
    yield made
    made.close()


class Place:
    """A project whose systems hold the rows, and may have taken them."""

    def __init__(self, api: Api, postgres: str, mysql: str) -> None:
        self.api, self.postgres, self.mysql = api, postgres, mysql
        self.connects = {"postgres": lambda: psycopg.connect(postgres, autocommit=True), "mysql": lambda: mysql_connect(mysql)}
        instant = {"postgres": "timestamptz", "mysql": "datetime(6)"}
        for name, connect in self.connects.items():
            with closing(connect()) as connection, connection.cursor() as cursor:
                kinds = f"id bigint, name varchar(20), product_name varchar(20), price numeric(12,2), updated_at {instant[name]}"
                cursor.execute(f"CREATE TABLE product_info ({kinds})")
                values = [[*row.values()] for row in ROWS]
                plain = [[*row[:-1], row[-1].replace(tzinfo=None)] for row in values]
                cursor.executemany(
                    "INSERT INTO product_info VALUES (%s, %s, %s, %s, %s)", values if name == "postgres" else plain
                )
        Path("data").mkdir()
        with Path("data/products.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerows([COLUMNS, *([*list(row.values())[:-1], row["updated_at"].isoformat()] for row in ROWS)])

    def taken(self, target: str) -> list[tuple[Any, ...]]:
        """What the target holds, in one form whatever it is."""
        if target == "rest_api":
            rows = [row for request in self.api.effects if request.method == "POST" for row in request.json["data"]]
        elif target == "file":
            with Path("out/products.csv").open(encoding="utf-8", newline="") as stream:
                rows = list(csv.DictReader(stream))
        else:
            with closing(self.connects[target]()) as connection, connection.cursor() as cursor:
                cursor.execute("SELECT * FROM product_copy")
                names = [column[0] for column in cursor.description]
                rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        return sorted(
            (str(row["id"]), row["article_id"], row["article_name"], float(row["price"]), float(row["article_price"]),
             _instant(row["updated_at"]), row["company_code"], row["store_code"])
            for row in rows
        )  # fmt: skip

    def emptied(self, target: str) -> None:
        """Take everything away again, what is known of earlier runs included."""
        self.api.effects.clear()
        if target in self.connects:
            with closing(self.connects[target]()) as connection, connection.cursor() as cursor:
                cursor.execute("DROP TABLE product_copy")


def _instant(value: Any) -> datetime:
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)


@pytest.fixture
def place(tmp_path: Path, api: Api, postgres_database: str, mysql_database: str, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AIRFLOW_CONN_WEB", f"http://127.0.0.1:{api.port}")
    monkeypatch.setenv("AIRFLOW_CONN_LAKE", postgres_database)
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", mysql_database)
    monkeypatch.setenv("AIRFLOW_VAR_COMPANY_CODE", "C01")
    monkeypatch.setenv("AIRFLOW_VAR_FILE", "products")
    (tmp_path / "datasync.toml").touch()
    return Place(api, postgres_database, mysql_database)


def _write(source: str, target: str, **more: str) -> None:
    text = CONFIG.format(source=SOURCES.get(source, source), target=TARGETS.get(target, target))
    Path("sync.yaml").write_text(text + "".join(more.values()), encoding="utf-8")


def _run(capfd: pytest.CaptureFixture[str], file: str, *more: str) -> tuple[int, Any]:
    capfd.readouterr()
    code = invoke(["run", file, "--json", *more])
    said = capfd.readouterr()
    assert said.out, said.err
    return code, json.loads(said.out)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("source", SOURCES)
def test_a_pair(source: str, target: str, place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    _write(source, target)
    code, result = _run(capfd, "sync.yaml")
    assert (code, result["status"]) == (0, "warned"), result["error"] or [c for c in result["checks"] if c["status"] != "passed"]
    assert (result["rows"]["extracted"], result["rows"]["quarantined"], result["rows"]["published"]) == (4, 1, 3)
    assert [check["name"] for check in result["checks"] if check["status"] == "warned"] == ["price.min"]
    taken = place.taken(target)
    assert taken == sorted(
        (str(row["id"]), str(row["id"]), "우유", row["price"], row["price"], row["updated_at"], "C01", "S9") for row in ROWS[:3]
    )
    # The contract that import writes does the same.
    assert invoke(["import", "sync.yaml", "--format", "sync_config", "--name", "native", "--output", "native.yaml"]) == 0
    place.emptied(target)
    code, imported = _run(capfd, "native.yaml")
    assert (code, imported["rows"]) == (0, result["rows"])
    assert place.taken(target) == taken
    assert [(c["name"], c["status"]) for c in imported["checks"]] == [(c["name"], c["status"]) for c in result["checks"]]


def test_what_an_api_is_asked(place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    _write("rest_api", "file")
    code, _ = _run(capfd, "sync.yaml", "--param", 'store=S2&since=1 "x', "--param", "kind=pro/..", "--window-start", "2026-03-05",
                   "--window-end", "2026-03-06")  # fmt: skip
    assert code == 0
    asked = place.api.received[-1].path
    assert asked == "/v1/pro%2F..?since=2026-03-05&store=S2%26since%3D1+%22x&page_size=50"


def test_types_come_from_words_then_from_the_targets_table(place: Place) -> None:
    with closing(place.connects["postgres"]()) as connection:
        connection.execute(
            "CREATE TABLE product_copy (id bigint PRIMARY KEY, name text, product_name text, price numeric(12,2),"
            " updated_at timestamptz, company_code text, store_code text, article_id text, article_name text,"
            " article_price numeric(12,2))"
        )
    for target, expected in (("postgres", ["int64", "decimal(12,2)"]), ("file", ["string", "float64"])):
        _write("file", target)
        assert invoke(["import", "sync.yaml", "--format", "sync_config", "--name", target, "--output", f"{target}.yaml"]) == 0
        source = load_contract(f"{target}.yaml").contract.source
        assert source.columns is not None
        assert [str(source.columns[name].type) for name in ("id", "price")] == expected
        assert str(source.columns["updated_at"].type) == "timestamp[us, UTC]"
    # What JSON shows is what it is.
    _write("rest_api", "file")
    assert invoke(["import", "sync.yaml", "--format", "sync_config", "--name", "web", "--output", "web.yaml"]) == 0
    source = load_contract("web.yaml").contract.source
    assert source.columns is not None
    assert [str(source.columns[name].type) for name in COLUMNS] == ["int64", "string", "string", "float64", "timestamp[us, UTC]"]
    assert source.records == "$.data[*]"  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["products.ndjson", "products.json", "products.parquet", "products.csv.gz"])
def test_kinds_of_files(name: str, place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    frame = pl.DataFrame(ROWS)
    path = Path("data") / name
    text = frame.with_columns(pl.col("updated_at").dt.to_string("iso:strict"))
    if name.endswith("parquet"):
        frame.write_parquet(path)
    elif name.endswith("ndjson"):
        text.write_ndjson(path)
    elif name.endswith("json"):
        text.write_json(path)
    else:
        import gzip

        path.write_bytes(gzip.compress(Path("data/products.csv").read_bytes()))
    _write(f"{{type: file, path: data/{name}}}", f"{{type: file, path: out/{name}}}")
    code, result = _run(capfd, "sync.yaml")
    assert (code, result["rows"]["published"]) == (0, 3), result["error"]
    assert (Path("out") / name).exists()


def test_changes_of_an_api_and_of_files(place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    for source, count in (("rest_api", None), ("file", 1)):
        _write(source, "postgres", more="monitoring: {change_detection: {enabled: true}}\n")
        for changed in (True, False):
            capfd.readouterr()
            code = invoke(["changed", "sync.yaml", "--json"])
            out = capfd.readouterr()
            assert code == 0, out.err
            said = json.loads(out.out)
            assert said["changed"] is changed, (source, said)
            if changed:
                assert (said["count"], said["by"]) == (count, "modified")
                assert _run(capfd, "sync.yaml")[0] == 0


def test_an_api_with_nothing_today(place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    place.api.reply = lambda request: ok({"data": []})
    _write("rest_api", "file")
    code, result = _run(capfd, "sync.yaml")
    assert (code, result["rows"]["extracted"]) == (1, 0)
    assert [check["name"] for check in result["checks"] if check["status"] == "failed"] == ["freshness"]


WRONG = [
    ("{type: file, path: data/products.txt}", "file", "does not say which kind of file it is"),
    ("{type: file}", "file", "'path' is missing"),
    ("{type: file, path: data/products.csv, query: SELECT 1}", "file", "source.query: a key that type file does not have"),
    ("{type: file, path: data/products.csv, options: {delimitr: x}}", "file", "source.options.delimitr"),
    ("{type: file, path: data/none.csv}", "file", "data/none.csv"),
    ("{type: file, path: ../../etc/hosts.csv}", "file", "outside"),
    ("{type: rest_api, connection_id: web}", "file", "'endpoint' is missing"),
    ("{type: rest_api, connection_id: web, endpoint: /x, method: POST}", "file", "source.method"),
    ("{type: rest_api, connection_id: web, endpoint: /x, pagination: {style: pages}}", "file", "source.pagination.style"),
    ("{type: rest_api, connection_id: web, endpoint: /x, records: '$.rows[*]'}", "file", "rows"),
    ("rest_api", "{type: file, path: out/products.csv, table: x}", "target.table: a key that type file does not have"),
    ("rest_api", "{type: postgres, connection_id: lake}", "'table' is missing"),
]


@pytest.mark.parametrize(("source", "target", "said"), WRONG)
def test_what_is_wrong_is_said(source: str, target: str, said: str, place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    _write(source, target)
    assert invoke(["run", "sync.yaml"]) in (2, 3)
    assert said in capfd.readouterr().err
