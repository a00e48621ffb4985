"""A gesture in, an answer within Slack's three seconds out; what takes longer is done after it.

HTTP and Socket Mode both come here, so that a click means the same by either way.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from datasync.alerts.acting import Actor, act
from datasync.alerts.delivery import Postman, deliver
from datasync.alerts.interactions import (
    AskUntil,
    Change,
    Complain,
    Gesture,
    Intent,
    ShowRows,
    Start,
    StartWhat,
    Tell,
    decide,
    fits,
    read,
)  # fmt: skip
from datasync.alerts.slack_blocks import SlackMessage
from datasync.alerts.slack_client import open_client, open_webhook, translated
from datasync.alerts.slack_permit import Permit, permit
from datasync.alerts.slack_text import literal, section
from datasync.alerts.slack_views import HELP, incidents_message, rows_view, snooze_view, status_message
from datasync.errors import DataSyncError
from datasync.history.incidents import Incident
from datasync.seams import Connection

log = logging.getLogger("datasync")
ONCE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class StartRequest:
    """What somebody wants started.

    Attributes:
        what: rerun and run start a contract now; release and reject decide a held run; replay sends its open rows again.
        run_id: of the run that was shown; empty for `run`.
        subject: contract and declared params, as `subject_of` names them; for `run` the contract alone.
        by: who wants it.
        reason: why, in their words.
        data: corrected rows, for replay.
    """

    what: StartWhat
    run_id: str
    subject: str
    by: str
    reason: str = ""
    data: Path | None = None


Starter = Callable[[StartRequest], str]
"""Starts it, waits for its end and says in one sentence what became of it. Raises DataSyncError when it cannot be started."""


class Forbidden(Exception):
    """Somebody who may not act; the text says which of workspace, channel and user is not allowed."""


class SlackDesk:
    """Takes gestures.

    Args:
        connection: Slack's; its `extra` has the allow-lists.
        postman: history, and the way in which messages are brought up to date.
        start: how runs are started from here.
        quick, slow: where work goes on after the answer; the slow one is for runs.
    """

    def __init__(
        self,
        connection: Connection,
        postman: Postman,
        start: Starter,
        *,
        quick: Executor | None = None,
        slow: Executor | None = None,
    ) -> None:
        self._postman, self._start = postman, start
        self._client = open_client(connection)
        self._permit: Permit = permit(connection)
        self._quick = quick or ThreadPoolExecutor(4, "slack")
        self._slow = slow or ThreadPoolExecutor(2, "slack-runs")

    def take(self, payload: Mapping[str, Any]) -> dict[str, Any] | None:
        """Answer a gesture at once, and see to it.

        Returns:
            The body of the answer; None: a bare acknowledgement.

        Raises:
            Unreadable: Slack never sends this.
            Forbidden: somebody who may not act.
        """
        gesture = read(payload)
        if gesture is None:
            return None
        refusal = self._permit.refusal(gesture)
        if refusal:
            log.warning("a gesture in Slack was refused: %s", refusal)
            raise Forbidden(refusal)
        now = self._postman.clock()
        intent = fits(decide(gesture, now), now)
        if isinstance(intent, Complain) and gesture.kind == "submission":
            return {"response_action": "errors", "errors": {intent.field: intent.words}}
        executor = self._slow if isinstance(intent, Start) else self._quick
        executor.submit(self._see_to, gesture, intent)
        return None

    def close(self) -> None:
        """Wait for what was begun."""
        self._quick.shutdown()
        self._slow.shutdown()

    def _see_to(self, gesture: Gesture, intent: Intent) -> None:
        """Do it, and tell who asked when it cannot be done."""
        try:
            self._carry_out(gesture, intent)
        except DataSyncError as error:
            log.warning("a gesture in Slack failed: %s %s", error.code, error.message)
            self._tell(gesture, f"That did not work: {literal(str(error), 500)}")
        except Exception as error:
            # What a foreign error says may hold anything: it is for who looks for it.
            log.error("a gesture in Slack failed: a defect: %s", type(error).__name__)
            log.debug("a defect", exc_info=error)
            self._tell(gesture, f"That did not work: a defect, {type(error).__name__}")

    def _carry_out(self, gesture: Gesture, intent: Intent) -> None:
        if isinstance(intent, Change):
            self._change(gesture, intent)
        elif isinstance(intent, AskUntil):
            self._open(gesture, snooze_view(gesture, self._postman.clock()))
        elif isinstance(intent, ShowRows):
            meant = self._meant(gesture)
            self._open(gesture, rows_view(meant, self._postman.rows(meant[0].last_run) if meant else {}))
        elif isinstance(intent, Start):
            self._begin(gesture, intent)
        elif isinstance(intent, Complain):
            self._tell(gesture, intent.words)
        else:
            self._answer(gesture, self._told(intent))

    def _change(self, gesture: Gesture, intent: Change) -> None:
        numbers = [incident.id for incident in self._meant(gesture)]
        actor = Actor(gesture.who, "slack", f"slack:{gesture.key}")
        changed = act(self._postman.history, numbers, intent.decision, actor, self._postman.clock())
        if changed:
            deliver(self._postman)
        elif not numbers:
            self._tell(gesture, "Nothing of it is open any more.")

    def _meant(self, gesture: Gesture) -> list[Incident]:
        """Give the incident that was chosen, or everything open of its contract; nothing when it is resolved or gone."""
        with self._postman.history.ledger() as ledger:
            found = ledger.incidents.get(gesture.incident)
            if found is None:
                return []
            if gesture.whole:
                return ledger.incidents.of_subject(found.subject)
            return [found] if found.unresolved else []

    def _begin(self, gesture: Gesture, intent: Start) -> None:
        with self._postman.history.ledger() as ledger:
            if not ledger.outbox.see(f"act:slack:{gesture.key}", self._postman.clock(), ONCE):
                return
            incident = ledger.incidents.get(gesture.incident) if gesture.incident else None
        subject = incident.subject if incident is not None else intent.name
        request = StartRequest(intent.what, gesture.run_id, subject, f"{gesture.who} in Slack ({gesture.team}/{gesture.user})")
        words = {
            "rerun": "is being run again",
            "run": "is being run",
            "release": "is being released",
            "reject": "is being rejected",
        }
        self._tell(gesture, f"{literal(subject, 200)} {words[intent.what]} …")
        self._tell(gesture, literal(self._start(request), 1000))

    def _told(self, intent: Tell) -> SlackMessage:
        history = self._postman.history
        if intent.what == "status":
            newest = {run.contract: run for run in reversed(history.list_runs(limit=500)) if run.kind != "shadow"}
            return status_message(sorted(newest.values(), key=lambda run: run.contract))
        if intent.what == "incidents":
            with history.ledger() as ledger:
                return incidents_message(ledger.incidents.listed(contract=intent.contract or None), intent.contract)
        return SlackMessage("Commands of datasync", [section(HELP)])

    def _open(self, gesture: Gesture, view: dict[str, Any]) -> None:
        with translated("views.open"):
            self._client.views_open(trigger_id=gesture.trigger, view=view)

    def _tell(self, gesture: Gesture, words: str) -> None:
        self._answer(gesture, SlackMessage(words))

    def _answer(self, gesture: Gesture, message: SlackMessage) -> None:
        """Answer to whoever asked alone; where no answer may be sent, only the log knows."""
        if not self._permit.may_answer(gesture.response_url):
            log.info("no answer was sent: the gesture names no address of Slack")
            return
        try:
            with translated("response_url"):
                open_webhook(gesture.response_url).send(
                    text=message.text, blocks=list(message.blocks) or None, response_type="ephemeral", replace_original=False
                )
        except DataSyncError as error:
            log.warning("an answer was not sent: %s", error.message)
