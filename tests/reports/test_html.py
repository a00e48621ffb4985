"""The page of a run: what it says first, and that nothing in the data becomes part of the page."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from html.parser import HTMLParser

import pytest

from datasync.history.rows import RunRow
from datasync.history.views import CheckPoint
from datasync.reports.html import (
    AsideRow,
    Cell,
    ContractDiff,
    ContractRow,
    ContractText,
    DiffLine,
    IncidentLine,
    RunPage,
    contracts_page,
    message_page,
    run_page,
)
from datasync.reports.html.listing import standing
from datasync.reports.html.trends import time_labels
from datasync.results.model import CheckResult, ErrorResult, QuarantineResult, RowCounts, RunResult, StageResult

NOW = datetime(2026, 11, 24, 1, 2, 3, tzinfo=UTC)
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style></title><svg onload=alert(1)>",
    "한국어 שלום \u202e",
)


def check(name: str = "price.min", status: str = "failed", **more: object) -> CheckResult:
    known: dict[str, object] = {"evaluated": 20_000, "failed": 6, "expected": "≥ 0"} | more
    return CheckResult(name, "min", "price", "prepared", "error", status, **known)  # type: ignore[arg-type]


def result(status: str = "failed", *checks: CheckResult, **more: object) -> RunResult:
    known: dict[str, object] = {
        "rows": RowCounts(extracted=20_000, accepted=19_994, quarantined=6),
        "stages": (StageResult("extract", "passed", 1.5, 20_000, 20_000), StageResult("gate_prepared", "failed", 0.5, 20_000, 19_994)),
        "quarantine": QuarantineResult(6, "/q"), "target": "duckdb:w:t", "path": "c.yaml",
    } | more  # fmt: skip
    return RunResult("shop", "1.0.0", "r3", status, NOW, 2.0, checks=checks, **known)  # type: ignore[arg-type]


def row(run_id: str, status: str) -> RunRow:
    return RunRow(run_id, "shop", "1.0.0", "run", status, NOW, 1.0, None, None, 10, 10, 0)


def point(run_id: str, status: str, failed: int = 0, evaluated: int = 100, **more: object) -> CheckPoint:
    known: dict[str, object] = {"kind": "min", "observed": None, "threshold": 0.0} | more
    return CheckPoint("price.min", run_id, known["kind"], status, failed, evaluated, known["observed"], known["threshold"])  # type: ignore[arg-type]


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes += attrs


def tags(page: str) -> Tags:
    found = Tags()
    found.feed(page)
    return found


def test_the_first_screen_is_in_order() -> None:
    past = [row("r3", "failed"), row("r2", "failed"), row("r1", "passed")]
    checks = {"price.min": [point("r3", "failed", 6, 20_000), point("r2", "failed", 1, 9), point("r1", "passed")]}
    page = run_page(
        RunPage(
            result("failed", check(samples=("-9.99",)), check("qty.min", "passed", failed=0)), past, checks, {"price.min": 6},
            ContractText("contracts/shop.yaml", ["contract: shop", "columns:", "  price: {min: 0}"], {"price.min": 3}),
            {"The DAG": "/dags/shop"}, "retail-data",
        )
    )  # fmt: skip
    words = ["Blocked at gate prepared: 1 of 2 checks failed. 6 rows were set aside. The target is unchanged.", "What is wrong",
             "6 of 20,000 rows (0.03 %)", "for 2 runs, since ", "-9.99", "Last 3 runs", "19,994 accepted", "retail-data",
             "datasync quarantine show r3", "1 check without a finding", 'class="hit"']  # fmt: skip
    places = [page.index(word) for word in words]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (result("passed", check(status="passed", failed=0), rows=RowCounts(5, 0, 5, published=5)), "Passed: 1 check judged. 5 rows were published."),
        (result("warned", check(status="warned"), rows=RowCounts(5, 0, 4, 1, published=4)), "Passed with warnings: 1 check judged, 1 with warnings. 1 row was set aside. 4 rows were published."),
        (result("error", error=ErrorResult("E_X", "extract", "the source is gone")), "Broken at extract: the source is gone. 6 rows were set aside. The target is unchanged."),
        (result("failed", check(status="passed")), "More rows were set aside than is allowed."),
        (result("passed", kind="check", rows=RowCounts()), "A check publishes nothing."),
    ],
)  # fmt: skip
def test_the_verdict_is_one_sentence(given: RunResult, said: str) -> None:
    assert said in run_page(RunPage(given))


def everything(text: str) -> RunPage:
    """A page with every part, whose every text is the given one."""
    broken = CheckResult(
        text, "min", text, "prepared", "error", "failed", 3, 1, expected=text, samples=(text,), description=text, message=text
    )  # fmt: skip
    points = [CheckPoint(text, run, "min", "failed", 1, 3, None, 0.1) for run in ("r3", "r2")]
    aside = [
        AsideRow(text, [Cell(text, text, True), Cell("b", text)], (text, text), 3, ("b",)),
        AsideRow("", [Cell("c", text)], (text,)),
    ]
    return RunPage(
        result("failed", broken, replace(broken, name="other"), notes=(text,), target=text, error=ErrorResult("E_X", text, text, text)),
        [row("r3", "failed"), row("r2", "failed")], {text: points}, {text: 1, "y": 2}, ContractText(text, [text], {text: 1}),
        {text: "/b"}, text, {text: aside}, ContractDiff(text, [DiffLine("added", text), DiffLine("gap")]), NOW,
        [IncidentLine(text, "open", NOW, text)], {"r2": "r2.html"},
    )  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_hostile_stays_text(text: str) -> None:
    found, plain = tags(run_page(everything(text))), tags(run_page(everything("plain")))
    assert found.seen == plain.seen
    assert "script" not in found.seen
    assert not [name for name, _ in found.attributes if name.startswith("on")]


def test_a_check_is_drawn_over_time_with_its_threshold() -> None:
    past = [row(name, "failed") for name in ("r3", "r2", "r1")]
    page = run_page(
        RunPage(
            result("failed", check(threshold=0.01)),
            past,
            {"price.min": [point("r3", "failed", 6, threshold=0.01), point("r2", "passed"), point("r1", "passed")]},
        )
    )
    assert "price.min, 3 runs: from 0 % to 6 %, greatest 6 %, threshold 1 %" in page
    assert "at most 200 allowed (1.0 %)" in page
    assert "<svg" not in run_page(
        RunPage(result("failed", check()), past, {"price.min": [point("r3", "passed"), point("r2", "passed")]})
    )


def test_an_observed_figure_is_drawn_in_its_unit() -> None:
    past = [row(name, "failed") for name in ("r3", "r2")]
    late = CheckResult(
        "freshness",
        "freshness",
        "t",
        "staged",
        "error",
        "failed",
        1,
        1,
        observed=7200,
        expected="at most 1h old",
        threshold=3600.0,
    )
    points = [
        point(run, "failed", 1, 1, kind="freshness", observed=seen, threshold=3600.0)
        for run, seen in (("r3", 7200.0), ("r2", 60.0))
    ]
    assert "from 1 min to 2 h, greatest 2 h, threshold 1 h" in run_page(
        RunPage(result("failed", late), past, {"freshness": points})
    )


def test_nothing_comes_from_outside() -> None:
    page = run_page(RunPage(result("failed", check())))
    assert "http://" not in page
    assert "https://" not in page
    assert "default-src 'none'" in unescape(page)
    assert not {"script", "link", "img", "iframe"} & set(tags(page).seen)


def test_a_list_of_contracts_has_the_worst_first() -> None:
    rows = [
        ContractRow("good", [row("a", "passed")]),
        ContractRow("never"),
        ContractRow("bad", [row("b", "failed"), row("c", "passed")]),
    ]
    page = contracts_page(rows, {"b": "/runs/b"})
    assert page.index(">bad<") < page.index(">good<") < page.index(">never<")
    assert '<a href="/runs/b">bad</a>' in page
    assert "No run yet" in contracts_page([], {})


def test_a_message_is_only_that() -> None:
    assert "&lt;b&gt;" in message_page("Nothing", "<b>")


def test_five_hundred_checks_make_one_page() -> None:
    checks = [check(f"c{number}.min", "failed" if number % 7 == 0 else "passed") for number in range(500)]
    assert run_page(RunPage(result("failed", *checks))).count('<li class="finding') == 72


def test_a_value_cannot_turn_the_words_around_it() -> None:
    page = run_page(RunPage(result("failed", check(description="price \u202eesrever\u2066"))))
    assert "\u202e" not in page
    assert "price \\u202eesrever\\u2066" in page


@pytest.mark.parametrize(
    ("statuses", "said"),
    [
        ("passed failed", ""),
        ("failed passed", "1 run, since "),
        ("running error held passed", "2 runs, since "),
        ("failed failed", "2 or more runs, since "),
        ("running", ""),
        ("", ""),
    ],
)
def test_a_contract_says_since_when_it_goes_wrong(statuses: str, said: str) -> None:
    runs = [row(f"r{number}", status) for number, status in enumerate(statuses.split())]
    over, trouble = standing(runs)
    assert trouble.startswith(said)
    assert bool(trouble) == bool(said)
    assert over is next((run for run in runs if run.status != "running"), None)
    page = contracts_page([ContractRow("shop", runs)], {})
    assert not said or said in page


def test_a_run_that_broke_before_any_check_does_not_praise_the_data() -> None:
    skipped = CheckResult("a.min", "min", "a", "prepared", "error", "skipped")
    page = run_page(RunPage(replace(result("error", skipped), stages=(), error=ErrorResult("E_X", "extract", "gone", ""))))
    assert "The data was not judged" in page
    assert "Nothing is wrong" not in page
    assert "<summary>Stages" not in page


def test_a_held_run_says_until_when_it_waits() -> None:
    page = run_page(RunPage(result("held", check())))
    assert f"until {NOW + timedelta(days=1):%Y-%m-%d %H:%M:%S} UTC" in page


def test_an_incident_that_only_warns_looks_like_it() -> None:
    lines = [IncidentLine("a.min", "open", NOW, severity="warn"), IncidentLine("b.min", "open", NOW)]
    page = run_page(RunPage(result("failed", check()), incidents=lines))
    assert '<span class="pill warn">open</span> <code>a.min</code> <span class="soft">warns, since' in page
    assert '<span class="pill bad">open</span> <code>b.min</code> <span class="soft">since' in page


@pytest.mark.parametrize(
    ("after", "labels"),
    [
        ((0, 3600), ["01:02", "02:02"]),
        ((0, 5, 3600), ["01:02:03", "01:02:08", "02:02:03"]),
        ((0, 86_400), ["11-24", "11-25"]),
        ((0, 90_000), ["11-24 01:02", "11-25 02:02"]),
        ((0, 5, 86_400), ["11-24 01:02:03", "11-24 01:02:08", "11-25 01:02:03"]),
    ],
)
def test_labels_are_as_short_as_tells_them_apart(after: tuple[int, ...], labels: list[str]) -> None:
    assert time_labels([NOW + timedelta(seconds=seconds) for seconds in after]) == labels
