"""What people do in the app with a browser: what its small script adds, and that a click does what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def test_the_linter_speaks_while_one_types(browser: Browser, apps: dict[str, str]) -> None:
    page = browser.new_page()
    page.goto(f"{apps['one']}/files/shop.yaml")
    page.fill("textarea", page.input_value("textarea").replace("int64, key", "int65, key"))
    page.locator("#problems", has_text="int65").wait_for(timeout=15_000)
    page.close()


def test_an_incident_is_handled_by_a_click(browser: Browser, apps: dict[str, str]) -> None:
    page = browser.new_page()
    page.goto(f"{apps['one']}/incidents")
    page.check("input[name=numbers] >> nth=0")
    page.click("text=Acknowledge")
    page.wait_for_url(f"{apps['one']}/incidents/**")
    assert "acknowledged" in page.inner_text("h1")
    page.close()
