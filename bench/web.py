"""How fast the web app's list answers, what a run costs the static site, and how fast a run's page is made, from long histories."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.request import urlopen

CHECKS = 100
"""Of every run."""


def run(rows: int | None, times: int, peers: bool = False) -> None:
    """Measure with this many runs (3,000) in SQLite, each with 100 checks.

    Args:
        rows: runs.
        times: requests and builds of each kind; medians are shown.
        peers: nothing else is measured.
    """
    number = rows or 3_000
    print(f"\nweb and site, {number:,} runs of {CHECKS} checks in SQLite")
    with tempfile.TemporaryDirectory() as name:
        for contracts in (1, 100):
            folder = Path(name) / str(contracts)
            _filled(folder, contracts, range(number // contracts))
            first, later, size = _asked(folder, times)
            _said(f"web app's list, {contracts} contracts: first request", first)
            _said(f"… the requests after it ({size // 1024} kB)", statistics.median(later))
    with tempfile.TemporaryDirectory() as name:
        _site(Path(name), number, max(times, 3))
    with tempfile.TemporaryDirectory() as name:
        _filled(Path(name), 1, range(22), 298)
        taken = [_page(Path(name)) for _ in range(max(times, 3))]
        _said("a run's page, 300 checks with trends of 20 runs: the first", taken[0])
        _said("… and the next", statistics.median(taken[1:]))


def _filled(folder: Path, contracts: int, runs: range, checks: int = CHECKS) -> None:
    from datasync.history.store import History
    from datasync.sync.project import open_project
    from tests.reports.filled import Given, fill

    folder.mkdir(exist_ok=True)
    (folder / "datasync.toml").touch()
    history = History(open_project(folder, {}).history_url)
    for one in range(contracts):
        fill(history, Given(f"contract_{one}", checks=checks), runs)
    history.close()


def _asked(folder: Path, times: int) -> tuple[float, Sequence[float], int]:
    """Start `datasync ui`, and ask for its list: seconds of the first answer, of the others, and bytes."""
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    command = [sys.executable, "-m", "datasync.cli.app", "ui", "--port", "0"]
    process = subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        address = process.stdout.readline().split()[-1]
        taken, size = [], 0
        for _ in range(1 + max(times, 5)):
            began = time.monotonic()
            with urlopen(address) as answer:
                size = len(answer.read())
            taken.append(time.monotonic() - began)
        return taken[0], taken[1:], size
    finally:
        process.terminate()
        process.wait(30)


def _site(folder: Path, number: int, times: int) -> None:
    """Build a site whenever a run was added: at the 30th run, and at the last."""
    from datasync.sync.project import open_project
    from datasync.sync.site import build_site

    at = 0
    for goal in (30, number):
        _filled(folder, 1, range(at, goal))
        build_site(open_project(folder, {}), folder / "site")
        taken = []
        for extra in range(goal, goal + times):
            _filled(folder, 1, range(extra, extra + 1))
            began = time.monotonic()
            built = build_site(open_project(folder, {}), folder / "site")
            taken.append(time.monotonic() - began)
        at = goal + times
        _said(f"site: a build for one run more after {goal:,} ({built.files} files)", statistics.median(taken))


def _page(folder: Path) -> float:
    """Make the page of a run that failed, from history, as `datasync report` does."""
    from datasync.history.store import History
    from datasync.sync.project import open_project
    from datasync.sync.reported import report_html

    project = open_project(folder, {})
    history = History(project.history_url)
    result = history.result("contract_0-00021")
    history.close()
    assert result is not None
    began = time.monotonic()
    report_html(project, result)
    return time.monotonic() - began


def _said(what: str, seconds: float) -> None:
    print(f"  {what:<58} {1000 * seconds:8.0f} ms", flush=True)
