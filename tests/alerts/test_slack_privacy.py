"""A planted secret and a planted personal value, through real runs and everything that reaches Slack: I8, F73, F87."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import datasync
from datasync.alerts.delivery import Postman
from datasync.alerts.slack_desk import SlackDesk, StartRequest
from datasync.history.store import History
from datasync.seams import Connection
from datasync.sync.telling import postman
from datasync.testing.slack import FakeSlack, error
from tests.alerts.slack_stage import AtOnce
from tests.canary import SECRET, leaks
from tests.faults.test_canary import CONTRACT, ROWS, TARGETS


def everything(slack: FakeSlack) -> str:
    """Whatever came in, as text."""
    world = slack.world
    shown = [[message.as_json() for message in world.messages], [view.content for view in world.views.values()]]
    return json.dumps([shown, [[call.method, dict(call.arguments)] for call in slack.calls]], ensure_ascii=False)


def refuse(request: StartRequest) -> str:
    raise OSError(SECRET)


def test_nothing_of_it_reaches_slack(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with FakeSlack() as slack:
        slack.world.tokens[SECRET] = "ok"
        extra = {"base_url": slack.api_url, "channel": "#data-alerts", "signing_secret": SECRET}
        known = Connection("slack_default", "slack", password=SECRET, extra=extra)
        (tmp_path / "datasync.toml").touch()
        (tmp_path / "in.csv").write_text(ROWS)
        text = CONTRACT.format(references="", target=TARGETS["sqlite"]).replace("to: [email]", "to: [slack], mention: owner")
        (tmp_path / "people.yaml").write_text(text)
        sync = datasync.load(tmp_path / "people.yaml")
        with caplog.at_level("INFO"):
            for _ in range(2):
                result = sync.run(connections=lambda name: known)
            assert {alert.state for alert in result.alerts} == {"sent"}
            history = History(sync.project.history_url)
            messages: Postman = postman(sync.project, history, lambda name: known)
            desk = SlackDesk(known, messages, refuse, quick=AtOnce(), slow=AtOnce())
            try:
                (parent,) = slack.parents("data-alerts")
                dana = slack.world.users["U0001"]
                for action in ("rows", "rerun", "acknowledge"):
                    desk.take(slack.gestures.payload(parent, f"datasync.{action}", dana))
                slack.script.fail_next("chat.update", error("invalid_auth"))
                desk.take(slack.gestures.payload(parent, "datasync.resolve", dana))
            finally:
                desk.close()
                history.close()
        assert slack.world.views
        (view,) = [view for view in slack.world.views.values() if "Failing rows" in json.dumps(view.content)]
        assert "in.csv:2: id=9, name=Aaaaaa-Aaaaaa-9999".casefold() in json.dumps(view.content).casefold()
        assert "a defect, OSError" in everything(slack)
        assert not leaks(everything(slack))
        assert not leaks(caplog.text)
