"""Blocks in, what Slack would refuse about them out: the limits of Block Kit's reference pages."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from datasync.testing.slack.world import SlackRefusal

MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
ALL_CHARACTERS = 13_200
"""Characters of all blocks of a message together, as JSON text values: measured, not documented."""
MESSAGE_TEXT = 40_000


class _Invalid(Exception):
    pass


def check_message(text: str, blocks: Sequence[Mapping[str, Any]]) -> None:
    """Refuse a message as Slack would.

    Raises:
        SlackRefusal: no_text, msg_too_long, invalid_blocks (with what is wrong) or msg_blocks_too_long.
    """
    if not text and not blocks:
        raise SlackRefusal("no_text")
    if len(text) > MESSAGE_TEXT:
        raise SlackRefusal("msg_too_long")
    check_blocks(blocks, MESSAGE_BLOCKS)
    if sum(map(len, texts(blocks))) > ALL_CHARACTERS:
        raise SlackRefusal("msg_blocks_too_long")


def check_view(view: Mapping[str, Any]) -> None:
    """Refuse a modal as Slack would.

    Raises:
        SlackRefusal: invalid_arguments or invalid_blocks, with what is wrong.
    """
    try:
        _need(view.get("type") == "modal", "view.type must be modal")
        for name in ("title", "submit", "close"):
            if name == "title" or name in view:
                _plain(view.get(name), 24, f"view.{name}")
        _need(len(view.get("private_metadata", "")) <= 3000, "view.private_metadata: more than 3000 characters")
        _need(len(view.get("callback_id", "")) <= 255, "view.callback_id: more than 255 characters")
        inputs = any(block.get("type") == "input" for block in view.get("blocks", ()))
        _need(not inputs or "submit" in view, "view.submit is needed with input blocks")
        _need(len(json.dumps(dict(view))) <= 250_000, "view: more than 250 KB")
    except _Invalid as error:
        raise SlackRefusal("invalid_arguments", str(error)) from None
    check_blocks(view.get("blocks", ()), VIEW_BLOCKS)


def check_blocks(blocks: Sequence[Mapping[str, Any]], most: int) -> None:
    """Refuse blocks that break a limit.

    Raises:
        SlackRefusal: invalid_blocks.
    """
    try:
        _need(len(blocks) <= most, f"no more than {most} items allowed [json-pointer:/blocks]")
        named = [block["block_id"] for block in blocks if "block_id" in block]
        _need(len(set(named)) == len(named), "block_id stands twice")
        for number, block in enumerate(blocks):
            where = f"/blocks/{number}"
            kind = block.get("type")
            _need(isinstance(kind, str) and kind in _BLOCKS, f"unsupported type: {kind} [json-pointer:{where}/type]")
            _need(len(block.get("block_id", "")) <= 255, f"block_id: more than 255 characters [json-pointer:{where}]")
            _BLOCKS[str(kind)](block, where)
    except _Invalid as error:
        raise SlackRefusal("invalid_blocks", str(error)) from None


def texts(value: Any) -> Iterator[str]:
    """Give every text that a reader sees in blocks."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key == "text" and isinstance(inner, str):
                yield inner
            else:
                yield from texts(inner)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for inner in value:
            yield from texts(inner)


def _need(fine: bool, complaint: str) -> None:
    if not fine:
        raise _Invalid(complaint)


def _text(found: Any, most: int, where: str) -> None:
    _need(isinstance(found, Mapping) and found.get("type") in ("plain_text", "mrkdwn"), f"no text object [json-pointer:{where}]")
    text = found.get("text")
    _need(isinstance(text, str) and len(text) >= 1, f"must be more than 0 characters [json-pointer:{where}/text]")
    _need(len(text) <= most, f"must be less than {most + 1} characters [json-pointer:{where}/text]")


def _plain(found: Any, most: int, where: str) -> None:
    _text(found, most, where)
    _need(found["type"] == "plain_text", f"must be plain_text [json-pointer:{where}]")


def _header(block: Mapping[str, Any], where: str) -> None:
    _plain(block.get("text"), 150, f"{where}/text")


