"""What Slack says a person did in, what is to be done about it out; pure: the same for HTTP and Socket Mode.

A click, a submitted modal or a slash command is read into a gesture, and a gesture is decided into an intent. Intents are carried
out by `slack_desk`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, cast

from datasync.alerts.acting import Decision, snooze_end
from datasync.alerts.slack_buttons import PREFIX, SNOOZES
from datasync.errors import UsageError

SNOOZE_VIEW = f"{PREFIX}snooze_until"
COMMANDS = ("status", "incidents", "run")
LONGEST = 200
"""Characters of any id or name that are believed."""
StartWhat = Literal["rerun", "run", "release", "reject", "replay"]


class Unreadable(Exception):
    """What arrived is no gesture of Slack's; nothing of it is repeated here."""


@dataclass(frozen=True, slots=True)
class Gesture:
    """What a person did.

    Attributes:
        kind: click, submission or command.
        who: their name in Slack; user, team, channel: ids. A modal has the channel that it was opened from.
        key: names this gesture, however often it arrives.
        name: the action, the modal's callback or the command's text.
        incident: its number; 0: none. whole: everything open of its contract is meant.
        run_id: the run that was shown.
        choice: what was chosen or entered.
        trigger: lets a modal be opened, for three seconds.
        response_url: where an answer may be sent; not yet believed.
        ts: the message it was done on.
    """

    kind: Literal["click", "submission", "command"]
    who: str
    user: str
    team: str
    channel: str
    key: str
    name: str
    incident: int = 0
    whole: bool = False
    run_id: str = ""
    choice: str = ""
    trigger: str = ""
    response_url: str = ""
    ts: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """Incidents are to be changed."""

    decision: Decision


@dataclass(frozen=True, slots=True)
class AskUntil:
    """A modal is to ask how long to snooze."""


@dataclass(frozen=True, slots=True)
class ShowRows:
    """A modal is to show what failed, as far as it may be shown."""


@dataclass(frozen=True, slots=True)
class Start:
    """A run is to be started, or a held one to be decided; `name` is a contract for `run`, else empty."""

    what: StartWhat
    name: str = ""


@dataclass(frozen=True, slots=True)
class Tell:
    """Something is to be told: status, incidents (of one contract) or help."""

    what: Literal["status", "incidents", "help"]
    contract: str = ""


@dataclass(frozen=True, slots=True)
class Complain:
    """What was asked for cannot be done: why, and the modal's field that is wrong."""

    words: str
    field: str = ""


Intent = Change | AskUntil | ShowRows | Start | Tell | Complain


def read(payload: Mapping[str, Any]) -> Gesture | None:
    """Read what Slack sent.

    Args:
        payload: the JSON of an interaction, or the form of a slash command.

    Returns:
        The gesture; None for what is none of ours (a link's button, another modal, a shortcut).

    Raises:
        Unreadable: it has not the form that Slack documents.
    """
    try:
        if "command" in payload:
            return _command(payload)
        if payload.get("type") == "block_actions":
            return _click(payload)
        return _submission(payload) if payload.get("type") == "view_submission" else None
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        raise Unreadable from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value[:LONGEST]


def _click(payload: Mapping[str, Any]) -> Gesture | None:
    action = payload["actions"][0]
    name = _text(action["action_id"])
    if not name.startswith(PREFIX):
        return None
    name = name.removeprefix(PREFIX)
    chosen = _text(action["selected_option"]["value"]) if "selected_option" in action else ""
    first, _, second = (chosen or _text(action["value"])).partition("|")
    in_menu = bool(chosen)
    user = payload["user"]
    return Gesture(
        "click", _who(user), _text(user["id"]), _text(payload["team"]["id"]), _text(payload["channel"]["id"]),
        key=f"{_text(action['action_ts'])}:{_text(user['id'])}:{name}", name=name,
        incident=int(second if in_menu else first), whole=name != "line",
        run_id="" if in_menu else second, choice=first if in_menu else "",
        trigger=_text(payload.get("trigger_id", "")), response_url=str(payload.get("response_url", ""))[:2000],
        ts=_text((payload.get("container") or {}).get("message_ts", "")),
    )  # fmt: skip


