"""Slack's requests by HTTP: who is let in, what is answered when, and that a click counts once."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from datasync.alerts.interactions import SNOOZE_VIEW
from datasync.errors import PermanentError, StorageError
from datasync.testing.slack.gestures import signature
from datasync.web.slack import Gatekeeper
from tests.alerts.slack_stage import BROKEN, Office, office


@pytest.fixture
def open_office(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path, http=True) as found:
        found.stage.run(*BROKEN)
        yield found


def signed(office: Office, body: str, *, path: str = "interactions", **headers: str) -> int:
    return office.slack.gestures.post(f"{office.url}/slack/{path}", body, **headers).status


def click(office: Office, action: str = "datasync.acknowledge", **more: Any) -> str:
    return urlencode({"payload": json.dumps(office.slack.gestures.payload(office.parent, action, office.dana) | more)})


def untouched(office: Office) -> bool:
    return office.incident().state == "open"


def test_a_signed_click_counts(open_office: Office) -> None:
    answered = open_office.slack.gestures.click(open_office.parent, "datasync.acknowledge", open_office.dana)
    assert (answered.status, answered.body) == (200, "")
    assert open_office.incident().state == "acknowledged"


@pytest.mark.parametrize(
    "headers",
    [
        {"X_Slack_Signature": ""},
        {"X_Slack_Signature": "v0=" + "0" * 64},
        {"X_Slack_Signature": "v0=ü"},
        {"X_Slack_Request_Timestamp": ""},
        {"X_Slack_Request_Timestamp": "abc"},
        {"X_Slack_Request_Timestamp": "1e9"},
        {"X_Slack_Request_Timestamp": "-1"},
        {"X_Slack_Request_Timestamp": " 5"},
        {"X_Slack_Request_Timestamp": "9" * 5000},
    ],
    ids=str,
)
def test_what_slack_did_not_sign_is_refused(open_office: Office, headers: dict[str, str]) -> None:
    if "X_Slack_Signature" in headers and "ü" in headers["X_Slack_Signature"]:
        headers = {"X_Slack_Signature": "v0=\xfc"}
    assert signed(open_office, click(open_office), **headers) == 401
    assert untouched(open_office)


@pytest.mark.parametrize("seconds", [-301, -86_400, 302, 86_400])
def test_old_and_future_signatures_are_refused(open_office: Office, seconds: int) -> None:
    stamp = str(int(time.time()) + seconds)
    # Slack's signature is right; only its time is not.
    assert signed(open_office, click(open_office), X_Slack_Request_Timestamp=stamp) == 401
    assert untouched(open_office)


def test_a_body_that_was_changed_is_refused(open_office: Office) -> None:
    body, stamp = click(open_office), str(int(time.time()))
    right = signature("fake-signing-secret", stamp, body)
    assert signed(open_office, body + "&x=1", X_Slack_Request_Timestamp=stamp, X_Slack_Signature=right) == 401
    assert untouched(open_office)


def test_a_request_is_taken_once(open_office: Office) -> None:
    body, stamp = click(open_office), str(int(time.time()))
    assert [signed(open_office, body, X_Slack_Request_Timestamp=stamp) for _ in range(2)] == [200, 401]
    assert len(open_office.trail(open_office.incident().id)) == 2


def test_a_click_delivered_twice_counts_once(open_office: Office) -> None:
    """Signed anew, as Slack does when it delivers again."""
    body = click(open_office)
    answers = [signed(open_office, body, X_Slack_Request_Timestamp=str(int(time.time()) + later)) for later in (0, 1)]
    assert answers == [200, 200]
    assert [event.what for event in open_office.trail(open_office.incident().id)] == ["opened", "acknowledged"]


@pytest.mark.parametrize(
    ("extra", "status"),
    [
        ({"allow_teams": ["T0FAKE"], "allow_channels": ["C0001"], "allow_users": ["U0001"]}, 200),
        ({"allow_teams": "T1, T0FAKE"}, 200),
        ({"allow_teams": ["T1"]}, 403),
        ({"allow_channels": ["C0002"]}, 403),
        ({"allow_users": ["U0002"]}, 403),
        ({"allow_users": []}, 403),
        ({"allow_users": ""}, 403),
    ],
    ids=str,
)
def test_who_may_act(tmp_path: Path, extra: dict[str, Any], status: int) -> None:
    with office(tmp_path, http=True, **extra) as found:
        found.stage.run(*BROKEN)
        answered = found.slack.gestures.click(found.parent, "datasync.resolve", found.dana)
        assert answered.status == status
        assert (found.incident().state == "open") == (status == 403)
        assert found.slack.gestures.command("incidents", found.dana).status == status


def test_allow_lists_hold_for_modals(tmp_path: Path) -> None:
    with office(tmp_path, http=True, allow_channels=["C0001"]) as found:
        found.stage.run(*BROKEN)
        found.slack.gestures.click(found.parent, "datasync.snooze", found.dana, value=f"until|{found.incident().id}")
        (view,) = found.slack.world.views.values()
        view.content["private_metadata"] = view.content["private_metadata"].replace("C0001", "C0009")
        assert found.slack.gestures.submit(view, found.dana).status == 403
        assert untouched(found)


@pytest.mark.parametrize(
    "body",
    [
        "", "payload=", "payload=null", "payload=[]", "payload=%7B", "payload=" + "%5B" * 20_000, "x=1", "command=%2Fdatasync",
        urlencode({"payload": '{"type": "block_actions"}'}), urlencode({"payload": '{"type": "view_submission", "view": {"callback_id": "datasync.snooze_until"}}'}),
        urlencode({"payload": '{"type": "block_actions", "actions": [{"action_id": 7}]}'}), "&".join(f"a{n}=1" for n in range(200)),
    ],
    ids=range(12),
)  # fmt: skip
def test_signed_nonsense_is_no_defect(open_office: Office, body: str) -> None:
    assert signed(open_office, body) in (200, 400)
    assert untouched(open_office)


@pytest.mark.parametrize("value", ["", "x|r", "7", "0|r", "99999999999999999999|r", "-1|r", "1|" + "r" * 5000])
def test_values_of_other_times_change_nothing(open_office: Office, value: str) -> None:
    payload = open_office.slack.gestures.payload(open_office.parent, "datasync.acknowledge", open_office.dana)
    payload["actions"][0]["value"] = value
    assert signed(open_office, urlencode({"payload": json.dumps(payload)})) in (200, 400)


def test_bytes_that_are_no_text_and_too_many_of_them(open_office: Office) -> None:
    import http.client

    for body, status in ((b"payload=\xff\xfe", 401), (b"x" * 1_100_000, 413)):
        line = http.client.HTTPConnection(open_office.url.removeprefix("http://"), timeout=10)
        stamp = str(int(time.time()))
        line.request(
            "POST", "/slack/interactions", body, {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": "v0=" + "0" * 64}
        )
        assert line.getresponse().status == status
        line.close()


def test_other_apps_and_links_are_acknowledged(open_office: Office) -> None:
    payload = open_office.slack.gestures.payload(open_office.parent, "datasync.acknowledge", open_office.dana)
    payload["actions"][0]["action_id"] = "somebody.else"
    assert open_office.slack.gestures.send(payload).status == 200
    assert open_office.slack.gestures.send({"type": "shortcut", "callback_id": "x"}).status == 200
    assert untouched(open_office)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/x",
        "https://evil.example/x",
        "https://hooks.slack.com@evil.example/x",
        "http://hooks.slack.com/x",
        "file:///etc/passwd",
        "",
    ],
)
def test_answers_go_to_slack_alone(open_office: Office, url: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "datasync"):
        open_office.slack.gestures.send(
            json.loads(
                json.dumps(
                    open_office.slack.gestures.payload(open_office.parent, "datasync.rerun", open_office.dana)
                    | {"response_url": url}
                )
            )
        )
    assert "no answer was sent" in caplog.text
    assert open_office.started
    assert not open_office.slack.calls_of("response_url")


def test_a_secret_is_needed(open_office: Office) -> None:
    for secret in ("", "  "):
        with pytest.raises(PermanentError, match="signing secret"):
            Gatekeeper(secret, open_office.stage.history)


def test_a_history_that_is_away_lets_nobody_in(open_office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> Any:
        raise StorageError("history failed")

    monkeypatch.setattr(open_office.stage.history, "ledger", away)
    assert signed(open_office, "payload=%7B%7D") == 503


def test_the_answer_comes_before_the_work(tmp_path: Path) -> None:
    with office(tmp_path, http=True, wait=False) as found:
        found.stage.run(*BROKEN)
        found.start = lambda request: time.sleep(4) or "done at last"  # type: ignore[method-assign,func-returns-value,assignment]
        answered = found.slack.gestures.click(found.parent, "datasync.rerun", found.dana)
        # Slack waits three seconds, and the work takes four.
        assert answered.status == 200
        deadline = time.monotonic() + 15
        while "done at last" not in found.told() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert found.told()[-1] == "done at last"


def test_a_modal_says_what_is_wrong_before_it_closes(open_office: Office) -> None:
    number = open_office.incident().id
    open_office.slack.gestures.click(open_office.parent, "datasync.line", open_office.dana, value=f"until|{number}", block="")
    (view,) = open_office.slack.world.views.values()
    assert view.content["callback_id"] == SNOOZE_VIEW
    past = int(open_office.stage.now.timestamp()) - 60
    assert open_office.slack.gestures.submit(view, open_office.dana, {"until": past}).data["errors"]
    far = int(open_office.stage.now.timestamp()) + 400 * 86_400
    assert "within a year" in open_office.slack.gestures.submit(view, open_office.dana, {"until": far}).data["errors"]["until"]
    soon = int(open_office.stage.now.timestamp()) + 3600
    assert open_office.slack.gestures.submit(view, open_office.dana, {"until": soon}).status == 200
    assert not open_office.slack.world.views
    snoozed = open_office.incident()
    assert (snoozed.state, int(snoozed.snoozed_until.timestamp())) == ("snoozed", soon)  # type: ignore[union-attr]
    assert open_office.incident("id.unique").state == "open"