def _section(block: Mapping[str, Any], where: str) -> None:
    fields = block.get("fields", ())
    _need("text" in block or bool(fields), f"missing text or fields [json-pointer:{where}]")
    if "text" in block:
        _text(block["text"], 3000, f"{where}/text")
    _need(len(fields) <= 10, f"no more than 10 items allowed [json-pointer:{where}/fields]")
    for number, found in enumerate(fields):
        _text(found, 2000, f"{where}/fields/{number}")
    if "accessory" in block:
        _element(block["accessory"], f"{where}/accessory")


def _actions(block: Mapping[str, Any], where: str) -> None:
    elements = block.get("elements", ())
    _need(1 <= len(elements) <= 25, f"from 1 to 25 items allowed [json-pointer:{where}/elements]")
    named = [element.get("action_id") for element in elements]
    _need(len(set(named)) == len(named), f"action_id stands twice [json-pointer:{where}/elements]")
    for number, element in enumerate(elements):
        _element(element, f"{where}/elements/{number}")


def _context(block: Mapping[str, Any], where: str) -> None:
    elements = block.get("elements", ())
    _need(1 <= len(elements) <= 10, f"from 1 to 10 items allowed [json-pointer:{where}/elements]")
    for number, element in enumerate(elements):
        _text(element, 3000, f"{where}/elements/{number}")


def _input(block: Mapping[str, Any], where: str) -> None:
    _plain(block.get("label"), 2000, f"{where}/label")
    _element(block.get("element", {}), f"{where}/element")


def _anything(block: Mapping[str, Any], where: str) -> None:
    """A divider has nothing that could be wrong."""


def _element(element: Mapping[str, Any], where: str) -> None:
    kind = element.get("type")
    _need(isinstance(kind, str) and kind in _ELEMENTS, f"unsupported element: {kind} [json-pointer:{where}/type]")
    _need(1 <= len(element.get("action_id", "x")) <= 255, f"action_id: 1 to 255 characters [json-pointer:{where}]")
    if "confirm" in element:
        _confirm(element["confirm"], f"{where}/confirm")
    if "placeholder" in element:
        _plain(element["placeholder"], 150, f"{where}/placeholder")
    _ELEMENTS[str(kind)](element, where)


def _button(element: Mapping[str, Any], where: str) -> None:
    _plain(element.get("text"), 75, f"{where}/text")
    _need(len(element.get("value", "")) <= 2000, f"value: more than 2000 characters [json-pointer:{where}]")
    _need(len(element.get("url", "")) <= 3000, f"url: more than 3000 characters [json-pointer:{where}]")
    _need(element.get("style") in (None, "primary", "danger"), f"style: primary or danger [json-pointer:{where}]")


def _options(most: int) -> Callable[[Mapping[str, Any], str], None]:
    def check(element: Mapping[str, Any], where: str) -> None:
        options = element.get("options", ())
        _need(1 <= len(options) <= most, f"from 1 to {most} options [json-pointer:{where}/options]")
        for number, option in enumerate(options):
            _text(option.get("text"), 75, f"{where}/options/{number}/text")
            _need(len(option.get("value", "")) <= 150, f"value: more than 150 characters [json-pointer:{where}/options/{number}]")

    return check


def _confirm(found: Mapping[str, Any], where: str) -> None:
    for name, most in (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)):
        _text(found.get(name), most, f"{where}/{name}")


_BLOCKS: dict[str, Callable[[Mapping[str, Any], str], None]] = {
    "header": _header,
    "section": _section,
    "actions": _actions,
    "context": _context,
    "input": _input,
    "divider": _anything,
}
_ELEMENTS: dict[str, Callable[[Mapping[str, Any], str], None]] = {
    "button": _button,
    "static_select": _options(100),
    "radio_buttons": _options(10),
    "overflow": _options(5),
    "datetimepicker": _anything,
    "datepicker": _anything,
    "timepicker": _anything,
    "plain_text_input": _anything,
    "users_select": _anything,
}
