"""What people do with the reports' pages in a browser: search, filter, print, embed, go by keyboard."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from datasync.history.store import History
from datasync.reports.html import RunPage, run_page
from datasync.sync.project import open_project
from datasync.sync.site import build_site
from tests.browser.seeded import ATTACKS, HEBREW, KOREAN
from tests.reports.filled import START, Given, fill, run
from tests.reports.test_html import everything

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def wide_run() -> RunPage:
    """Three hundred checks over five hundred columns, a third of them broken."""
    result = run(Given(checks=0), 10, START)
    price = result.checks[0]
    checks = [replace(price, name=f"column_{number:03}.min", column=f"column_{number:03}", status="failed" if number % 3 == 0 else "passed") for number in range(500)]  # fmt: skip
    return RunPage(replace(result, checks=tuple(checks)))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pages by name: of the site, and each kind alone."""
    root = tmp_path_factory.mktemp("pages")
    (root / "datasync.toml").touch()
    history = History(open_project(root, {}).history_url)
    fill(history, Given("shop", KOREAN, "example"), range(35))
    fill(history, Given("hostile", HEBREW, ATTACKS[0], hostile="".join(ATTACKS)), range(12))
    fill(history, Given("lonely"), range(1))
    history.close()
    build_site(open_project(root, {}), root / "site")
    shop = root / "site" / "contracts"
    pages = {
        "list": (root / "site" / "index.html").read_text(encoding="utf-8"),
        "failed": (shop / "shop" / "runs" / "shop-00032.html").read_text(encoding="utf-8"),
    }
    folder = root / "shown"
    folder.mkdir()
    for name, text in pages.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return folder


def test_the_list_is_searched_and_filtered_without_a_server(browser: Browser, site: Path) -> None:
    page = browser.new_page()
    page.goto((site / "list.html").as_uri())
    rows = page.locator("tbody tr:visible")
    assert rows.count() == 3
    page.fill("input[name=text]", "주문")
    assert [row.split()[0] for row in rows.all_inner_texts()] == ["shop"]
    page.fill("input[name=text]", "")
    page.select_option("select[name=owner]", HEBREW)
    assert [row.split()[0] for row in rows.all_inner_texts()] == ["hostile"]
    page.select_option("select[name=owner]", "")
    page.select_option("select[name=tag]", ATTACKS[0])
    assert rows.count() == 1
    page.select_option("select[name=status]", "passed")
    assert page.inner_text("#found") == f"{rows.count()} of 3 shown"
    page.close()


def test_a_page_opens_in_a_frame_and_by_keyboard(browser: Browser, site: Path, tmp_path: Path) -> None:
    frame = tmp_path / "frame.html"
    frame.write_text(f'<iframe src="{(site / "failed.html").as_uri()}" width="900" height="700"></iframe>', encoding="utf-8")
    page = browser.new_page()
    page.goto(frame.as_uri())
    inside = page.frames[1]
    assert "Blocked at gate prepared" in inside.inner_text("header")
    page.goto((site / "failed.html").as_uri())
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.tagName"))
    assert {"A", "SUMMARY"} <= reached
    page.close()


def test_printed_everything_is_there(browser: Browser, site: Path) -> None:
    page = browser.new_page()
    page.goto((site / "failed.html").as_uri())
    page.emulate_media(media="print")
    assert page.locator("pre.contract").first.is_visible()
    assert page.locator("table.stages").is_visible()
    assert not page.locator("nav").is_visible()
    page.close()


def test_three_hundred_checks_are_laid_out_within_a_second() -> None:
    import time

    from datasync.history.views import CheckPoint

    page = wide_run()
    past = [replace(everything("x").past[0], run_id=f"r{number}") for number in range(20)]
    checks = {check.name: [CheckPoint(check.name, row.run_id, "min", check.status, number, 100, None, 0.01) for number, row in enumerate(past)] for check in page.result.checks[:300]}  # fmt: skip
    full = replace(page, result=replace(page.result, checks=page.result.checks[:300]), past=past, checks=checks)
    run_page(full)
    began = time.process_time()
    assert "<svg" in run_page(full)
    assert time.process_time() - began < 1
