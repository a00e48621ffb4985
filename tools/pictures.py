"""Orders, broken in the same way for three tools, in; pictures of their pages out, and of a site and the web app.

Usage: python tools/pictures.py [FOLDER]; writes PNGs to docs/pictures unless told where. Great Expectations and pointblank get an
environment of their own (bench/.peers). What Great Expectations' page asks other servers for is answered from npm's packages of the
same versions, so that it looks as it does online. Needs Chromium, node and npm.
"""

from __future__ import annotations

import mimetypes
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.environments import FOLDER, program  # noqa: E402

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

ORDERS = ROOT / "data" / "superstore" / "orders.csv"
SIZES = {"": (1280, 860), "-phone": (390, 844)}
CONTRACTS = {
    "payments": ("finance", "daily", 33), "orders": ("retail", "shop", 41), "customers": ("retail", "shop", 27),
    "shipments": ("logistics", "shop", 36), "returns": ("retail", "shop", 31), "prices": ("pricing", "daily", 22),
    "inventory": ("logistics", "shop", 45), "campaigns": ("marketing", "daily", 21), "refunds": ("finance", "daily", 18),
}  # fmt: skip
"""Made-up contract -> owner, tag, number of runs: every seventh warns, every eleventh fails."""
PACKAGES = (
    "bootstrap@4.3.1", "bootstrap-table@1.19.1", "bootstrap-datepicker@1.9.0", "@fortawesome/fontawesome-free@6.6.0",
    "@forevolve/bootstrap-dark@1.1.0", "popper.js@1.12.9", "jquery@3.7.1", "vega@5", "vega-lite@5", "vega-embed@6",
)  # fmt: skip
SERVED = (
    (r"/bootstrap/4\.3\.1/(.+)", "bootstrap/dist/{}"),
    (r"/bootstrap-table@[^/]+/(.+)", "bootstrap-table/{}"),
    (r"bootstrap-datepicker/1\.9\.0/(.+)", "bootstrap-datepicker/dist/{}"),
    (r"font-awesome/6\.6\.0/(.+)", "@fortawesome/fontawesome-free/{}"),
    (r"npm/@forevolve/bootstrap-dark@1\.1\.0/(.+)", "@forevolve/bootstrap-dark/{}"),
    (r"popper\.js/1\.12\.9/(.+)", "popper.js/dist/{}"),
    (r"/jquery-3\.7\.1\.min\.js", "jquery/dist/jquery.min.js"),
    (r"npm/vega@5$", "vega/build/vega.min.js"),
    (r"npm/vega-lite@5$", "vega-lite/build/vega-lite.min.js"),
    (r"npm/vega-embed@6$", "vega-embed/build/vega-embed.min.js"),
)
"""What an address matches -> the file of a package that is served for it."""


@dataclass(frozen=True)
class Shot:
    """A page's address, the name of its picture and the size of its window."""

    page: str
    name: str
    size: tuple[int, int]


def main() -> int:
    """Make the pages, then the pictures."""
    pictures = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="datasync-pictures-") as name:
        folder = Path(name)
        pages = {
            "run-report": _datasync(folder),
            "beside-pointblank": _peer("pointblank", folder / "pointblank.html"),
            "beside-gx": _great_expectations(folder),
        }
        shots = [
            Shot(page.as_uri(), f"{name}{suffix}", size)
            for name, page in pages.items()
            if page is not None
            for suffix, size in SIZES.items()
        ]
        with _app(folder / "app") as address:
            incidents = Shot(f"{address}/incidents", "ui-incidents", (1200, 440))
            _photograph([*shots, *_site(folder / "site"), incidents], pictures)
    return 0


