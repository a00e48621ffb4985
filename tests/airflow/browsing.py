"""A running Airflow and a person's name in, a signed-in browser that keeps what went wrong out; and plain requests as that person."""

from __future__ import annotations

import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tools.local_airflow import LocalAirflow

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, FrameLocator, Page

PLUGIN = "/plugin/datasync-contracts"


@dataclass
class Person:
    """Somebody who looks at Airflow."""

    airflow: LocalAirflow
    page: Page
    wrong: list[str] = field(default_factory=list)

    def goto(self, path: str, heading: str = "") -> FrameLocator:
        """Open a page of Airflow and wait for the heading of what it frames."""
        self.page.goto(self.airflow.url + path)
        return self.framed(heading)

    def framed(self, heading: str = "") -> FrameLocator:
        """Give what is framed, once it has this heading."""
        frame = self.page.frame_locator("iframe")
        found = frame.locator("h1", has_text=heading) if heading else frame.locator("h1")
        found.first.wait_for(timeout=60_000)
        return frame


@contextmanager
def signed_in(airflow: LocalAirflow, user: str, **context: Any) -> Iterator[Person]:
    """Sign somebody in; errors that a page says afterwards and requests to other places are kept."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(**{"viewport": {"width": 1440, "height": 900}, **context})
        page.goto(airflow.url)
        page.fill("input[name=username]", user)
        page.fill("input[name=password]", user)
        page.click("button[type=submit]")
        # The home page, which is not what these tests look at.
        page.get_by_text("Browse").first.wait_for(timeout=60_000)
        found = Person(airflow, page)
        page.on(
            "console",
            lambda said: found.wrong.append(said.text) if said.type == "error" and not _its_own(airflow, said) else None,
        )
        page.on("pageerror", lambda error: found.wrong.append(str(error)))
        page.on("request", lambda asked: None if _ours(airflow, asked.url) else found.wrong.append(asked.url))
        try:
            yield found
        finally:
            browser.close()


def _its_own(airflow: LocalAirflow, said: ConsoleMessage) -> bool:
    """Tell whether Airflow's own pages were refused something: home asks for what some may not see, and is answered whenever."""
    return said.location["url"].startswith((f"{airflow.url}/ui/", f"{airflow.url}/api/"))


def _ours(airflow: LocalAirflow, url: str) -> bool:
    return url.startswith((airflow.url, "data:", "blob:", "about:"))


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Follow nothing."""


def ask(airflow: LocalAirflow, path: str, user: str = "", fields: Any = None, **headers: str) -> tuple[int, str]:
    """Ask for a page as somebody, or as nobody; give status and text, of a redirection the address."""
    given = {**headers, **({"Authorization": f"Bearer {airflow.token(user)}"} if user else {})}
    data = None if fields is None else urllib.parse.urlencode(fields, doseq=True).encode()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay)
    try:
        with opener.open(urllib.request.Request(airflow.url + path, data=data, headers=given), timeout=60) as answer:
            return int(answer.status), answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("location") or error.read().decode()
