"""Slack's message text in, the HTML that a reader of it would see out."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape, unescape

from datasync.testing.slack.world import BOT, World

_TOKEN = re.compile(r"```(?P<pre>.+?)```|`(?P<code>[^`\n]+)`|<(?P<link>[^<>\n]+)>|:(?P<emoji>[a-z0-9_+-]+):", re.DOTALL)
_STYLES = (
    (re.compile(r"(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])"), r"<b>\1</b>"),
    (re.compile(r"(?<![\w_])_(?=\S)([^_\n]+?)(?<=\S)_(?![\w_])"), r"<i>\1</i>"),
    (re.compile(r"(?<![\w~])~(?=\S)([^~\n]+?)(?<=\S)~(?![\w~])"), r"<s>\1</s>"),
)
_EMOJI = {
    "red_circle": '<span class="dot" style="background:#e01e5a"></span>',
    "large_yellow_circle": '<span class="dot" style="background:#ecb22e"></span>',
    "large_orange_circle": '<span class="dot" style="background:#f2813a"></span>',
    "large_green_circle": '<span class="dot" style="background:#2eb67d"></span>',
    "large_blue_circle": '<span class="dot" style="background:#36c5f0"></span>',
    "white_circle": '<span class="dot" style="background:#ddd"></span>',
    "white_check_mark": '<span class="mark" style="background:#2eb67d">✓</span>',
    "no_bell": '<span class="mark" style="background:#888">z</span>',
    "eyes": '<span class="mark" style="background:#36c5f0">◉</span>',
    "x": '<span class="mark" style="background:#e01e5a">✗</span>',
    "warning": '<span class="mark" style="background:#ecb22e">!</span>',
    "bust_in_silhouette": '<span class="mark" style="background:#36c5f0">@</span>',
    "arrows_counterclockwise": '<span class="mark" style="background:#888">↻</span>',
}
"""Drawn by hand: the machine that takes the picture may have no emoji font."""


def html(text: str, world: World) -> str:
    """Render mrkdwn."""
    return _rendered(text, world, emoji_only=False)


def plain(text: str, world: World) -> str:
    """Render a plain_text object: emoji, no styles, no mentions."""
    return _rendered(text, world, emoji_only=True)


def _rendered(text: str, world: World, emoji_only: bool) -> str:
    parts, end = [], 0
    for match in _TOKEN.finditer(text):
        if emoji_only and match["emoji"] is None:
            continue
        parts.append(_styled(text[end : match.start()], emoji_only))
        kind = str(match.lastgroup)
        parts.append(_TOKENS[kind](match[kind], world))
        end = match.end()
    parts.append(_styled(text[end:], emoji_only))
    return "".join(parts)


def _styled(text: str, emoji_only: bool) -> str:
    shown = escape(unescape(text))
    if not emoji_only:
        for pattern, tags in _STYLES:
            shown = pattern.sub(tags, shown)
        shown = re.sub(r"(?m)^&gt; ?(.*)$", r"<blockquote>\1</blockquote>", shown)
        shown = shown.replace("</blockquote>\n", "</blockquote>")
    return shown.replace("\n", "<br>")


def _link(inside: str, world: World) -> str:
    target, _, label = inside.partition("|")
    label = unescape(label)
    if target.startswith("@"):
        user = world.users.get(target[1:])
        name = "datasync" if target[1:] == BOT else user.real_name if user else target[1:]
        return f'<span class="mention">@{escape(name)}</span>'
    if target.startswith("!subteam^"):
        group = world.groups.get(target.removeprefix("!subteam^"))
        return f'<span class="mention">@{escape(group.handle if group else label)}</span>'
    if target.startswith("!date^"):
        # A person's own zone is not known here: the fallback is what a client without one shows.
        return escape(label)
    if target.startswith("!"):
        return f'<span class="mention loud">@{escape(target[1:])}</span>'
    if target.startswith("#"):
        channel = world.channels.get(target[1:])
        return f'<span class="mention">#{escape(channel.name if channel else target[1:])}</span>'
    address = escape(unescape(target), quote=True)
    return f'<a href="{address}">{escape(label) or address}</a>' if target.startswith(("http", "mailto:")) else address


_TOKENS: dict[str, Callable[[str, World], str]] = {
    "pre": lambda text, _world: f"<pre>{escape(unescape(text).strip(chr(10)))}</pre>",
    "code": lambda text, _world: f"<code>{escape(unescape(text))}</code>",
    "link": _link,
    "emoji": lambda name, _world: _EMOJI.get(name, f":{name}:"),
}
