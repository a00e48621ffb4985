"""Figures of contracts and owners: defined once, the same in the terminal, as JSON and on the site."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from datasync.cli.app import invoke
from datasync.history import views
from datasync.history.store import History
from datasync.history.views import DayFigures, Figures
from datasync.reports.html import figures_page
from datasync.reports.kpi import by_owner, days_by_owner, document, resolving
from datasync.reports.owners import owners_of
from datasync.results.model import CheckResult, ErrorResult, RunResult
from datasync.results.quality import figure, quality
from datasync.sync.project import open_project
from tests.reports.filled import START, Given, fill

NOW = datetime(2026, 11, 27, tzinfo=UTC)


def check(status: str, severity: str = "error") -> CheckResult:
    return CheckResult("c", "min", None, "prepared", severity, status)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("checks", "score"),
    [
        ([check("passed")] * 3, 100.0),
        ([check("passed"), check("failed")], 50.0),
        ([check("passed"), check("failed", "warn")], 75.0),
        ([check("warned"), check("warned", "warn")], 50.0),
        ([check("passed"), check("error")], 50.0),
        ([check("passed"), check("skipped")], 100.0),
        ([check("skipped")], None),
        ([], None),
    ],
)
def test_quality_is_the_weighted_share_of_promises_kept(checks: list[CheckResult], score: float | None) -> None:
    assert quality(RunResult("c", "1", "r", "passed", NOW, checks=tuple(checks))) == score


def test_a_broken_run_says_nothing_of_quality() -> None:
    assert (
        quality(RunResult("c", "1", "r", "error", NOW, checks=(check("passed"),), error=ErrorResult("E", "extract", ""))) is None
    )


@pytest.mark.parametrize(
    ("seen", "number"), [(3, 3.0), (0.5, 0.5), (True, None), ("3 rows", None), (None, None), ({"missing": []}, None)]
)
def test_only_numbers_are_drawn(seen: object, number: float | None) -> None:
    assert figure(seen) == number


A = Figures("a", "x", 10, 9, 1000, 10.0, 90.0, NOW, 60.0)
B = Figures("b", "x", 1, 1, 10, 10.0, 70.0, None)
C = Figures("c", "", 0, 0, 0, 0.0, None, None)


def test_owners_add_up() -> None:
    nobody, x = by_owner([A, B, C])
    assert (x.contract, x.runs, x.published, x.score, x.resolving, x.last_published) == ("x", 11, 10, 80.0, 60.0, NOW)
    assert x.rows_per_second == pytest.approx(50.5)
    assert (nobody.contract, nobody.success, nobody.rows_per_second) == ("nobody", None, None)
    assert document(C)["success_rate"] is None
    days = [
        DayFigures("a", "2026-11-26", 2, 90.0),
        DayFigures("b", "2026-11-26", 1, 70.0),
        DayFigures("c", "2026-11-27", 1, None),
    ]
    assert days_by_owner(days, {"a": "x", "b": "x"}) == [
        DayFigures("x", "2026-11-26", 3, 80.0),
        DayFigures("nobody", "2026-11-27", 1, None),
    ]
    assert "By owner" in figures_page([A, B, C], days, {"a": "a.html"}, "index.html")


@pytest.mark.parametrize(
    ("lines", "shown"),
    [
        (["Kim <kim@x.kr>", "Kim", "kim"], ["Kim <kim@x.kr>"] * 3),
        (["retail, Kim, #shop, kim@x.kr", "retail, Kim"], ["retail, Kim, #shop, kim@x.kr"] * 2),
        (["Kim, kim@x.kr", "KIM@x.kr"], ["Kim, kim@x.kr"] * 2),
        (["Kim, team@x.kr", "Lee, team@x.kr", "team@x.kr"], ["Kim, team@x.kr", "Lee, team@x.kr", "team@x.kr"]),
        (["retail", "retail, Kim", "#shop", ""], ["retail", "retail, Kim", "#shop", "nobody"]),
    ],
)
def test_an_owner_is_one_with_and_without_an_address(lines: list[str], shown: list[str]) -> None:
    figures = [replace(A, contract=str(number), owner=line) for number, line in enumerate(lines)]
    assert list(owners_of(figures).values()) == shown
    assert {one.contract for one in by_owner(figures)} == set(shown)


@pytest.mark.parametrize(
    ("value", "said"), [(None, "–"), (4.2, "4.2 s"), (125.0, "2 min 05 s"), (5400.0, "1.5 h"), (200_000.0, "2.3 d")]
)
def test_times_are_written_in_the_largest_unit(value: float | None, said: str) -> None:
    assert resolving(value) == said


def test_the_command_shows_contracts_and_owners(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("datasync.toml").touch()
    assert invoke(["kpi"]) == 0
    assert "no run yet" in capfd.readouterr().out
    history = History(open_project(tmp_path, {}).history_url)
    for name in ("one", "two"):
        fill(history, Given(name), range(12))
    assert [day.runs for day in views.daily(history, START)] == [12, 12]
    history.close()
    days = str((datetime.now(UTC) - START + timedelta(days=2)).days)
    assert invoke(["kpi", "--json", "--days", days]) == 0
    shown = json.loads(capfd.readouterr().out)
    assert [(found["name"], found["runs"]) for found in shown] == [("one", 12), ("two", 12)]
    assert [(day["day"], day["runs"]) for day in shown[0]["days"]] == [(f"{START:%Y-%m-%d}", 12)]
    assert invoke(["kpi", "--json", "--by", "owner", "--days", days]) == 0
    (retail,) = json.loads(capfd.readouterr().out)
    assert retail["days"] == [{"day": f"{START:%Y-%m-%d}", "runs": 24, "quality": pytest.approx(retail["quality"])}]
    assert invoke(["kpi", "--by", "owner", "--days", days]) == 0
    assert "retail" in capfd.readouterr().out
