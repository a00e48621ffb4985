"""A sync over time with the made-up Slack as its channel, and a desk that takes what people do there."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from datasync.alerts.delivery import Postman
from datasync.alerts.slack_channel import SlackChannel, open_slack
from datasync.alerts.slack_client import Pace
from datasync.alerts.slack_desk import SlackDesk, StartRequest
from datasync.history.incidents import Incident, IncidentEvent
from datasync.testing.slack import FakeSlack, Message, Target
from datasync.web.serving import Listening
from datasync.web.slack import serve
from tests.alerts.slack_values import connection
from tests.alerts.stage import Stage, check

ALERTS = "  - {when: violated or recovered, to: [slack], mention: owner}\n"
BROKEN = (check("price.min", samples=("-9", "-99")), check("id.unique", failed=2))


class AtOnce(Executor):
    """Works where it is called, so that a test need not wait."""

    def submit(self, call: Any, /, *arguments: Any, **more: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(call(*arguments, **more))
        return done


@dataclass
class Office:
    """Everything that a test of Slack touches.

    Attributes:
        started: what was asked to be started; words: what starting says.
    """

    stage: Stage
    slack: FakeSlack
    desk: SlackDesk
    url: str = ""
    started: list[StartRequest] = field(default_factory=list)
    words: str = "it passed"

    def start(self, request: StartRequest) -> str:
        self.started.append(request)
        return self.words

    @property
    def parent(self) -> Message:
        (message,) = self.slack.parents("data-alerts")
        return message

    @property
    def dana(self) -> Any:
        return self.slack.world.users["U0001"]

    def thread(self) -> list[str]:
        return [reply.text for reply in self.slack.world.replies(self.parent)]

    def told(self, user: str = "U0001") -> list[str]:
        """What only one person sees."""
        return [message.text for message in self.slack.world.messages if message.only_for == user]

    def incident(self, name: str = "price.min") -> Incident:
        return self.stage.incidents()[name]

    def trail(self, number: int) -> list[IncidentEvent]:
        with self.stage.history.ledger() as ledger:
            return ledger.incidents.events(number)


@contextmanager
def office(folder: Path, *, http: bool = False, wait: bool = True, **extra: Any) -> Iterator[Office]:
    """Open everything; with `http` an endpoint that the made-up Slack calls.

    Args:
        wait: work is done before the answer, so that tests see it at once; False is as in life.
        extra: of the connection.
    """
    with FakeSlack() as slack:
        stage = Stage(folder, ALERTS.replace("slack]", "'#data-alerts']"))
        known = connection(slack, **extra)
        channel = open_slack(known, Pace(sleep=lambda seconds: None))
        assert isinstance(channel, SlackChannel)
        stage.now = datetime.now(UTC).replace(microsecond=0)
        stage.channels["slack"] = channel  # type: ignore[assignment]
        postman = Postman(stage.history, stage.channels.__getitem__, clock=lambda: stage.now)
        at_once = AtOnce() if wait else None
        if wait:
            # The work is done first: how fast the answer comes is not what such a test is about.
            slack.gestures.patience = 30
        found = Office(stage, slack, None)  # type: ignore[arg-type]

        def begin(request: StartRequest) -> str:
            return found.start(request)

        found.desk = SlackDesk(known, postman, begin, quick=at_once, slow=at_once)
        try:
            if not http:
                yield found
                return
            stop, ready = threading.Event(), threading.Event()

            def listening(url: str) -> None:
                found.url = url
                ready.set()

            where = Listening("127.0.0.1", 0, stop, listening)
            thread = threading.Thread(target=serve, args=(known, stage.history, found.desk, where))
            thread.start()
            try:
                assert ready.wait(10)
                slack.gestures.target = Target(f"{found.url}/slack/interactions", f"{found.url}/slack/commands")
                yield found
            finally:
                stop.set()
                thread.join(10)
        finally:
            found.desk.close()
            stage.history.close()