def _datasync(folder: Path) -> Path:
    """Run the example twice, so that there is a run before; give the page of the second."""
    project = folder / "datasync"
    (project / "contracts").mkdir(parents=True)
    (project / "datasync.toml").touch()
    shutil.copytree(ORDERS.parent, project / "data" / "superstore")
    shutil.copy(ROOT / "contracts" / "orders.yaml", project / "contracts")
    command = [sys.executable, "-m", "datasync.cli.app"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    for _ in range(2):
        subprocess.run([*command, "run", "contracts/orders.yaml"], cwd=project, env=env, check=False, capture_output=True)
    page = folder / "datasync.html"
    subprocess.run([*command, "report", "--format", "html", "--output", str(page)], cwd=project, env=env, check=True)
    return page


def _great_expectations(folder: Path) -> Path | None:
    """Build Data Docs, and give the page of the validation."""
    node = FOLDER / "node"
    if not (node / "node_modules").is_dir():
        node.mkdir(parents=True, exist_ok=True)
        quiet = ("--no-package-lock", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--legacy-peer-deps")
        subprocess.run(
            [shutil.which("npm") or "npm", "install", "--prefix", str(node), *quiet, "--loglevel=error", *PACKAGES], check=True
        )
    made = _peer("great_expectations", folder / "gx")
    return next(iter((folder / "gx" / "validations").rglob("*.html")), None) if made else None


def _peer(name: str, page: Path) -> Path | None:
    python = program(name)
    if python is None:
        return None
    script = ROOT / "bench" / "peers" / f"page_{name}.py"
    subprocess.run([python, str(script), str(ORDERS), str(page)], check=True, env={**os.environ, "GX_ANALYTICS_ENABLED": "false"})
    return page


def _site(folder: Path) -> Iterator[Shot]:
    """Build a site of made-up contracts that ran every hour."""
    from datasync.history.store import History
    from datasync.sync.project import open_project
    from datasync.sync.site import build_site
    from tests.reports.filled import Given, fill

    folder.mkdir()
    (folder / "datasync.toml").touch()
    project = open_project(folder, {})
    history = History(project.history_url)
    for name, (owner, tag, runs) in CONTRACTS.items():
        start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=runs)
        fill(history, Given(name, owner, tag), range(runs), timedelta(hours=1), start)
    history.close()
    build_site(project, folder / "built")
    yield Shot((folder / "built" / "index.html").as_uri(), "site", (1200, 620))
    yield Shot((folder / "built" / "contracts" / "payments" / "index.html").as_uri(), "contract-page", (1200, 900))


@contextmanager
def _app(folder: Path) -> Iterator[str]:
    """Run the example contracts, see to one of their incidents, and give the address of the web app that shows them."""
    shutil.copytree(ROOT / "data", folder / "data")
    shutil.copytree(ROOT / "contracts", folder / "contracts", ignore=shutil.ignore_patterns("examples"))
    (folder / "datasync.toml").touch()
    command = [sys.executable, "-m", "datasync.cli.app"]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "LOGNAME": "grace"}
    contracts = [f"contracts/{name}.yaml" for name in ("airports", "planes", "flights", "weather", "orders")]
    subprocess.run([*command, "run", *contracts], cwd=folder, env=env, check=False, capture_output=True)
    subprocess.run(
        [*command, "incidents", "ack", "1", "--by", "ada", "--comment", "the owner is asked"], cwd=folder, env=env, check=True
    )
    serving = subprocess.Popen([*command, "ui", "--port", "0"], cwd=folder, env=env, stdout=subprocess.PIPE, text=True)
    assert serving.stdout is not None
    try:
        found = re.search(r"http://\S+", serving.stdout.readline())
        assert found, "the web app did not start"
        yield found[0].rstrip("/")
    finally:
        serving.terminate()
        serving.wait(timeout=30)


def _photograph(shots: Iterable[Shot], pictures: Path) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=["--no-sandbox"]
        )
        for shot in shots:
            page = browser.new_page(viewport={"width": shot.size[0], "height": shot.size[1]})
            page.route("**/*", _answer)
            page.goto(shot.page)
            # Foreign pages lay themselves out by script.
            page.wait_for_timeout(1500)
            target = pictures / f"{shot.name}.png"
            page.screenshot(path=str(target))
            print(f"{target.name}: {target.stat().st_size // 1024} kB; {_asked(page)}")
            page.close()
        browser.close()


def _asked(page: Page) -> str:
    script = "() => performance.getEntriesByType('resource').filter(one => one.name.startsWith('http')).length"
    sideways = page.evaluate("document.documentElement.scrollWidth > innerWidth + 1")
    return f"{page.evaluate(script)} addresses of other servers{', scrolls sideways' if sideways else ''}"


def _answer(route: Route) -> None:
    """Give what a package of npm has for an address; nothing leaves this machine."""
    url = route.request.url
    if url.startswith(("file:", "data:", "http://127.0.0.1:")):
        route.continue_()
        return
    for pattern, place in SERVED:
        found = re.search(pattern, url.partition("?")[0])
        if found:
            file = FOLDER / "node" / "node_modules" / place.format(*found.groups())
            if file.is_file():
                route.fulfill(body=file.read_bytes(), content_type=mimetypes.guess_type(file.name)[0] or "text/plain")
                return
    route.abort()


if __name__ == "__main__":
    sys.exit(main())
