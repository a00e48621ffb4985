"""A Web API method's name and arguments in, the workspace changed and Slack's answer out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from datasync.testing.slack.block_kit import check_message, check_view
from datasync.testing.slack.world import BOT, Channel, Message, SlackRefusal, User, View, World

Answer = dict[str, Any]
TRIGGER_SECONDS = 3
ANSWERS_PER_URL = 5


def authorise(world: World, method: str, token: str) -> None:
    """Refuse a call without a good token.

    Raises:
        SlackRefusal: not_authed, invalid_auth, token_revoked, account_inactive or not_allowed_token_type.
    """
    if not token:
        raise SlackRefusal("not_authed")
    state = world.tokens.get(token)
    if state is None:
        raise SlackRefusal("invalid_auth")
    if state != "ok":
        raise SlackRefusal({"revoked": "token_revoked", "inactive": "account_inactive"}.get(state, state))
    if token.startswith("xapp-") != (method == "apps.connections.open"):
        raise SlackRefusal("not_allowed_token_type")


def carry_out(world: World, method: str, arguments: Mapping[str, Any]) -> Answer:
    """Do what a method does.

    Raises:
        SlackRefusal: with the code that Slack would give.
    """
    if method not in METHODS:
        raise SlackRefusal("unknown_method")
    with world.lock:
        return {"ok": True, **METHODS[method](world, arguments)}


def read_json(value: Any, fallback: Any) -> Any:
    """Give an argument that arrives as JSON, or as JSON in a text."""
    if value in (None, ""):
        return fallback
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise SlackRefusal("invalid_json") from None


def _auth_test(world: World, _arguments: Mapping[str, Any]) -> Answer:
    return {"url": f"https://{world.domain}.slack.com/", "team": "Example", "user": "datasync", "team_id": world.team,
            "user_id": BOT, "bot_id": "B0BOT", "is_enterprise_install": False}  # fmt: skip


def _writable(world: World, name: str) -> Channel:
    channel = world.channel(name)
    if channel.private and not channel.member:
        raise SlackRefusal("channel_not_found")
    if channel.archived:
        raise SlackRefusal("is_archived")
    if not channel.member:
        raise SlackRefusal("not_in_channel")
    return channel


def _content(arguments: Mapping[str, Any]) -> tuple[str, list[Any], Mapping[str, Any]]:
    text, blocks = str(arguments.get("text") or ""), read_json(arguments.get("blocks"), [])
    if not isinstance(blocks, list):
        raise SlackRefusal("invalid_blocks_format")
    check_message(text, blocks)
    metadata = read_json(arguments.get("metadata"), {})
    if metadata and not ("event_type" in metadata and isinstance(metadata.get("event_payload"), dict)):
        raise SlackRefusal("metadata_must_be_sent_with_event_type_and_event_payload")
    return text, blocks, metadata


def _post(world: World, arguments: Mapping[str, Any]) -> Answer:
    channel = _writable(world, str(arguments.get("channel") or ""))
    text, blocks, metadata = _content(arguments)
    thread = str(arguments.get("thread_ts") or "")
    if thread:
        try:
            world.find(channel.id, thread)
        except SlackRefusal:
            raise SlackRefusal("thread_not_found") from None
    broadcast = str(arguments.get("reply_broadcast", "")).lower() in ("true", "1")
    message = Message(channel.id, world.next_ts(), BOT, text, blocks, thread, broadcast and bool(thread), metadata)
    world.post(message)
    return {"channel": channel.id, "ts": message.ts, "message": message.as_json()}


def _update(world: World, arguments: Mapping[str, Any]) -> Answer:
    channel = _writable(world, str(arguments.get("channel") or ""))
    if str(arguments.get("channel")) != channel.id:
        # chat.update wants the id that chat.postMessage gave.
        raise SlackRefusal("channel_not_found")
    text, blocks, metadata = _content(arguments)
    message = world.find(channel.id, str(arguments.get("ts") or ""))
    if message.via != "bot":
        raise SlackRefusal("cant_update_message")
    world.edit(message, text, blocks, metadata or None)
    return {"channel": channel.id, "ts": message.ts, "text": text, "message": message.as_json()}


def _ephemeral(world: World, arguments: Mapping[str, Any]) -> Answer:
    channel = _writable(world, str(arguments.get("channel") or ""))
    if arguments.get("user") not in world.users:
        raise SlackRefusal("user_not_in_channel")
    text, blocks, _ = _content(arguments)
    message = Message(channel.id, world.next_ts(), BOT, text, blocks, str(arguments.get("thread_ts") or ""))
    message.only_for = str(arguments["user"])
    world.post(message)
    return {"message_ts": message.ts}


def _channel_json(channel: Channel) -> Answer:
    return {"id": channel.id, "name": channel.name, "is_channel": True, "is_archived": channel.archived,
            "is_private": channel.private, "is_member": channel.member}  # fmt: skip


def _list_channels(world: World, arguments: Mapping[str, Any]) -> Answer:
    """Two at a time unless asked for more, so that cursors are used."""
    wanted = str(arguments.get("types") or "public_channel").split(",")
    seen = [channel for channel in world.channels.values() if not channel.private or channel.member]
    seen = [channel for channel in seen if ("private_channel" if channel.private else "public_channel") in wanted]
    if str(arguments.get("exclude_archived", "")).lower() in ("true", "1"):
        seen = [channel for channel in seen if not channel.archived]
    limit, start = int(arguments.get("limit") or 100), int(arguments.get("cursor") or 0)
    after = start + limit
    cursor = str(after) if after < len(seen) else ""
    return {"channels": [_channel_json(channel) for channel in seen[start:after]], "response_metadata": {"next_cursor": cursor}}


def _channel_info(world: World, arguments: Mapping[str, Any]) -> Answer:
    return {"channel": _channel_json(_by_id(world, arguments))}


def _join(world: World, arguments: Mapping[str, Any]) -> Answer:
    channel = _by_id(world, arguments)
    if channel.archived:
        raise SlackRefusal("is_archived")
    if channel.private:
        raise SlackRefusal("method_not_supported_for_channel_type")
    channel.member = True
    return {"channel": _channel_json(channel)}


def _by_id(world: World, arguments: Mapping[str, Any]) -> Channel:
    found = world.channels.get(str(arguments.get("channel")))
    if found is None:
        raise SlackRefusal("channel_not_found")
    return found


def _user_json(world: World, user: User) -> Answer:
    profile = {"email": user.email, "real_name": user.real_name, "display_name": user.name}
    return {"id": user.id, "team_id": world.team, "name": user.name, "real_name": user.real_name, "profile": profile}


def _user_by_email(world: World, arguments: Mapping[str, Any]) -> Answer:
    for user in world.users.values():
        if user.email == arguments.get("email"):
            return {"user": _user_json(world, user)}
    raise SlackRefusal("users_not_found")


def _user_info(world: World, arguments: Mapping[str, Any]) -> Answer:
    user = world.users.get(str(arguments.get("user")))
    if user is None:
        raise SlackRefusal("user_not_found")
    return {"user": _user_json(world, user)}


def _groups(world: World, _arguments: Mapping[str, Any]) -> Answer:
    return {"usergroups": [{"id": group.id, "handle": group.handle, "name": group.name} for group in world.groups.values()]}


def _trigger_user(world: World, arguments: Mapping[str, Any]) -> str:
    user, given = world.triggers.pop(str(arguments.get("trigger_id")), ("", 0.0))
    if not user:
        raise SlackRefusal("invalid_trigger_id")
    if world.clock() - given > TRIGGER_SECONDS:
        raise SlackRefusal("expired_trigger_id")
    return user


def _open_view(world: World, arguments: Mapping[str, Any]) -> Answer:
    content = read_json(arguments.get("view"), {})
    check_view(content)
    view = View(world.next_id("V"), _trigger_user(world, arguments), content)
    world.views[view.id] = view
    return {"view": view.as_json()}


def _push_view(world: World, arguments: Mapping[str, Any]) -> Answer:
    content = read_json(arguments.get("view"), {})
    check_view(content)
    user = _trigger_user(world, arguments)
    below = [view.id for view in world.views.values() if view.user == user]
    if not below or len(below) >= 3:
        raise SlackRefusal("push_limit_reached" if below else "view_not_found")
    view = View(world.next_id("V"), user, content, below[-1])
    world.views[view.id] = view
    return {"view": view.as_json()}


def _update_view(world: World, arguments: Mapping[str, Any]) -> Answer:
    view = world.views.get(str(arguments.get("view_id")))
    if view is None:
        raise SlackRefusal("not_found")
    content = read_json(arguments.get("view"), {})
    check_view(content)
    view.content = content
    return {"view": view.as_json()}


METHODS: dict[str, Callable[[World, Mapping[str, Any]], Answer]] = {
    "auth.test": _auth_test,
    "chat.postMessage": _post,
    "chat.update": _update,
    "chat.postEphemeral": _ephemeral,
    "conversations.list": _list_channels,
    "conversations.info": _channel_info,
    "conversations.join": _join,
    "users.lookupByEmail": _user_by_email,
    "users.info": _user_info,
    "usergroups.list": _groups,
    "views.open": _open_view,
    "views.push": _push_view,
    "views.update": _update_view,
}
"""All but apps.connections.open, which the server answers: only it knows where its WebSocket listens."""


def webhook(world: World, path: str, body: Mapping[str, Any]) -> tuple[int, str]:
    """Take a post to an incoming webhook; gives HTTP status and Slack's plain text."""
    with world.lock:
        if path not in world.webhooks:
            return 404, "no_service"
        channel = world.channels[world.webhooks[path]]
        if channel.archived:
            return 410, "channel_is_archived"
        try:
            text, blocks, metadata = _content(body)
        except SlackRefusal as refusal:
            return 400, refusal.code
        world.post(Message(channel.id, world.next_ts(), BOT, text, blocks, metadata=metadata, via="webhook"))
        return 200, "ok"


