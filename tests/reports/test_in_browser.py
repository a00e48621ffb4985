"""Every page in a real browser: wide and narrow, light and dark, hostile and huge; nothing runs, nothing is fetched, axe is content."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from datasync.history.store import History
from datasync.reports.html import ContractRow, RunPage, contracts_page, message_page, run_page
from datasync.sync.project import open_project
from datasync.sync.site import build_site
from tests.reports.filled import START, Given, fill, run
from tests.reports.test_html import HOSTILE, everything

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

KOREAN, HEBREW = "주문 데이터 계약 위반", "חוזה נתונים של הזמנות"
ATTACKS = (
    *HOSTILE,
    "<svg/onload=alert(1)>",
    "javascript:alert(1)",
    "</pre></script><script>alert(1)</script>",
    "{{ 7*7 }}",
    "'\";--`${1}",
)


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
        "contract": (shop / "shop" / "index.html").read_text(encoding="utf-8"),
        "one_run": (shop / "lonely" / "index.html").read_text(encoding="utf-8"),
        "hostile_contract": (shop / "hostile" / "index.html").read_text(encoding="utf-8"),
        "hostile_run": (shop / "hostile" / "runs" / "hostile-00010.html").read_text(encoding="utf-8"),
        "figures": (root / "site" / "figures.html").read_text(encoding="utf-8"),
        "failed": (shop / "shop" / "runs" / "shop-00032.html").read_text(encoding="utf-8"),
        "broken": (shop / "shop" / "runs" / "shop-00028.html").read_text(encoding="utf-8"),
        "passed": (shop / "shop" / "runs" / "shop-00031.html").read_text(encoding="utf-8"),
        "everything_hostile": run_page(everything("".join(ATTACKS))),
        "right_to_left": run_page(everything(HEBREW)),
        "wide": run_page(wide_run()),
        "empty": contracts_page([ContractRow("never")], {}),
        "nothing": contracts_page([], {}),
        "message": message_page("Nothing to show yet", KOREAN),
    }
    for day in (shop / "shop" / "days").iterdir():
        pages["day"] = day.read_text(encoding="utf-8")
    folder = root / "shown"
    folder.mkdir()
    for name, text in pages.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return folder


NAMES = ("list", "contract", "one_run", "hostile_contract", "hostile_run", "failed", "broken", "passed", "everything_hostile",
         "right_to_left", "wide", "empty", "nothing", "message", "day", "figures")  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=["--no-sandbox"])
        yield found
        found.close()


class Seen:
    """What a page did that it must not do."""

    def __init__(self, page: Page) -> None:
        self.wrong: list[str] = []
        page.on("dialog", lambda dialog: (self.wrong.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("console", lambda message: self.wrong.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("request", lambda request: self.wrong.append(request.url) if not request.url.startswith("file:") else None)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_quiet_fits_and_is_accessible(browser: Browser, site: Path, name: str, width: int, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(viewport={"width": width, "height": 860}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    seen = Seen(page)
    page.goto((site / f"{name}.html").as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(found => { found.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1"), "the page itself scrolls sideways"
    assert "49" not in page.inner_text("body") if name == "everything_hostile" else True
    found = Axe().run(page).response["violations"]
    context.close()
    assert seen.wrong == []
    serious = [(one["id"], one["nodes"][0]["html"][:200]) for one in found if one["impact"] in ("serious", "critical")]
    assert serious == []


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
