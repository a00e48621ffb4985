"""A made-up workspace in, a page that looks enough like Slack to judge its messages out; pressed buttons in, gestures out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from datasync.testing.slack import mrkdwn
from datasync.testing.slack.gestures import Gestures
from datasync.testing.slack.world import Message, SlackRefusal, World

if TYPE_CHECKING:
    from jinja2 import Environment


def page(world: World, channel: str = "", *, live: bool = False, title: str = "") -> str:
    """Draw the workspace.

    Args:
        channel: name or id of the channel to show; without: the first one with messages.
        live: with forms whose buttons act; else a picture.
        title: stands above the page, for a file of its own.
    """
    from markupsafe import Markup

    with world.lock:
        shown = _chosen(world, channel)
        messages = [(message, world.replies(message)) for message in world.shown(shown.id)] if shown else []
        return _templates().get_template("desk.html.j2").render(
            world=world, channel=shown, messages=messages, views=list(world.views.values()), live=live, title=title,
            markdown=lambda found: Markup(_text(found, world)),  # noqa: S704 - escaped by mrkdwn
            user=lambda identity: _who(world, identity), at=_at, texts=_text_only,
        )  # fmt: skip


def gesture(gestures: Gestures, form: Mapping[str, str]) -> None:
    """Do what a person pressed on the live page; what cannot be done changes nothing.

    Args:
        form: do (click, submit or command), user, and what these need.
    """
    world = gestures.world
    user = world.users.get(form.get("user", "")) or next(iter(world.users.values()))
    did = form.get("do")
    try:
        if did == "command":
            gestures.command(form.get("text", ""), user, form.get("channel", ""))
        elif did == "submit":
            gestures.submit(world.views[form["view"]], user, {k[2:]: v for k, v in form.items() if k.startswith("v.")})
        elif did == "close":
            world.views.pop(form["view"], None)
        elif did == "click":
            message = world.find(form["channel"], form["ts"])
            gestures.click(message, form["action"], user, value=form.get("value", ""), block=form.get("block", ""))
    except (LookupError, AssertionError, SlackRefusal):
        return


def _chosen(world: World, channel: str) -> Any:
    known = list(world.channels.values())
    for found in known:
        if channel.removeprefix("#") in (found.id, found.name):
            return found
    busy = [found for found in known if world.shown(found.id)]
    return next(iter(busy or known), None)


def _text(found: Mapping[str, Any] | str, world: World) -> str:
    if isinstance(found, str):
        return mrkdwn.html(found, world)
    render = mrkdwn.html if found.get("type") == "mrkdwn" else mrkdwn.plain
    return render(str(found.get("text", "")), world)


def _text_only(message: Message) -> bool:
    return not message.blocks


def _who(world: World, identity: str) -> str:
    user = world.users.get(identity)
    return user.real_name if user else "datasync"


def _at(ts: str) -> str:
    return f"{datetime.fromtimestamp(float(ts), UTC):%H:%M}"


@cache
def _templates() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("datasync.testing.slack", "templates")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
