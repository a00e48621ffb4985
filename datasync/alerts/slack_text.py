"""Any text in, Slack text objects out that show it literally: nothing in it becomes a mention, a link, a style or an emoji."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from typing import Any

from datasync.errors import shorten

_STYLED = re.compile(r"[*~`]|(?<!\w)_|_(?!\w)|:(?:[a-z0-9_+'-]*[a-z+-][a-z0-9_+'-]*|100|1234):|^>|https?://", re.IGNORECASE)
"""What Slack could read as more than letters, once `& < >` are escaped: then the text is shown as code. One `*` is enough: it
could find its other half in the text that follows. An underscore inside a word styles nothing."""
_TICK = "ˋ"
"""Stands for a backtick inside code, which would end it."""
_NEWLINE = "↵"


def escape(text: str) -> str:
    """Escape the three characters that Slack asks for: `& < >`."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def literal(text: str, limit: int = 300) -> str:
    """Show any text as it stands, on one line.

    Args:
        text: of an author, from data or from a foreign system.
        limit: characters shown, at most.

    Returns:
        mrkdwn: the text itself, or as code where Slack would read styles, emoji or links into it.
    """
    shown = visible(text, limit)
    if not shown:
        return ""
    return _as_code(shown) if _STYLED.search(shown) else escape(shown)


def code(text: str, limit: int = 120) -> str:
    """Show any text as code, on one line; `(empty)` for none."""
    shown = visible(text, limit)
    return _as_code(shown) if shown.strip() else "`(empty)`"


def visible(text: str, limit: int) -> str:
    """Spell out what has no width, turns the direction of reading or breaks lines; at most `limit` characters."""
    # Cut first: spelling out can only lengthen, and a text may be a megabyte.
    spelt = "".join(_spelt(letter) for letter in text.strip()[: limit + 1])
    return shorten(spelt, limit)


def _spelt(letter: str) -> str:
    if letter == "\n":
        return _NEWLINE
    kind = unicodedata.category(letter)
    if kind in ("Zl", "Zp"):
        return _NEWLINE
    if letter in "\r\t" or kind == "Zs":
        return " "
    return f"\\u{ord(letter):04x}" if kind in ("Cc", "Cf", "Cs", "Co", "Cn") else letter


def _as_code(text: str) -> str:
    return f"`{escape(text.replace('`', _TICK))}`"


def moment(at: datetime) -> str:
    """Show a time in each reader's own zone; where that fails, in UTC."""
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} {{time}}|{at:%Y-%m-%d %H:%M} UTC>"


def link(url: str, word: str) -> str:
    """Show a link; what is no address of the web is shown as code (a command to type)."""
    if not re.match(r"https?://[^\s|<>]{1,990}$", url):
        return f"{literal(word, 60)} {code(url, 200)}"
    return f"<{escape(url)}|{escape(visible(word, 60)) or 'link'}>"


def mrkdwn(text: str) -> dict[str, Any]:
    """Give a text object whose styles are ours; Slack adds no links of its own."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def plain(text: str, limit: int) -> dict[str, Any]:
    """Give a text object for headings and buttons."""
    return {"type": "plain_text", "text": shorten(text, limit), "emoji": True}


def section(text: str, accessory: dict[str, Any] | None = None) -> dict[str, Any]:
    """Give a paragraph; `text` is under 3,000 characters by the limits of its parts."""
    found = {"type": "section", "text": mrkdwn(text)}
    return found if accessory is None else {**found, "accessory": accessory}


def context(*texts: str) -> dict[str, Any]:
    """Give a line in small print."""
    return {"type": "context", "elements": [mrkdwn(text) for text in texts if text]}
