"""The static site: what a build writes, that it costs the same however many runs there are, and that its links lead somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from datasync.errors import StorageError
from datasync.history import views
from datasync.history.store import History
from datasync.sync.project import Project, open_project
from datasync.sync.site import Built, build_site, page_name
from datasync.sync.site_state import FILE, SiteState
from tests.reports.filled import START, Given, fill, run


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "datasync.toml").touch()
    return open_project(tmp_path, {})


@pytest.fixture
def history(project: Project) -> Iterator[History]:
    found = History(project.history_url)
    yield found
    found.close()


def cost(project: Project, site: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Built, int, int]:
    """Build, and give what it did with the rows it read and the questions it asked."""
    rows = [0, 0]
    ask = History._rows

    def counted(self: History, query: Any) -> list[Any]:
        found = ask(self, query)
        rows[0] += len(found)
        rows[1] += 1
        return found

    with monkeypatch.context() as patched:
        patched.setattr(History, "_rows", counted)
        built = build_site(project, site)
    return built, rows[0], rows[1]


def copied(history: History, times: int) -> None:
    """Multiply what is recorded, into the past: thousands of runs without the time it takes to record them."""
    with history._engine.begin() as connection:
        for number in range(1, times + 1):
            for table, dates in (("runs", ("started_at", "finished_at")), ("checks", ())):
                names = [row[1] for row in connection.execute(text(f"PRAGMA table_info({table})"))]
                values = [f"run_id || '-{number}'" if name == "run_id" else f"strftime('%Y-%m-%d %H:%M:%f000', {name}, '-{number} days')" if name in dates else f'"{name}"' for name in names]  # fmt: skip
                quoted = ", ".join(f'"{name}"' for name in names)
                connection.execute(
                    text(
                        f"INSERT INTO {table} ({quoted}) SELECT {', '.join(values)} FROM {table} WHERE instr(run_id, '_') = 0 AND length(run_id) = 10"
                    )
                )


def test_the_three_thousandth_run_costs_what_the_thirtieth_did(
    project: Project, history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, given = tmp_path / "site", Given(checks=3)
    fill(history, given, range(96))
    build_site(project, site)
    fill(history, given, range(96, 97))
    early = cost(project, site, monkeypatch)
    copied(history, 31)
    assert history.ask(views.select(views.func.count()).select_from(views.tables.runs))[0][0] > 3000
    # As if their pages had been built all along.
    state = SiteState.read(site)
    state.note([row for row in views.finished_since(history, None) if row.run_id.count("-") > 1])
    state.write(site)
    fill(history, given, range(97, 98))
    late = cost(project, site, monkeypatch)
    assert (late[0].runs, late[0].files) == (early[0].runs, early[0].files) == (1, 5)
    # The page of the day lists one run more, so do the runs of the last moments, and the figures of 30 days have 30 rows.
    assert late[1] - early[1] <= 40
    assert late[2] == early[2]


def test_nothing_new_writes_only_the_list(project: Project, history: History, tmp_path: Path) -> None:
    fill(history, Given(), range(5))
    assert build_site(project, tmp_path / "site").runs == 5
    assert build_site(project, tmp_path / "site") == Built(0, 1)


def test_every_link_leads_somewhere(project: Project, history: History, tmp_path: Path) -> None:
    site = tmp_path / "site"
    for name in ("shop", "other"):
        fill(history, Given(name), range(22), timedelta(hours=3))
    build_site(project, site)
    pages = sorted(site.rglob("*.html"))
    assert len(pages) == 2 + 2 * (1 + 22 + 3)
    for page in pages:
        content = page.read_text(encoding="utf-8")
        for href in re.findall(r'href="([^"#]+)(?:#[^"]*)?"', content):
            assert (page.parent / href).resolve().is_file(), (page, href)
        assert not re.search(r"https?://|//[a-z]", content.replace("http://www.w3.org/2000/svg", "")), page


def test_a_run_that_is_recorded_again_is_written_again(project: Project, history: History, tmp_path: Path) -> None:
    given = Given()
    made = fill(history, given, range(3))
    build_site(project, tmp_path / "site")
    fill(history, given, range(2, 3))
    assert build_site(project, tmp_path / "site").runs == 1
    page = tmp_path / "site" / "contracts" / "shop" / "runs" / f"{made[2]}.html"
    assert "Passed: " in page.read_text(encoding="utf-8")


def test_a_change_outside_of_runs_reaches_the_contract_page(project: Project, history: History, tmp_path: Path) -> None:
    fill(history, Given(), range(12))
    build_site(project, tmp_path / "site")
    history.close_batches(history.quarantine_batches(contract="shop"), "superseded")
    assert build_site(project, tmp_path / "site") == Built(0, 2)
    assert "superseded" in (tmp_path / "site" / "contracts" / "shop" / "index.html").read_text(encoding="utf-8")


def test_no_run_yet(project: Project, tmp_path: Path) -> None:
    assert build_site(project, tmp_path / "site") == Built(0, 1)
    assert "No run yet" in (tmp_path / "site" / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("content", ["{", '{"form": 1}', '{"form": 1, "since": "x", "recent": {}, "days": {}, "seen": {}}'])
def test_a_damaged_state_is_said(project: Project, tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content, encoding="utf-8")
    with pytest.raises(StorageError):
        build_site(project, tmp_path)


def test_the_state_of_another_form_builds_anew(project: Project, history: History, tmp_path: Path) -> None:
    fill(history, Given(), range(2))
    (tmp_path / FILE).write_text('{"form": 0}', encoding="utf-8")
    assert build_site(project, tmp_path).runs == 2


def test_an_id_that_is_no_file_name_is_hashed() -> None:
    assert page_name("20261127T073919-0509b4fc") == "20261127T073919-0509b4fc.html"
    for bad in ("../x", "a/b", "", ".", "x" * 200, "한"):
        assert re.fullmatch(r"[0-9a-f]{64}\.html", page_name(bad))


def test_figures_add_up(history: History) -> None:
    fill(history, Given(), range(30))
    (found,) = views.figures(history)
    results = [run(Given(), number, history.list_runs("shop", None, 1)[0].started_at) for number in range(30)]
    assert (found.runs, found.published) == (30, sum(result.ok for result in results))
    assert found.extracted == sum(result.rows.extracted for result in results)
    assert found.rows_per_second == pytest.approx(found.extracted / sum(result.seconds for result in results))
    assert found.score is not None
    assert 90 < found.score < 100


def test_history_in_postgres_makes_the_same_site(postgres_database: str, tmp_path: Path) -> None:
    (tmp_path / "datasync.toml").touch()
    url = postgres_database.replace("postgresql://", "postgresql+psycopg://")
    project = open_project(tmp_path, {"DATASYNC_HISTORY_URL": url})
    history = History(url)
    fill(history, Given(), range(30))
    assert [day.runs for day in views.daily(history, START)] == [30]
    assert views.figures(history)[0].runs == 30
    assert [build_site(project, tmp_path / "site").runs for _ in range(2)] == [30, 0]
    fill(history, Given(), range(30, 31))
    assert build_site(project, tmp_path / "site").runs == 1
    assert [path.name for path in (tmp_path / "site" / "contracts" / "shop" / "days").iterdir()] == ["2026-11-01.html"]
    history.close()