def answer(world: World, token: str, body: Mapping[str, Any]) -> tuple[int, str]:
    """Take a post to a response_url, which is good five times; gives HTTP status and Slack's plain text."""
    with world.lock:
        if token not in world.answers:
            return 404, "expired_url"
        channel, ts, user = world.answers[token]
        used = world.answered.get(token, 0) + 1
        world.answered[token] = used
        if used > ANSWERS_PER_URL:
            return 404, "used_url"
        try:
            text, blocks, _ = _content(body)
        except SlackRefusal as refusal:
            return 400, refusal.code
        respond(world, (channel, ts, user), {**body, "text": text, "blocks": blocks})
        return 200, "ok"


def respond(world: World, place: tuple[str, str, str], body: Mapping[str, Any]) -> None:
    """Show an answer to a gesture: in place of the message, to everybody, or to the user alone."""
    channel, ts, user = place
    text, blocks = str(body.get("text") or ""), list(body.get("blocks") or [])
    if body.get("replace_original") and ts:
        world.edit(world.find(channel, ts), text, blocks)
        return
    message = Message(channel, world.next_ts(), BOT, text, blocks, via="answer")
    message.only_for = "" if body.get("response_type") == "in_channel" else user
    if ts and message.only_for:
        parent = world.find(channel, ts)
        message.thread_ts = parent.thread_ts
    world.post(message)
