"""The contracts of the documents run, against servers of this machine; a secret stands nowhere in what they leave."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import requests

import datasync
from datasync.contract.loader import lint_paths, load_contract
from datasync.results.model import RunResult
from datasync.storage import read_frame
from datasync.sync.changes import changes
from tests.connectors.http.servers import CANARY, Asked, connection, reply, serving
from tests.connectors.http.sources import query
from tests.connectors.soap.service import orders

DOCS = Path(__file__).parents[3] / "docs" / "connectors"
THINGS = [
    {"id": n, "name": f"n{n}", "price": n / 4, "tags": [n], "updated_at": f"2026-01-{1 + n % 28:02d}T00:00:00Z"}
    for n in range(250)
]


def project(folder: Path, name: str, change: Callable[[str], str] = lambda text: text) -> Path:
    """A project with the contract of a page of the documents."""
    text = re.search(r"```yaml\n(contract:.*?)```", (DOCS / f"{name}.md").read_text(encoding="utf-8"), re.DOTALL)
    assert text is not None
    (folder / "datasync.toml").touch()
    path = folder / f"{name}.yaml"
    path.write_text(change(text[1]), encoding="utf-8")
    problems = [problem for problem in lint_paths([path])[1] if problem.severity == "error"]
    assert problems == []
    return path


def run(path: Path, url: str, **options: Any) -> RunResult:
    signed = {"password": CANARY, "extra": {"auth": "bearer"}}
    return datasync.load(path).run(connections=lambda name: connection(url, name, **signed), **options)


def things(asked: Asked, sock: socket.socket) -> bytes:
    assert asked.header("authorization") == f"Bearer {CANARY}"
    given = query(asked)
    rows = [row for row in THINGS if row["updated_at"] >= given.get("updated_since", "")]
    at = (int(given["page"]) - 1) * int(given["limit"])
    body = {"data": rows[at : at + int(given["limit"])], "total": len(rows)}
    return reply(json.dumps(body), etag=f'"{len(rows)}"')


def table(folder: Path, name: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(folder / f"{name}.duckdb"), read_only=True) as opened:
        return opened.sql(f"SELECT * FROM {name} ORDER BY id").fetchall()


def leaks(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()]


def test_rest(tmp_path: Path) -> None:
    path = project(tmp_path, "rest")
    with serving(things) as server:
        result = run(path, server.url)
        assert (result.status, result.rows.published) == ("passed", 250), result.error
        again = run(path, server.url)
        assert (again.status, again.rows.published) == ("passed", 0), again.error
    found = table(tmp_path, "things")
    assert len(found) == 250
    assert found[1][:3] == (1, "n1", 1 / 4)
    assert found[1][4].astimezone(UTC) == datetime(2026, 1, 2, tzinfo=UTC)
    assert leaks(tmp_path) == []


def test_graphql(tmp_path: Path) -> None:
    rows = [{"id": f"o{n:03d}", "customer": {"name": "x"}, "total": n} for n in range(120)]

    def answer(asked: Asked, sock: socket.socket) -> bytes:
        given = json.loads(asked.body)["variables"]
        assert given["region"] == "KR"
        at = int(given["after"] or 0)
        end = at + given["first"]
        page = {"nodes": rows[at:end], "pageInfo": {"hasNextPage": end < len(rows), "endCursor": str(end)}}
        return reply(json.dumps({"data": {"orders": page}}))

    with serving(answer) as server:
        result = run(project(tmp_path, "graphql"), server.url)
    assert (result.status, result.rows.published) == ("passed", 120), result.error
    assert table(tmp_path, "orders")[1][:2] == ("o001", '{"name":"x"}')


def test_soap(tmp_path: Path) -> None:
    with orders() as url:
        (tmp_path / "wsdl").mkdir()
        (tmp_path / "wsdl" / "orders.wsdl").write_bytes(requests.get(f"{url}/?wsdl", timeout=10).content)
        result = run(project(tmp_path, "soap"), url)
    assert (result.status, result.rows.published) == ("passed", 100), result.error
    assert table(tmp_path, "orders")[0][0] == 9007199254740993


def test_bad_rows_are_set_aside_with_page_and_place(tmp_path: Path) -> None:
    path = project(tmp_path, "rest", lambda text: text + "quarantine: {allow: 5%}\n")

    def answer(asked: Asked, sock: socket.socket) -> bytes:
        return things(asked, sock).replace(b'"name": "n120"', b'"name": null  ').replace(b'"id": 205,', b'"id": NaN,')

    with serving(answer) as server:
        result = run(path, server.url)
    assert (result.status, result.rows.quarantined) == ("warned", 2), result.error
    frames = [read_frame(str(file)) for file in tmp_path.rglob("*quarantine*/**/*.parquet")]
    rows = {row["_reasons"][0]: (row["_file"], row["_line"]) for frame in frames for row in frame.iter_rows(named=True)}
    assert rows == {"name.required": ("page 2", 21), "row.readable": ("page 3", 6)}


def test_a_broken_api_publishes_nothing_and_says_no_secret(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    path = project(tmp_path, "rest")
    with serving(lambda asked, sock: reply(CANARY, "403 Forbidden")) as server:
        result = run(path, server.url)
        plan = datasync.load(path).plan(
            connections=lambda name: connection(server.url, name, password=CANARY, extra={"auth": "api_key", "query": "key"})
        )
    assert result.status == "error"
    assert result.error is not None
    assert result.error.code == "E_SIGN_IN"
    assert CANARY not in f"{result}{plan}{caplog.text}"
    assert leaks(tmp_path) == []


def test_changes_by_cursor_and_by_version(tmp_path: Path) -> None:
    by_version = project(tmp_path, "rest", lambda text: text.replace("  cursor: {column: updated_at, start: 2026-01-01}\n", "  changes: {by: modified}\n").replace(
        '{updated_since: "{window_start}"}', "{all: yes}").replace("write: merge", "write: replace"))  # fmt: skip
    (tmp_path / "cursor").mkdir()
    by_cursor = project(tmp_path / "cursor", "rest")
    with serving(things) as server:

        def connect(name: str) -> Any:
            return connection(server.url, name, password=CANARY, extra={"auth": "bearer"})

        for path in (by_version, by_cursor):
            loaded = load_contract(path)
            assert changes(loaded, {}, connect).changed
            assert run(path, server.url).status == "passed"
            assert not changes(loaded, {}, connect).changed
        THINGS.append({"id": 999, "name": "new", "price": 1, "tags": [], "updated_at": datetime.now(UTC).isoformat()})
        try:
            assert changes(load_contract(by_version), {}, connect).by == "modified"
            assert changes(load_contract(by_version), {}, connect).changed
        finally:
            THINGS.pop()


def test_an_append_of_a_window_is_added_once(tmp_path: Path) -> None:
    path = project(tmp_path, "rest", lambda text: text.replace("write: merge", "write: append"))
    with serving(things) as server:
        window = {"window_start": "2026-01-02", "window_end": "2026-01-04"}
        first = run(path, server.url, **window)
        assert (first.status, first.rows.published) == ("passed", 18), first.error
        assert run(path, server.url, **window).rows.published == 0
        overlapping = run(path, server.url, window_start="2026-01-03", window_end="2026-01-05")
        assert overlapping.status == "refused"
    assert len(table(tmp_path, "things")) == 18
