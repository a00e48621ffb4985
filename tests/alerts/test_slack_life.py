"""Incidents handled in Slack, from the first message to recovery; storms, outages and crashes on the way."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from datasync.alerts.acting import Decision
from datasync.alerts.socket_mode import connect, hang_up
from datasync.errors import PermanentError, TransientError, UsageError
from datasync.results.model import RowCounts
from datasync.testing.slack import LOSE_ANSWER, error, status
from datasync.testing.slack.block_kit import texts
from tests.alerts.slack_stage import BROKEN, Office, office
from tests.alerts.slack_values import HOSTILE, connection
from tests.alerts.stage import check

HOUR = timedelta(hours=1)


@pytest.fixture
def at_work(tmp_path: Path) -> Iterator[Office]:
    """People reach the desk by Socket Mode."""
    with office(tmp_path) as found:
        client = connect(connection(found.slack), found.desk)
        try:
            assert found.slack.sockets.wait_for_app()
            yield found
        finally:
            hang_up(client)


def press(office: Office, action: str, value: str = "", who: str = "U0001") -> None:
    answered = office.slack.gestures.click(office.parent, f"datasync.{action}", office.slack.world.users[who], value=value)
    assert answered.status == 200


def said(office: Office) -> str:
    return "\n".join(texts(office.parent.blocks))


def test_a_whole_life(at_work: Office) -> None:
    stage = at_work.stage
    stage.run(*BROKEN)
    assert "2 promises broken" in said(at_work)
    press(at_work, "acknowledge")
    assert "acknowledged by dana" in said(at_work)
    stage.run(*BROKEN)
    press(at_work, "line", f"assign|{at_work.incident('id.unique').id}", who="U0002")
    assert "assigned to kim" in said(at_work)
    press(at_work, "snooze", f"6h|{at_work.incident().id}")
    assert {one.state for one in stage.incidents().values()} == {"snoozed"}
    stage.run(check("price.min", failed=30), check("id.unique", failed=2))
    assert at_work.incident().state == "open"
    assert any("price.min got worse: 30 of 100 rows (30.0 %)" in text for text in at_work.thread())
    stage.run(check("price.min", "passed"), check("id.unique", "passed"))
    assert "met again" in said(at_work)
    assert not [block for block in at_work.parent.blocks if block["type"] == "actions"]
    stage.run(*BROKEN, after=2 * HOUR)
    first, second = at_work.slack.parents("data-alerts")
    assert (first.broadcast, second.broadcast) == (False, False)
    assert "1st" not in str(second.blocks)
    trail = at_work.trail(at_work.incident().id)
    assert [event.what for event in trail] == ["opened", "acknowledged", "repeated", "snoozed", "worse", "recovered", "reopened"]
    assert ("dana", "slack") in {(event.who, event.via) for event in trail}
    assert "Slack T0FAKE/U0001" in trail[1].detail


def test_resolved_by_hand_and_too_late_clicks(at_work: Office) -> None:
    at_work.stage.run(*BROKEN)
    number, old = at_work.incident().id, at_work.parent
    stale = at_work.slack.gestures.payload(old, "datasync.acknowledge", at_work.dana)
    press(at_work, "resolve")
    assert "nothing is open any more" in at_work.parent.blocks[0]["text"]["text"]
    at_work.slack.gestures.send(stale)
    assert at_work.told() == ["Nothing of it is open any more."]
    assert [event.what for event in at_work.trail(number)] == ["opened", "resolved"]


def test_failing_rows_are_shown_redacted(at_work: Office) -> None:
    at_work.stage.run(*BROKEN, rows=RowCounts(100, 0, 95, 5))
    press(at_work, "rows")
    (view,) = at_work.slack.world.views.values()
    shown = "\n".join(texts(view.content["blocks"]))
    assert "`-9` `-99`" in shown
    assert "no value may be shown" in shown
    assert "datasync quarantine show run-1" in shown


def test_running_again_is_asked_for_once(at_work: Office) -> None:
    at_work.stage.run(*BROKEN)
    payload = at_work.slack.gestures.payload(at_work.parent, "datasync.rerun", at_work.dana)
    for _ in range(2):
        assert at_work.slack.gestures.send(payload).status == 200
    (request,) = at_work.started
    assert (request.what, request.run_id, request.subject) == ("rerun", "run-1", "c")
    assert request.by == "dana in Slack (T0FAKE/U0001)"
    assert at_work.told() == ["c is being run again …", "it passed"]


def test_a_held_run_is_decided(at_work: Office) -> None:
    at_work.stage.run(*BROKEN, status="held")
    assert "rerun" not in str(at_work.parent.blocks)
    press(at_work, "release")
    press(at_work, "reject")
    assert [(one.what, one.run_id) for one in at_work.started] == [("release", "run-1"), ("reject", "run-1")]


def test_what_cannot_be_started_is_said(at_work: Office) -> None:
    at_work.stage.run(*BROKEN)

    def refuse(request: Any) -> str:
        raise UsageError("run run-1 is failed, not held", hint="<!channel>")

    at_work.start = refuse  # type: ignore[method-assign]
    press(at_work, "rerun")
    assert at_work.told()[-1] == "That did not work: run run-1 is failed, not held (&lt;!channel&gt;)"


def test_slash_commands(at_work: Office) -> None:
    gestures, dana = at_work.slack.gestures, at_work.dana
    assert gestures.command("incidents", dana).status == 200
    at_work.stage.run(*BROKEN)
    for text in ("status", "incidents", "incidents c", "incidents other", "run c", "run", "", "<!channel>", "run a b"):
        assert gestures.command(text, dana).status == 200
    shown = ["\n".join(texts(message.blocks)) or message.text for message in at_work.slack.world.messages if message.only_for]
    assert shown[0] == "Nothing is open."
    assert "`c` failed" in shown[1]
    assert shown[2] == shown[3]
    assert "#1 `c` `price.min` 3 of 100 rows" in shown[2]
    assert shown[4] == "Nothing is open of `other`."
    assert shown[5:7] == ["c is being run …", "it passed"]
    assert all("/datasync status" in text for text in shown[7:])
    assert [(one.what, one.subject) for one in at_work.started] == [("run", "c")]


def test_a_modal_over_socket_mode(at_work: Office) -> None:
    at_work.stage.run(*BROKEN)
    press(at_work, "snooze", f"until|{at_work.incident().id}")
    (view,) = at_work.slack.world.views.values()
    at_work.slack.gestures.submit(view, at_work.dana, {"for": "1w"})
    assert at_work.incident().snoozed_until == at_work.stage.now + timedelta(days=7)


def test_who_may_not_act_is_told(tmp_path: Path) -> None:
    with office(tmp_path, allow_users=["U0002"]) as found:
        client = connect(connection(found.slack), found.desk)
        try:
            assert found.slack.sockets.wait_for_app()
            found.stage.run(*BROKEN)
            press(found, "resolve")
            assert found.incident().state == "open"
            assert "this user may not act" in found.slack.gestures.command("run c", found.dana).data["text"]
            assert not found.started
            found.slack.sockets.send_raw({"type": "interactive", "envelope_id": "x", "payload": {"type": "block_actions"}})
            press(found, "resolve", who="U0002")
            assert found.incident().state == "resolved"
        finally:
            hang_up(client)


@pytest.mark.parametrize(
    ("token", "words"), [("", "no app-level token"), ("xoxb-fake", "no app-level token"), ("xapp-wrong", "invalid_auth")]
)
def test_socket_mode_needs_an_app_token(tmp_path: Path, token: str, words: str) -> None:
    with office(tmp_path) as found, pytest.raises(PermanentError, match=words):
        connect(connection(found.slack, app_token=token), found.desk)


def test_a_storm_of_checks_is_one_message(at_work: Office) -> None:
    at_work.stage.run(*(check(f"c{number}.min") for number in range(300)))
    assert len(at_work.slack.calls_of("chat.postMessage")) == 1
    assert "and 290 more" in said(at_work)
    press(at_work, "acknowledge")
    assert {one.state for one in at_work.stage.incidents().values()} == {"acknowledged"}
    replies = at_work.slack.world.replies(at_work.parent)
    assert len(replies) == 1
    assert "280 earlier" in "".join(texts(replies[0].blocks))


def test_an_hour_without_slack(at_work: Office) -> None:
    """What piled up arrives as one message that shows how things are, however often was tried."""
    at_work.slack.script.fail_next("*", status(503), times=10_000)
    for _ in range(4):
        result = at_work.stage.run(*BROKEN, after=timedelta(minutes=15))
        assert result.status == "failed"
    with at_work.stage.history.ledger() as ledger:
        waiting = ledger.outbox.listed(("pending", "failed"))
    assert [row for row in waiting if row.channel == "slack"]
    assert at_work.stage.email, "after three tries it goes out by e-mail"
    at_work.slack.script.up()
    at_work.stage.send(after=HOUR)
    assert "4th run" in said(at_work)
    assert len(at_work.slack.parents("data-alerts")) == 1


@pytest.mark.parametrize("code", ["channel_not_found", "token_revoked"])
def test_a_place_that_is_gone_is_told_by_mail(at_work: Office, code: str) -> None:
    at_work.slack.script.fail_next("chat.postMessage", error(code))
    result = at_work.stage.run(*BROKEN)
    assert result.status == "failed"
    with at_work.stage.history.ledger() as ledger:
        (dead,) = ledger.outbox.listed(("dead",))
    assert code in dead.last_error
    assert "xoxb" not in dead.last_error
    at_work.stage.send()
    assert at_work.stage.email


def test_killed_between_sending_and_writing_it_down(at_work: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    at_work.stage.run(*BROKEN)
    at_work.stage.run(*BROKEN, send=False)
    before = at_work.parent.blocks

    def killed(name: str) -> None:
        if name == "alert.after_send":
            raise SystemExit(137)

    with monkeypatch.context() as patch:
        patch.setattr("datasync.alerts.delivery.failpoint", killed)
        with pytest.raises(SystemExit):
            at_work.stage.send()
    at_work.stage.send(after=timedelta(minutes=6))
    assert at_work.parent.blocks != before
    assert at_work.parent.blocks == at_work.parent.history[-1][1]
    keys = [reply.metadata["event_payload"]["key"] for reply in at_work.slack.world.replies(at_work.parent)]
    assert len(keys) == 2
    assert len(set(keys)) == 1


def test_the_answer_to_the_first_message_is_lost(at_work: Office) -> None:
    """The one case in which a message stands twice: with the same key, so that it can be told."""
    at_work.slack.script.fail_next("chat.postMessage", LOSE_ANSWER, LOSE_ANSWER)
    at_work.stage.run(*BROKEN)
    at_work.stage.send(after=timedelta(minutes=1))
    keys = {message.metadata["event_payload"]["key"] for message in at_work.slack.parents("data-alerts")}
    assert len(keys) == 1


def test_hostile_texts_stay_texts_all_the_way(at_work: Office) -> None:
    broken = [
        check(f"{number}.min", description=text, samples=(text,), message="")
        for number, text in enumerate(HOSTILE)
        if "\ud800" not in text
    ]
    at_work.stage.run(*broken, rows=RowCounts(100, 0, 95, 5))
    press(at_work, "rows")
    press(at_work, "acknowledge")
    everything = json.dumps([message.as_json() for message in at_work.slack.world.messages]) + json.dumps(
        [view.content for view in at_work.slack.world.views.values()]
    )
    for mention in ("<!channel", "<!here", "<@U0001", "<https://evil"):
        assert mention not in everything.replace("<@U0001>\\nfor", "")


def test_a_line_that_is_cut_is_taken_up_again(at_work: Office) -> None:
    at_work.stage.run(*BROKEN)
    at_work.slack.sockets.drop()
    assert at_work.slack.sockets.wait_for_app(15)
    press(at_work, "acknowledge")
    assert at_work.incident().state == "acknowledged"


def test_a_broken_action_leaves_the_incident_and_says_so(at_work: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    at_work.stage.run(*BROKEN)

    def broken(*_: Any) -> None:
        raise TransientError("no answer from Slack at chat.update")

    monkeypatch.setattr("datasync.alerts.slack_desk.act", broken)
    press(at_work, "acknowledge")
    assert at_work.told() == ["That did not work: no answer from Slack at chat.update"]


def test_acting_elsewhere_is_seen_in_slack(at_work: Office) -> None:
    at_work.stage.run(*BROKEN)
    at_work.stage.act(at_work.incident().id, Decision("snooze", until=at_work.stage.now + HOUR))
    assert "snoozed by ada until" in said(at_work)
    began = time.monotonic()
    at_work.stage.send(after=2 * HOUR)
    at_work.stage.send()
    assert at_work.incident().state == "open"
    assert any("snooze of price.min is over" in text for text in at_work.thread())
    assert time.monotonic() - began < 10


class LateListener:
    """A client of Socket Mode whose thread begins to listen just after it was told to end."""

    def __init__(self) -> None:
        self.current_session_state = SimpleNamespace(terminated=False)
        self.closed = False

    def close(self) -> None:
        self.current_session_state.terminated = False
        deadline = time.monotonic() + 60
        while not self.current_session_state.terminated and time.monotonic() < deadline:
            time.sleep(0.01)
        self.closed = self.current_session_state.terminated


def test_a_line_is_hung_up_although_its_thread_begins_late() -> None:
    client: Any = LateListener()
    hang_up(client)
    assert client.closed
