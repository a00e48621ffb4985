"""A template's name, its values and who asks in, a page out: the reports' templates, with a menu and forms around them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from datasync.reports.html.render import FILTER_SCRIPT, environment, script_hash
from datasync.web.access import Person

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"
SCRIPT = (TEMPLATES / "app.js").read_text(encoding="utf-8")
"""The app's script: it asks the server again for parts of a page. It is constant; every page works without it."""
POLICY = (
    f"default-src 'none'; script-src '{script_hash(FILTER_SCRIPT)}' '{script_hash(SCRIPT)}'; style-src 'unsafe-inline'; "
    "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'self'"
)
"""Two scripts that never change, known by their hashes; nothing from outside; forms go to this server alone."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the app's pages are.

    Attributes:
        root: path that the app is mounted at, without a slash at its end.
    """

    root: str = ""

    def to(self, *parts: str, **query: str) -> str:
        """Give the address of a page; each part is one step of the path, whatever it holds."""
        path = "/".join(quote(part, safe="") for part in parts)
        asked = "&".join(f"{quote(name)}={quote(value, safe='')}" for name, value in query.items())
        return f"{self.root}/{path}" + (f"?{asked}" if asked else "")

    def run(self, run_id: str) -> str:
        """Give the page of a run."""
        return self.to("runs", run_id)


@dataclass(frozen=True, slots=True)
class Frame:
    """What every page shows around itself.

    Attributes:
        person: who looks.
        at: where pages are.
        here: the word of the menu that is looked at.
        mark: what forms carry; empty where nothing may be changed.
        signs_out: people signed in with a token, and can leave.
        menu: words to address.
    """

    person: Person
    at: Addresses
    mark: str
    signs_out: bool
    menu: Mapping[str, str]
    here: str = ""
    policy: str = POLICY
    script: str = SCRIPT


def show(template: str, frame: Frame | None, **values: Any) -> str:
    """Fill a template of the app; everything but markup made by templates is escaped."""
    return _environment().get_template(template).render(app=frame, policy=POLICY, script=SCRIPT, **values)


def read_templates() -> None:
    """Read all pages' templates ahead, so that the first page shown need not wait for them (0.15 s)."""
    for file in TEMPLATES.glob("*.j2"):
        _environment().get_template(file.name)
    for name in environment().list_templates(["j2"]):
        _environment().get_template(name)


@cache
def _environment() -> Environment:
    from jinja2 import ChoiceLoader, FileSystemLoader

    ours = environment()
    assert ours.loader is not None
    return ours.overlay(loader=ChoiceLoader([FileSystemLoader(TEMPLATES), ours.loader]))
