"""Incidents handled in the app: each action once, with a name in the trail; never by a link, a stranger's form or in read-only mode."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from datasync.history.incidents import Incident
from datasync.web.access import Tokens
from tests.web.stage import Visitor, make_project, run, visitor

ALERTS = 'alerts:\n  - {when: violated, to: ["#data"]}\n'


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Visitor]:
    run(make_project(tmp_path, more=ALERTS), "first")
    with visitor(tmp_path) as found:
        yield found


def incidents(found: Visitor) -> list[Incident]:
    with found.history.ledger() as ledger:
        return ledger.incidents.listed(("open", "acknowledged", "snoozed", "resolved"))


def trail(found: Visitor, number: int) -> list[tuple[str, str, str]]:
    with found.history.ledger() as ledger:
        return [(event.what, event.who, event.via) for event in ledger.incidents.events(number)]


def test_incidents_are_listed_with_what_was_seen(shop: Visitor) -> None:
    text = shop.get("/incidents").text
    for one in incidents(shop):
        assert f'href="/incidents/{one.id}"' in text
    assert "1 of 4 rows (25.0\u00a0%)" in text
    assert "SECRETMAIL" not in text
    assert "77123" not in text


def test_pages_lead_to_their_incidents_the_untaken_ones_first(shop: Visitor) -> None:
    first = incidents(shop)[0].id
    shop.post("/incidents/act", action="acknowledge", numbers=str(first))
    for page in ("/runs/first", "/contracts/shop", "/incidents"):
        text = shop.get(page).text
        links = [f'href="/incidents/{one.id}"' for one in incidents(shop)]
        assert all(link in text for link in links)
        assert text.index(f'href="/incidents/{first}"') == max(text.index(link) for link in links)


def test_a_form_without_an_incident_says_so(shop: Visitor) -> None:
    answered = shop.post("/incidents/act", action="acknowledge")
    assert answered.status_code == 400
    assert "no incident was chosen" in answered.text


@pytest.mark.parametrize(
    ("action", "more", "state", "what"),
    [
        ("acknowledge", {}, "acknowledged", "acknowledged"),
        ("snooze", {"until": "6h"}, "snoozed", "snoozed"),
        ("assign", {"to": "grace"}, "acknowledged", "assigned"),
        ("assign", {}, "acknowledged", "assigned"),
        ("resolve", {}, "resolved", "resolved"),
    ],
)
def test_each_action_counts_once_and_leaves_a_name(
    shop: Visitor, action: str, more: dict[str, str], state: str, what: str
) -> None:
    number = incidents(shop)[0].id
    assert shop.get(f"/incidents/{number}").status_code == 200
    for _ in range(2):
        answered = shop.post("/incidents/act", action=action, numbers=[number], key="k1", comment="seen <b>", **more)
        assert (answered.status_code, answered.headers["location"]) == (303, f"/incidents/{number}")
    after = incidents(shop)[0]
    assert after.state == state
    assert after.assignee == (more.get("to", "tester") if action == "assign" else "")
    assert [one for one in trail(shop, number) if one[2] == "web"] == [(what, "tester", "web")]
    assert "seen &lt;b&gt;" in shop.get(f"/incidents/{number}").text


def test_several_at_once(shop: Visitor) -> None:
    numbers = [one.id for one in incidents(shop)]
    assert len(numbers) > 1
    shop.post("/incidents/act", action="resolve", numbers=numbers, key="k")
    assert {one.state for one in incidents(shop)} == {"resolved"}
    assert "Nothing is open" in shop.get("/incidents").text
    assert "resolved" in shop.get("/incidents?everything=true").text


def test_a_link_changes_nothing(shop: Visitor) -> None:
    number = incidents(shop)[0].id
    for action in ("acknowledge", "snooze", "assign", "resolve"):
        answered = shop.get(f"/incidents/{number}/{action}")
        assert answered.status_code == 200
        assert f'value="{action}"' in answered.text
    assert shop.get("/incidents/act?action=resolve&numbers=1").status_code in (400, 405)
    assert {one.state for one in incidents(shop)} == {"open"}


@pytest.mark.parametrize("mark", ["", "x", "0" * 64, "ü"])
def test_a_form_of_somebody_else_is_refused(shop: Visitor, mark: str) -> None:
    answered = shop.post("/incidents/act", action="resolve", numbers=[1], mark=mark)
    assert answered.status_code == 403
    assert {one.state for one in incidents(shop)} == {"open"}


def test_a_browser_says_who_sent_a_form(shop: Visitor) -> None:
    fields: Any = {"action": "resolve", "numbers": ["1"], "mark": shop.app_mark()}
    for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 303)):
        assert (
            shop.client.post("/incidents/act", data=fields, headers={"sec-fetch-site": site}, follow_redirects=False).status_code
            == status
        )


def test_the_mark_of_one_person_is_not_anothers(tmp_path: Path) -> None:
    from datasync.web.access import Person

    run(make_project(tmp_path, more=ALERTS), "first")
    access = Tokens({"ada": "a" * 20, "grace": "g" * 20})
    with visitor(tmp_path, access) as found:
        found.post("/login", token="a" * 20)
        assert found.post("/incidents/act", action="resolve", numbers=[1], mark=access.mark(Person("grace"))).status_code == 403
        assert found.post("/incidents/act", action="resolve", numbers=[1]).status_code == 303
        assert ("resolved", "ada", "web") in trail(found, 1)


def test_read_only_changes_nothing_and_offers_nothing(tmp_path: Path) -> None:
    run(make_project(tmp_path, more=ALERTS), "first")
    with visitor(tmp_path, read_only=True) as found:
        assert "<button" not in found.get("/incidents").text
        assert "<button" not in found.get("/incidents/1").text
        assert found.post("/incidents/act", action="resolve", numbers=[1]).status_code == 403
        assert {one.state for one in incidents(found)} == {"open"}


@pytest.mark.parametrize(
    "fields",
    [
        {}, {"action": "resolve"}, {"action": "resolve", "numbers": ["x"]}, {"action": "resolve", "numbers": [999]}, {"action": "resolve", "numbers": ["9" * 30]},
        {"action": "snooze", "numbers": [1]}, {"action": "snooze", "numbers": [1], "until": "yesterday"}, {"action": "<script>", "numbers": [1]},
    ],
    ids=str,
)  # fmt: skip
def test_nonsense_is_said_and_changes_nothing(shop: Visitor, fields: dict[str, Any]) -> None:
    answered = shop.post("/incidents/act", **fields)
    assert answered.status_code in (400, 404) or fields.get("numbers") == ["9" * 30]
    assert "<script>alert" not in answered.text
    assert {one.state for one in incidents(shop)} == {"open"}


def test_a_number_that_is_no_incident(shop: Visitor) -> None:
    for path in ("/incidents/999", "/incidents/x", "/incidents/" + "9" * 400, "/incidents/1/explode"):
        assert shop.get(path).status_code in (400, 404)


def test_two_people_at_once(shop: Visitor) -> None:
    threads = [
        threading.Thread(
            target=shop.post, args=("/incidents/act",), kwargs={"action": "acknowledge", "numbers": [1], "key": f"k{one}"}
        )
        for one in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert incidents(shop)[0].state == "acknowledged"
