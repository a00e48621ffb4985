"""The pages that only show: what is on them, with how many questions, and what they do with names they do not know."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event

from datasync.history.store import History
from datasync.sync.project import open_project
from datasync.web.listed import PAGE
from tests.reports.filled import Given, fill
from tests.reports.test_html import HOSTILE
from tests.web.stage import Visitor, make_project, run, visitor


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Visitor]:
    file = make_project(tmp_path)
    run(file, "first")
    run(file, "second")
    with visitor(tmp_path) as found:
        yield found


@pytest.mark.parametrize("page", ["/", "/contracts/shop", "/runs/first", "/figures"])
def test_a_page_is_there_with_its_menu_and_policy(shop: Visitor, page: str) -> None:
    answered = shop.get(page)
    assert answered.status_code == 200
    policy = answered.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-eval" not in policy
    assert "script-src 'unsafe-inline'" not in policy
    assert answered.headers["cache-control"] == "no-store"
    assert 'aria-label="datasync"' in answered.text


def test_a_run_is_found_from_the_list(shop: Visitor) -> None:
    assert 'href="/contracts/shop"' in shop.get("/").text
    assert 'href="/runs/first"' in shop.get("/contracts/shop").text
    assert "3 of 4 rows" not in shop.get("/runs/second").text
    assert "SECRETMAIL" not in shop.get("/runs/second").text


def test_a_contract_says_what_it_is_before_its_first_run_and_after(tmp_path: Path) -> None:
    file = make_project(tmp_path, more="description: Prices <b>of the shop\n")
    with visitor(tmp_path) as found:
        assert "Prices &lt;b&gt;of the shop" in found.get("/contracts/shop").text
        run(file, "first")
        assert "Prices &lt;b&gt;of the shop" in found.get("/contracts/shop").text


def test_a_file_that_cannot_be_loaded_is_in_the_list(tmp_path: Path) -> None:
    make_project(tmp_path)
    contracts = tmp_path / "contracts"
    (contracts / "typed.yaml").write_text(
        'version: 1.0.0\ncontract: "<b>x"\nsource: {type: csv, path: a.csv}\ncolumns: {}\n', encoding="utf-8"
    )
    (contracts / "torn.yaml").write_text("contract: [\n", encoding="utf-8")
    linted = (contracts / "shop.yaml").read_text(encoding="utf-8").replace("contract: shop", "contract: linted")
    (contracts / "linted.yaml").write_text(linted.replace("min: 0", "min: x"), encoding="utf-8")
    (contracts / "earlier.yaml").write_text(
        "source: {type: file, path: a.csv}\ntarget: {type: file, path: b.csv}\n", encoding="utf-8"
    )
    with visitor(tmp_path) as found:
        page = found.get("/").text
        assert "3 files cannot be loaded" in page
        assert all(f'href="/files/{name}.yaml"' in page for name in ("typed", "torn", "linted"))
        assert "earlier.yaml" not in page
        assert "line 2: contract: &#39;&lt;b&gt;x&#39;" in page
        assert "(linted)" in page
        assert "<b>x" not in page
        assert found.get("/files/torn.yaml").status_code == 200
        for name in ("typed", "torn", "linted"):
            (contracts / f"{name}.yaml").unlink()
        assert "cannot be loaded" not in found.get("/").text


def test_a_day_lists_its_runs(shop: Visitor) -> None:
    from datetime import UTC, datetime

    day = f"{datetime.now(UTC):%Y-%m-%d}"
    assert "first" in shop.get(f"/contracts/shop/days/{day}").text
    assert shop.get("/contracts/shop/days/yesterday").status_code == 404


def test_a_contract_that_never_ran_is_listed(tmp_path: Path) -> None:
    make_project(tmp_path, "fresh")
    (tmp_path / "contracts" / "broken.yaml").write_text("contract: [", encoding="utf-8")
    with visitor(tmp_path) as found:
        assert "never run" in found.get("/").text
        assert found.get("/contracts/fresh").status_code == 200


def test_without_a_run_and_without_a_contract(tmp_path: Path) -> None:
    (tmp_path / "datasync.toml").touch()
    with visitor(tmp_path) as found:
        assert "No run yet" in found.get("/").text
        assert found.get("/figures").status_code == 200


@pytest.mark.parametrize(
    "name", ["nobody", "..", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "<script>alert(1)</script>", "a" * 3000, "%00", "%ff"]
)
@pytest.mark.parametrize("page", ["contracts", "runs"])
def test_strange_names_are_not_there(shop: Visitor, page: str, name: str) -> None:
    answered = shop.get(f"/{page}/{name}")
    assert answered.status_code in (404, 200 if name == ".." else 404)
    assert "<script>alert" not in answered.text


def test_hostile_text_is_escaped(tmp_path: Path) -> None:
    (tmp_path / "datasync.toml").touch()
    history = History(open_project(tmp_path, {}).history_url)
    fill(history, Given("hostile", HOSTILE[0], HOSTILE[0], hostile="".join(HOSTILE)), range(12))
    history.close()
    with visitor(tmp_path) as found:
        for page in ("/", "/contracts/hostile", "/runs/hostile-00010", "/figures"):
            text = found.get(page).text
            assert all(one not in text for one in HOSTILE if "<" in one)


def test_mounted_below_a_path_links_stay_below_it(tmp_path: Path) -> None:
    from starlette.applications import Starlette
    from starlette.routing import Mount
    from starlette.testclient import TestClient

    file = make_project(tmp_path)
    run(file, "first")
    with visitor(tmp_path) as found:
        outer = TestClient(Starlette(routes=[Mount("/data", app=found.client.app)]), base_url="http://127.0.0.1:1")
        assert 'href="/data/contracts/shop"' in outer.get("/data/").text
        assert 'href="/data/runs/first"' in outer.get("/data/contracts/shop").text


def test_the_list_asks_no_more_of_three_thousand_runs_than_of_thirty(tmp_path: Path) -> None:
    (tmp_path / "datasync.toml").touch()
    asked = []
    history = History(open_project(tmp_path, {}).history_url)
    fill(history, Given("shop", checks=0), range(30), timedelta(minutes=1))
    with visitor(tmp_path) as found:
        event.listen(found.history._engine, "before_cursor_execute", lambda *words: asked.append(words[2]))
        found.get("/")
        few = len(asked)
        fill(history, Given("shop", checks=0), range(30, 400), timedelta(minutes=1))
        history.close()
        asked.clear()
        found.get("/")
    assert len(asked) == few < 30


def test_many_contracts_come_a_page_at_a_time_the_worst_first_and_are_searched_in_all(tmp_path: Path) -> None:
    (tmp_path / "datasync.toml").touch()
    history = History(open_project(tmp_path, {}).history_url)
    for number in range(PAGE + 5):
        # The eleventh run fails.
        fill(history, Given(f"c{number:03}", f"team {number % 2}", checks=0), range(11 if number == PAGE + 3 else 2))
    history.close()
    with visitor(tmp_path) as found:
        first = found.get("/").text
        assert first.index(f"/contracts/c{PAGE + 3:03}") < first.index("/contracts/c000")
        assert first.count('scope="row"') == PAGE
        assert "page 1 of 2" in first
        assert found.get("/?page=2").text.count('scope="row"') == 5
        assert found.get("/?page=99").text == found.get("/?page=2").text
        searched = found.get(f"/?text=C{PAGE + 4:03}").text
        assert searched.count('scope="row"') == 1
        assert f"1 of {PAGE + 5} shown" in searched
        assert found.get("/?owner=team+1&status=failed").text.count('scope="row"') == 1
        assert "No contract is like that" in found.get("/?tag=none").text
        assert (
            'name="owner"><option value="">all</option><option>team 0</option><option selected>team 1'
            in found.get("/?owner=team+1").text
        )


def test_a_page_is_shown_while_a_run_is_being_recorded(tmp_path: Path) -> None:
    (tmp_path / "datasync.toml").touch()
    with visitor(tmp_path) as found:
        fill(found.history, Given("shop"), range(2))
        with found.history.ledger():
            assert found.get("/").status_code == 200
