"""Every page in a browser: wide and narrow, light and dark, with 0, 1 and 3,000 runs, hostile and huge; nothing runs that must not,
nothing is fetched from elsewhere, nothing scrolls sideways, axe is content."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from datasync.reports.html import ContractRow, contracts_page, message_page, run_page
from tests.browser.conftest import TOKEN
from tests.browser.looking import Looker
from tests.browser.seeded import ATTACKS, HEBREW, KOREAN
from tests.browser.test_reports import wide_run
from tests.reports.test_html import everything

Looking = Callable[[str], Looker]
YESTERDAY = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"
APP = {
    "none": ("", "incidents", "quarantine", "running", "figures", "files"),
    "one": ("", "contracts/shop", "runs/first", "incidents", "quarantine", "figures"),
    "many": (
        "", "?page=2", "?owner=team+1&status=failed", "?text=nothing+like+that", "contracts/busy", f"contracts/busy/days/{YESTERDAY}",
        "contracts/strange", "contracts/wide", "contracts/hostile", "contracts/shop", "contracts/nobody", "runs/first", "runs/strange-run",
        "runs/wide-run", "runs/hostile-00010", "runs/busy-02992", "runs/none", "incidents", "incidents/1",
        "incidents/2/snooze", "incidents/999", "quarantine", "quarantine/first", "quarantine/strange-run?whole=true", "quarantine/wide-run",
        "quarantine/wide-run?whole=true", "running", "figures", "files", "files/strange.yaml", "files/nothing.yaml", "contracts/shop/plan",
        "contracts/wide/plan", "nowhere",
    ),
    "read_only": ("", "contracts/shop", "runs/first", "incidents/1", "quarantine/first", "quarantine/first?whole=true", "files/shop.yaml"),
    "login": ("", "login"),
}  # fmt: skip
SITE = {
    "none": ("index.html",),
    "one": ("index.html", "contracts/shop/index.html", "contracts/shop/runs/first.html", "figures.html"),
    "many": (
        "index.html", "figures.html", "contracts/busy/index.html", f"contracts/busy/days/{YESTERDAY}.html", "contracts/strange/index.html",
        "contracts/strange/runs/strange-run.html", "contracts/wide/index.html", "contracts/wide/runs/wide-run.html",
        "contracts/hostile/index.html", "contracts/hostile/runs/hostile-00010.html", "contracts/busy/runs/busy-02992.html",
    ),
}  # fmt: skip
ALONE = {
    "everything_hostile": lambda: run_page(everything("".join(ATTACKS))),
    "right_to_left": lambda: run_page(everything(HEBREW)),
    "korean": lambda: run_page(everything(KOREAN * 4)),
    "wide": lambda: run_page(wide_run()),
    "never": lambda: contracts_page([ContractRow("never")], {}),
    "nothing": lambda: contracts_page([], {}),
    "message": lambda: message_page("Nothing to show yet", KOREAN),
}


@pytest.mark.parametrize(("app", "name"), [(app, name) for app, names in APP.items() for name in names])
def test_a_page_of_the_app(looker: Looking, apps: dict[str, str], app: str, name: str) -> None:
    look = looker(apps[app])
    look.look(f"{apps[app]}/{name}", f"app-{app}-{name.replace('/', '_') or 'list'}")
    missing = name in ("contracts/nobody", "runs/none", "incidents/999", "files/nothing.yaml", "nowhere")
    assert look.status == (404 if missing else 403 if app == "read_only" and "whole" in name else 200)


def test_the_app_after_signing_in(looker: Looking, apps: dict[str, str]) -> None:
    look = looker(apps["login"])
    look.page.goto(f"{apps['login']}/incidents")
    look.page.fill("input[name=token]", "a wrong one of sixteen letters")
    look.page.click("button")
    look.look(look.page.url, "app-login-wrong")
    look.page.goto(f"{apps['login']}/incidents")
    look.page.fill("input[name=token]", TOKEN)
    look.page.click("button")
    assert look.page.inner_text("h1") == "Incidents"
    look.look(f"{apps['login']}/contracts/shop", "app-login-shop")


@pytest.mark.parametrize(("site", "name"), [(site, name) for site, names in SITE.items() for name in names])
def test_a_page_of_the_site(looker: Looking, sites: dict[str, Path], site: str, name: str) -> None:
    looker("file:").look((sites[site] / name).as_uri(), f"site-{site}-{name.replace('/', '_').removesuffix('.html')}")


@pytest.mark.parametrize("name", ALONE)
def test_a_page_alone(looker: Looking, tmp_path: Path, name: str) -> None:
    file = tmp_path / f"{name}.html"
    file.write_text(ALONE[name](), encoding="utf-8")
    look = looker("file:")
    look.look(file.as_uri(), f"alone-{name}")
    assert name != "everything_hostile" or "49" not in look.page.inner_text("body")


def test_every_link_of_the_site_leads_somewhere(looker: Looking, sites: dict[str, Path]) -> None:
    """Also the one to Great Expectations' own pages; those are foreign, and not looked at."""
    look = looker("file:")
    for page in ("index.html", "contracts/shop/index.html", "contracts/shop/runs/first.html"):
        look.page.goto((sites["one"] / page).as_uri())
        links = look.page.evaluate("[...document.querySelectorAll('a[href]')].map(one => one.href.split('#')[0])")
        assert links
        assert [link for link in links if not Path(link.removeprefix("file://")).is_file()] == []
    look.page.goto((sites["one"] / "index.html").as_uri())
    assert look.page.locator("a", has_text="Great Expectations Data Docs").count() == 1
