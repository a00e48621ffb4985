"""A page in a browser in, what is wrong with it out: seen wide and narrow, light and dark."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from axe_playwright_python.sync_playwright import Axe

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

DESKTOP, PHONE = (1280, 860), (390, 844)
ALL, COLOURS, SIZES = (), ("color-contrast",), ("scrollable-region-focusable", "target-size", "meta-viewport")
LOOKS = (
    ("desktop", DESKTOP, "light", ALL), ("desktop", DESKTOP, "dark", COLOURS), ("phone", PHONE, "dark", SIZES),
    ("phone", PHONE, "light", None),
)  # fmt: skip
"""Device, its size, colours, and the rules of axe that are asked: all once, then those that the change may break."""
UNFOLD = "[...document.querySelectorAll('details')].slice(0, 200).forEach(found => { found.open = true })"
TRIM = """() => document.querySelectorAll('main *').forEach(
    one => [...one.children].slice(20).forEach(found => found.remove()))"""
"""Of whatever stands in a row the first twenty are enough for axe, which needs minutes for ten thousand cells."""
PICTURES = os.environ.get("DATASYNC_TEST_PICTURES", "")
"""A folder that takes a picture of every look, for people."""
TALLEST = 8000


class Looker:
    """Somebody who opens pages and notes what they must not do.

    Args:
        window: shared by all, each has a page of their own.
        inside: addresses that begin with this may be asked for, and no other.
    """

    def __init__(self, window: BrowserContext, inside: str) -> None:
        self.page = window.new_page()
        self._inside, self.wrong, self.status = inside, list[str](), 200
        self.page.on("dialog", lambda dialog: (self._note(f"dialog {dialog.message}"), dialog.dismiss()))
        self.page.on("console", lambda message: self._console(message.type, message.text))
        self.page.on("pageerror", lambda error: self._note(str(error)))
        self.page.on("request", lambda request: self._request(request.url))

    def look(self, address: str, name: str = "") -> None:
        """Open a page and look at it in each way.

        Args:
            address: of the page.
            name: of its pictures.
        """
        self._resize(DESKTOP, "light")
        answered = self.page.goto(address)
        self.status = answered.status if answered else 0
        # What is folded is looked at too.
        self.page.evaluate(UNFOLD)
        for device, size, scheme, _ in LOOKS:
            self._resize(size, scheme)
            if not self.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1"):
                self._note(f"{device}: the page itself scrolls sideways, {self._widest()}")
            self._picture(f"{name}-{device}-{scheme}" if name else "")
        self.page.evaluate(TRIM)
        self.page.evaluate(Axe().axe_script)
        for device, size, scheme, rules in LOOKS:
            self._resize(size, scheme)
            for found in self._axe(rules):
                if found["impact"] in ("serious", "critical"):
                    self._note(f"{device}, {scheme}: {found['id']} {found['nodes'][0]['html'][:200]}")

    def close(self) -> None:
        """Close the page."""
        self.page.close()

    def _axe(self, only: Sequence[str] | None) -> list[Any]:
        if only is None:
            return []
        runs = {"runOnly": list(only)} if only else {}
        found: list[Any] = self.page.evaluate("options => axe.run(options).then(found => found.violations)", {"resultTypes": ["violations"], **runs})  # fmt: skip
        return found

    def _resize(self, size: tuple[int, int], scheme: str) -> None:
        self.page.set_viewport_size({"width": size[0], "height": size[1]})
        self.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]

    def _widest(self) -> str:
        script = """() => [...document.querySelectorAll('body *')].filter(one => one.getBoundingClientRect().right > innerWidth + 1
            && !one.closest('.wide, pre')).slice(0, 3).map(one => one.outerHTML.slice(0, 120)).join(' | ')"""
        return str(self.page.evaluate(script))

    def _picture(self, name: str) -> None:
        if name and PICTURES:
            tall = min(self.page.evaluate("document.documentElement.scrollHeight"), TALLEST)
            clip = {"x": 0, "y": 0, "width": self.page.evaluate("innerWidth"), "height": tall}
            self.page.screenshot(path=str(Path(PICTURES) / f"{name}.png"), full_page=True, clip=clip)  # type: ignore[arg-type]

    def _console(self, kind: str, text: str) -> None:
        # A browser says of every page that is not there that it is not.
        if kind in ("error", "warning") and "Failed to load resource: the server responded with a status of" not in text:
            self._note(text)

    def _request(self, url: str) -> None:
        if not url.startswith((self._inside, "data:")):
            self._note(f"asks for {url}")

    def _note(self, words: str) -> None:
        self.wrong.append(words)
