"""What all tests in a browser share: one browser, projects with 0, 1 and 3,000 runs, their sites, and apps that serve them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from datasync.history import views
from datasync.history.store import History
from datasync.sync.project import open_project
from datasync.sync.site import build_site
from datasync.sync.site_state import SiteState
from datasync.web.access import Anybody, access_from
from datasync.web.app import make_app
from datasync.web.asked import House
from datasync.web.serving import Listening, serve
from tests.browser.looking import DESKTOP, Looker
from tests.browser.seeded import MANY, fill_project

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

SIZES = {"none": 0, "one": 1, "many": MANY}
TOKEN = "a token of sixteen letters"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="session")
def window(browser: Browser) -> Iterator[BrowserContext]:
    """A window for all pages that are looked at: to open one takes as long as to look at most pages."""
    made = browser.new_context(viewport={"width": DESKTOP[0], "height": DESKTOP[1]})
    # It closes with its last page.
    made.new_page()
    yield made
    made.close()


@pytest.fixture
def looker(window: BrowserContext) -> Iterator[Callable[[str], Looker]]:
    """Gives somebody who looks at pages below an address; what they saw that is wrong fails the test."""
    lookers: list[Looker] = []

    def made(inside: str) -> Looker:
        lookers.append(Looker(window, inside))
        return lookers[-1]

    yield made
    for one in lookers:
        one.close()
    # Nobody is signed in when the next one looks.
    window.clear_cookies()
    assert [words for one in lookers for words in one.wrong] == []


@pytest.fixture(scope="session")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Projects by how many runs they have."""
    root = tmp_path_factory.mktemp("projects")
    for name, runs in SIZES.items():
        (root / name).mkdir()
        fill_project(root / name, runs)
    return {name: root / name for name in SIZES}


@pytest.fixture(scope="session")
def sites(projects: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Their sites. Of the 3,000 runs all but the last ones are noted as built long ago: only their pages are missing.

    The last ones reach back 32 hours, thus into yesterday at any time of the day.
    """
    found = {}
    for name, root in projects.items():
        project, folder = open_project(root, {}), tmp_path_factory.mktemp(f"site-{name}")
        history = History(project.history_url)
        state = SiteState()
        state.note([row for row in views.finished_since(history, None) if row.contract == "busy"][:-80])
        history.close()
        state.write(folder)
        build_site(project, folder, data_docs=name == "one")
        found[name] = folder
    return found


@contextmanager
def _served(root: Path, name: str) -> Iterator[str]:
    project = open_project(root, {})
    history = History(project.history_url)
    stop, ready, found = threading.Event(), threading.Event(), list[str]()

    def told(url: str) -> None:
        found.append(url)
        ready.set()

    access = access_from({"DATASYNC_UI_TOKENS": f"ada:{TOKEN}"}, "127.0.0.1", "me") if name == "login" else Anybody("tester")
    house = House(project, history, access, values=True, edit=True, start=lambda request: "done")
    house = replace(house, read_only=True, values=False, edit=False, start=None) if name == "read_only" else house
    thread = threading.Thread(target=serve, args=(make_app(house), Listening("127.0.0.1", 0, stop, told)))
    thread.start()
    try:
        assert ready.wait(30)
        yield found[0]
    finally:
        stop.set()
        thread.join(10)
        history.close()


@pytest.fixture(scope="session")
def apps(projects: dict[str, Path]) -> Iterator[dict[str, str]]:
    """Addresses of apps: over each project, one that only shows, and one that asks for a token."""
    with ExitStack() as stack:
        served = {**projects, "read_only": projects["many"], "login": projects["one"]}
        yield {name: stack.enter_context(_served(root, name)) for name, root in served.items()}
