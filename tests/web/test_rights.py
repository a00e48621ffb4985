"""People who may know of some contracts only: of the others no page, list, figure, file or action says a word."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute

from datasync.alerts.slack_desk import StartRequest
from datasync.web.access import Anybody, Deed, Person
from tests.web.stage import Visitor, make_project, run, visitor

ALERTS = 'alerts:\n  - {when: violated, to: ["#data"]}\n'
HELD = "on_violation: hold\ncount: {min: 50}\n"


class Some(Anybody):
    """Knows one person, who sees some contracts and may do some things with them."""

    __slots__ = ("contracts", "deeds")

    def __init__(self, contracts: set[str], deeds: set[Deed]) -> None:
        Anybody.__init__(self, "tester")
        object.__setattr__(self, "contracts", frozenset(contracts))
        object.__setattr__(self, "deeds", deeds)

    def person(self, request: Any) -> Person:
        return Person("tester", self.contracts, lambda contract, deed: deed in self.deeds)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    run(make_project(tmp_path, more=ALERTS), "first")
    run(make_project(tmp_path, "secret", more=ALERTS), "hidden")
    make_project(tmp_path, "secret_too")
    (tmp_path / "contracts" / "secret_broken.yaml").write_text("contract: secret_broken\nsorce: {}\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def begun() -> list[StartRequest]:
    return []


@pytest.fixture
def shown(project: Path, begun: list[StartRequest]) -> Iterator[Visitor]:
    with visitor(
        project,
        Some({"shop"}, {"triage", "run", "decide"}),
        values=True,
        edit=True,
        start=lambda request: begun.append(request) or "",
    ) as found:  # type: ignore[func-returns-value]
        yield found


def numbers(found: Visitor, contract: str) -> list[int]:
    with found.history.ledger() as ledger:
        return [one.id for one in ledger.incidents.listed(contract=contract)]


def addresses(found: Visitor) -> list[str]:
    """Every page that can be asked for, with the names of what is hidden."""
    app: Any = found.client.app
    known = {"name": ("secret", "secret_too"), "day": ("2026-01-01",), "run_id": ("hidden",), "number": tuple(numbers(found, "secret")[:1]),
             "action": ("resolve",), "key": ("secret.yaml", "secret_broken.yaml")}  # fmt: skip
    made = []
    for route in app.routes:
        if isinstance(route, APIRoute) and "GET" in route.methods:
            wanted = [name for name in known if f"{{{name}" in route.path]
            values: list[dict[str, Any]] = [{}]
            for name in wanted:
                values = [{**one, name: value} for one in values for value in known[name]]
            for one in values:
                path = route.path.replace(":path", "")
                made.append(path.format(**one))
    return [
        *made,
        "/export?run_id=hidden",
        "/incidents?everything=true",
        "/incidents?contract=secret",
        "/quarantine?contract=secret",
    ]


def test_nothing_says_a_word_of_what_is_hidden(shown: Visitor) -> None:
    asked = addresses(shown)
    assert {"/contracts/secret", "/runs/hidden", "/quarantine/hidden", "/files/secret.yaml", "/metrics", "/figures"} <= set(asked)
    for address in asked:
        text = shown.get(address).text
        # What was asked for is said again.
        for echoed in ("&#39;secret&#39;", "&#39;secret_too&#39;", "<code>secret</code> only"):
            text = text.replace(echoed, "")
        assert "secret" not in text, address
        assert "SECRETMAIL" not in text, address
    assert "first" in shown.get("/quarantine").text
    assert "shop" in shown.get("/").text


def test_what_is_hidden_is_told_from_nothing_by_nothing(shown: Visitor) -> None:
    hidden = numbers(shown, "secret")[0]
    for there, nowhere in (("/contracts/secret", "/contracts/nobody"), ("/runs/hidden", "/runs/nobody"), ("/quarantine/hidden", "/quarantine/nobody"),
                           ("/contracts/secret/plan", "/contracts/nobody/plan"), (f"/incidents/{hidden}", "/incidents/999"),
                           ("/export?run_id=hidden", "/export?run_id=nobody"), ("/files/secret.yaml", "/files/nobody.yaml")):  # fmt: skip
        one, other = shown.get(there), shown.get(nowhere)
        assert one.status_code == other.status_code >= 400
        words = there.split("/")[2] if "?" not in there else "hidden"
        same = other.text.replace("nobody", words).replace("999", str(hidden))
        assert one.text == same, there


def test_nothing_is_done_with_what_is_hidden(shown: Visitor, begun: list[StartRequest]) -> None:
    hidden = numbers(shown, "secret")
    assert shown.post("/incidents/act", action="resolve", numbers=hidden).status_code == 404
    assert shown.post("/incidents/act", action="resolve", numbers=[*numbers(shown, "shop"), *hidden]).status_code == 404
    assert shown.post("/start", what="run", contract="secret").status_code == 404
    assert shown.post("/start", what="rerun", run_id="hidden").status_code == 404
    assert shown.post("/replay", run_id="hidden").status_code == 404
    assert shown.post("/save", key="secret.yaml", was="", text="", do="save").status_code >= 400
    assert shown.post("/lint", key="secret.yaml", text="").status_code >= 400
    assert begun == []
    with shown.history.ledger() as ledger:
        assert {one.state for one in ledger.incidents.listed()} == {"open"}


def test_what_others_started_of_it_is_not_shown(shown: Visitor) -> None:
    shown.client.app.state.jobs.begin(StartRequest("run", "", "secret", "ada"))  # type: ignore[attr-defined]
    shown.client.app.state.jobs.begin(StartRequest("run", "", "shop?region=KR", "ada"))  # type: ignore[attr-defined]
    text = shown.get("/running").text
    assert "secret" not in text
    assert "shop?region=KR" in text


def test_who_may_only_look_is_offered_nothing(project: Path) -> None:
    run(make_project(project, "held", more=HELD), "waits")
    with visitor(project, Some({"shop", "held"}, set()), start=lambda request: "done") as found:
        for address in ("/incidents", "/incidents/1", "/contracts/shop", "/runs/first", "/runs/waits", "/quarantine/first"):
            assert "<button" not in found.get(address).text, address
        assert "Plan" not in found.get("/contracts/shop").text
        assert found.get("/contracts/shop/plan").status_code == 403
        for path, fields in (("/start", {"what": "run", "contract": "shop"}), ("/start", {"what": "release", "run_id": "waits", "reason": "x"}),
                             ("/replay", {"run_id": "first"}), ("/incidents/act", {"action": "resolve", "numbers": [1]})):  # fmt: skip
            assert found.post(path, **fields).status_code == 403, path


def test_only_what_can_be_started_is_offered(project: Path) -> None:
    with visitor(project, start=lambda request: "done", starts=frozenset({"run"})) as found:
        assert "Run now" in found.get("/contracts/shop").text
        assert "Run again" not in found.get("/runs/first").text
        assert "Replay" not in found.get("/quarantine/first").text
        assert found.post("/start", what="rerun", run_id="first").status_code == 400
        assert found.post("/replay", run_id="first").status_code == 400
