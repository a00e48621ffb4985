"""The app's pages in a real browser, served: nothing but its own scripts runs, nothing is fetched elsewhere, axe is content."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from datasync.history.store import History
from datasync.sync.project import open_project
from datasync.web.access import Anybody
from datasync.web.app import make_app
from datasync.web.asked import House
from datasync.web.serving import Listening, serve
from tests.reports.filled import Given, fill
from tests.reports.test_in_browser import ATTACKS, HEBREW, KOREAN
from tests.web.stage import make_project, run

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PAGES = ("", "contracts/shop", "runs/first", "runs/hostile-00010", "contracts/hostile", "incidents", "incidents/1",
         "incidents/1/snooze", "quarantine", "quarantine/first", "quarantine/first?whole=true", "running", "figures", "files", "files/shop.yaml",
         "contracts/shop/plan", "contracts/nobody", "contracts/wide")  # fmt: skip
ROWS = f'id,email,city,price\n1,"{ATTACKS[0]}",{KOREAN},5\n2,{HEBREW},{HEBREW},6\n3,a@b,Seoul,7\n'


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    root = tmp_path_factory.mktemp("app")
    run(make_project(root, rows=ROWS, more='alerts:\n  - {when: violated, to: ["#data"]}\n'), "first")
    wide = "".join(f"  column_{number:03}: {{type: int64}}\n" for number in range(500))
    (root / "contracts" / "wide.yaml").write_text(
        f"contract: wide\nversion: 1.0.0\nsource: {{type: csv, path: wide.csv}}\ncolumns:\n{wide}", encoding="utf-8"
    )
    project = open_project(root, {})
    history = History(project.history_url)
    fill(history, Given("hostile", HEBREW, ATTACKS[0], hostile="".join(ATTACKS)), range(12))
    stop, ready, found = threading.Event(), threading.Event(), []
    where = Listening("127.0.0.1", 0, stop, lambda url: (found.append(url), ready.set()))  # type: ignore[func-returns-value, arg-type, return-value]
    house = House(project, history, Anybody("tester"), values=True, edit=True, start=lambda request: "done")
    thread = threading.Thread(target=serve, args=(make_app(house), where))
    thread.start()
    assert ready.wait(30)
    yield found[0]
    stop.set()
    thread.join(10)
    history.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=["--no-sandbox"])
        yield found
        found.close()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_pages_are_quiet_fit_and_are_accessible(browser: Browser, address: str, width: int, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(viewport={"width": width, "height": 860}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    wrong: list[str] = []
    page.on("dialog", lambda dialog: (wrong.append(f"dialog {dialog.message}"), dialog.dismiss()))
    page.on(
        "console",
        lambda message: (
            wrong.append(message.text) if message.type in ("error", "warning") and "404" not in message.text else None
        ),
    )
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "request",
        lambda request: (
            wrong.append(request.url) if not request.url.startswith(address) and not request.url.startswith("data:") else None
        ),
    )
    for name in PAGES:
        page.goto(f"{address}/{name}")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1"), name
        found = Axe().run(page).response["violations"]
        wrong += [
            f"{name}: {one['id']} {one['nodes'][0]['html'][:150]}" for one in found if one["impact"] in ("serious", "critical")
        ]
    context.close()
    assert wrong == []


def test_the_linter_speaks_while_one_types(browser: Browser, address: str) -> None:
    page = browser.new_page()
    page.goto(f"{address}/files/shop.yaml")
    page.fill("textarea", page.input_value("textarea").replace("int64, key", "int65, key"))
    page.locator("#problems", has_text="int65").wait_for(timeout=15_000)
    page.close()


def test_an_incident_is_handled_by_a_click(browser: Browser, address: str) -> None:
    page = browser.new_page()
    page.goto(f"{address}/incidents")
    page.check("input[name=numbers] >> nth=0")
    page.click("text=Acknowledge")
    page.wait_for_url(f"{address}/incidents/**")
    assert "acknowledged" in page.inner_text("h1")
    page.close()