def _submission(payload: Mapping[str, Any]) -> Gesture | None:
    view, user = payload["view"], payload["user"]
    if view["callback_id"] != SNOOZE_VIEW:
        return None
    number, whole, channel = str(view["private_metadata"]).split("|")
    values = {action: found for block in view["state"]["values"].values() for action, found in block.items()}
    at = values["until"].get("selected_date_time")
    chosen = (values["for"].get("selected_option") or {}).get("value", "")
    choice = datetime.fromtimestamp(int(at), UTC).isoformat() if at else _text(chosen)
    return Gesture(
        "submission", _who(user), _text(user["id"]), _text(payload["team"]["id"]), channel[:LONGEST],
        key=f"{_text(view['id'])}:{_text(user['id'])}:snooze", name=SNOOZE_VIEW,
        incident=int(number), whole=whole == "1", choice=choice,
    )  # fmt: skip


def _command(form: Mapping[str, Any]) -> Gesture:
    return Gesture(
        "command", _text(form.get("user_name", "")) or _text(form["user_id"]), _text(form["user_id"]), _text(form["team_id"]),
        _text(form["channel_id"]), key=f"{_text(form['trigger_id'])}:{_text(form['user_id'])}:command",
        name=_text(form.get("text", "")).strip(),
        trigger=_text(form["trigger_id"]), response_url=str(form.get("response_url", ""))[:2000],
    )  # fmt: skip


def _who(user: Mapping[str, Any]) -> str:
    return _text(user.get("username") or user.get("name") or user["id"])


def decide(gesture: Gesture, now: datetime) -> Intent:
    """Decide what a gesture asks for.

    Args:
        now: UTC.
    """
    if gesture.kind == "command":
        return _asked(gesture.name.split())
    if gesture.kind == "submission":
        return _snoozed(gesture, now)
    name = gesture.choice if gesture.name == "line" else gesture.name
    if name == "until" or (name == "snooze" and gesture.choice == "until"):
        return AskUntil()
    if name == "snooze":
        return _snoozed(gesture, now)
    if name == "rows":
        return ShowRows()
    if name in ("acknowledge", "assign", "resolve"):
        return Change(Decision(name, to=gesture.who if name == "assign" else "", comment=_trace(gesture)))
    if name in ("rerun", "release", "reject"):
        return Start(cast(StartWhat, name))
    return Complain("That button is not known any more: the message is older than this datasync.")


def _snoozed(gesture: Gesture, now: datetime) -> Intent:
    if not gesture.choice:
        return Complain("Choose how long, or until when.", "for")
    try:
        return Change(Decision("snooze", until=snooze_end(gesture.choice, now), comment=_trace(gesture)))
    except UsageError:
        return Complain("Choose a time to come, within a year.", "until")


def _trace(gesture: Gesture) -> str:
    """Names in Slack change; ids stay."""
    return f"Slack {gesture.team}/{gesture.user}"


def _asked(words: list[str]) -> Intent:
    if words[:1] == ["status"] and len(words) == 1:
        return Tell("status")
    if words[:1] == ["incidents"] and len(words) <= 2:
        return Tell("incidents", words[1] if len(words) == 2 else "")
    if words[:1] == ["run"] and len(words) == 2:
        return Start("run", words[1])
    return Tell("help")


def fits(found: Intent, now: datetime) -> Intent:
    """Hold a snooze to a year, so that a modal can say so before it closes."""
    end = found.decision.until if isinstance(found, Change) else None
    if end is not None and (end - now).days > 365:
        return Complain("Choose a time to come, within a year.", "until")
    return found


DURATIONS = tuple(choice for choice in SNOOZES if choice[1] != "until")
"""What the modal offers beside a time of one's own."""
