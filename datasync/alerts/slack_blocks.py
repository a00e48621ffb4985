"""Neutral messages in, Slack's Block Kit out: within its limits whatever is in them, and literally what was meant."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from datasync.alerts.message import Card, Line, Note, Post
from datasync.alerts.posts import ordinal
from datasync.alerts.slack_buttons import buttons, line_menu
from datasync.alerts.slack_text import code, context, escape, link, literal, moment, plain, section
from datasync.results.words import number

CHARACTERS = 12_000
"""Of a whole message; Slack refuses somewhat above 13,000."""
BLOCKS = 50
LINES = 10
"""Incidents listed one by one: a longer list is not read."""
POSTS = 20
SECTION = 2_900
_DOTS = {"error": ":red_circle:", "warn": ":large_yellow_circle:"}
_STATES = {"acknowledged": ":eyes:", "snoozed": ":no_bell:", "resolved": ":white_check_mark:"}
_POSTS = {
    "opened": ":red_circle:", "worse": ":red_circle:", "reopened": ":red_circle:", "woke": ":red_circle:",
    "escalated": ":warning:", "repeated": ":arrows_counterclockwise:", "acknowledged": ":eyes:", "snoozed": ":no_bell:",
    "assigned": ":bust_in_silhouette:", "resolved": ":white_check_mark:", "recovered": ":white_check_mark:",
    "withdrawn": ":white_check_mark:", "released": ":white_check_mark:", "rejected": ":x:",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SlackMessage:
    """What is posted.

    Attributes:
        text: for notifications and screen readers, and what is sent if Slack refuses the blocks.
        blocks: Block Kit, as plain values.
    """

    text: str
    blocks: Sequence[dict[str, Any]] = field(default_factory=tuple)


def card_message(card: Card, mention: str = "", *, interactive: bool = True) -> SlackMessage:
    """Lay out the message of one contract.

    Args:
        card: how things are now.
        mention: mrkdwn that calls the owner; empty: nobody is called.
        interactive: with buttons; without for a webhook, which brings no clicks back.
    """
    head = [_header(card), section(_verdict(card, mention)), context(_identity(card))]
    head += [section("\n".join(literal(note, 500) for note in card.notes[:4]))] if card.notes else []
    act = interactive and not card.resolved
    foot = _foot(card) + (buttons(card) if act else [])
    room = CHARACTERS - size(head) - size(foot) - 200
    lines = []
    for line in card.lines[: min(LINES, BLOCKS - len(head) - len(foot) - 1)]:
        block = section(_line(line), line_menu(line) if act and line.state != "resolved" else None)
        room -= size([block])
        if room < 0:
            break
        lines.append(block)
    hidden = len(card.lines) - len(lines)
    more = [context(f"and {number(hidden)} more: `datasync incidents list --contract {card.contract}`")] if hidden else []
    text = f"{_headline(card)}. {card.verdict}"
    return SlackMessage(literal(text, 1000), [*head, *lines, *more, *foot])


def note_message(note: Note, mention: str = "") -> SlackMessage:
    """Lay out a message about a run that broke no promise."""
    said = [f"{_DOTS.get(note.severity, '')} *{escape(note.contract)}*", literal(note.text, 1000)]
    blocks = [
        section("\n".join(said) + (f"\n{mention}" if mention else "")),
        context(f"run {code(note.run_id)} · {moment(note.at)}"),
        *(context(text) for text in (_figures(note.figures), _links(note.links)) if text),
    ]
    return SlackMessage(literal(f"{note.contract}: {note.text}", 1000), blocks)


def thread_message(posts: Sequence[Post], mention: str = "") -> SlackMessage:
    """Lay out what happened since, for the thread below a contract's message.

    Args:
        posts: at least one, oldest first; the newest are shown.
        mention: mrkdwn that calls the owner, where nobody has acted.
    """
    shown = [f"{_POSTS.get(post.kind, '')} {literal(post.text, 400)}".strip() for post in posts[-POSTS:]]
    hidden = len(posts) - len(shown)
    shown = [f"{number(hidden)} earlier: `datasync incidents list`", *shown] if hidden else shown
    called = [mention] if mention and any(post.kind == "escalated" for post in posts) else []
    blocks = [section(text) for text in _paragraphs([*shown, *called])]
    return SlackMessage(literal(" · ".join(post.text for post in posts[-POSTS:]), 1000), blocks)


def size(blocks: Iterable[Any]) -> int:
    """Count characters as Slack does, on the safe side: everything in the blocks' JSON that is text."""
    return sum(len(json.dumps(block, ensure_ascii=False)) for block in blocks)


def _paragraphs(lines: Sequence[str]) -> list[str]:
    """Join lines into as few texts as their limit allows."""
    found = [""]
    for line in lines:
        if len(found[-1]) + len(line) + 1 > SECTION:
            found.append("")
        found[-1] += f"\n{line}" if found[-1] else line
    return found


def _header(card: Card) -> dict[str, Any]:
    dot = ":large_green_circle:" if card.resolved else _DOTS["error" if _grave(card) else "warn"]
    return {"type": "header", "text": plain(f"{dot} {_headline(card)}", 150)}


def _grave(card: Card) -> bool:
    return card.status in ("failed", "error", "held") or any(line.severity == "error" for line in card.lines)


def _headline(card: Card) -> str:
    if card.resolved:
        return (
            f"{card.contract}: everything that was broken is met again"
            if card.status in ("passed", "warned")
            else (f"{card.contract}: nothing is open any more")
        )
    if card.status == "held":
        return f"{card.contract}: held for a person to decide"
    if any(line.gate == "run" for line in card.lines):
        return f"{card.contract}: a system failed"
    many = len(card.lines)
    thing = "promise" if _grave(card) else "warning"
    broken = "broken" if _grave(card) else "open"
    return f"{card.contract}: {number(many)} {thing}{'' if many == 1 else 's'} {broken}"


def _verdict(card: Card, mention: str) -> str:
    owner = card.owner
    names = [mention or literal(owner.name, 80), literal(owner.team, 80)]
    for_whom = " · ".join(name for name in names if name)
    return f"*{literal(card.verdict, 700)}*" + (f"\nfor {for_whom}" if for_whom else "")


def _identity(card: Card) -> str:
    parts = [f"{escape(card.contract)} {literal(card.version, 40)}", code(card.params) if card.params else "",
             f"run {code(card.run_id)}", moment(card.started_at), literal(card.description, 200)]  # fmt: skip
    return " · ".join(part for part in parts if part)


def _line(line: Line) -> str:
    dot = _STATES.get(line.state) or _DOTS.get(line.severity, "")
    held = f"assigned to {literal(line.assignee, 80)}" if line.assignee else ""
    first = " · ".join(part for part in (f"{dot} {code(line.check)}", literal(line.state_words, 200), held) if part)
    second = literal(line.promise or line.expected, 300)
    seen = [_seen(line), f"{ordinal(line.occurrences)} run" if line.occurrences > 1 else "",
            f"since {moment(line.first_seen)}" if line.first_seen else "", literal(line.place, 120)]  # fmt: skip
    rows = [first, second, " · ".join(part for part in seen if part)]
    if line.samples and line.state != "resolved":
        rows.append("for instance " + " ".join(code(sample, 40) for sample in line.samples[:5]))
    if line.causes:
        more = f" and {len(line.causes) - 5} more" if len(line.causes) > 5 else ""
        rows.append("because of it also " + ", ".join(code(cause, 80) for cause in line.causes[:5]) + more)
    return "\n".join(row for row in rows if row)


def _seen(line: Line) -> str:
    """Say what was seen: rows of rows, or the threshold against what came."""
    if line.message:
        return literal(line.message, 300)
    if line.share:
        return f"*{number(line.failed)}* of {number(line.evaluated)} rows ({line.share})"
    expected = f"expected {literal(line.expected, 150)}" if line.expected and line.promise != line.expected else ""
    observed = f"observed {literal(line.observed, 150)}" if line.observed else ""
    return ", ".join(part for part in (expected, observed) if part) or "not met"


def _foot(card: Card) -> list[dict[str, Any]]:
    done = " · ".join(literal(word, 200) for word in card.done[:6])
    texts = [done and f"*done:* {done}", _figures(card.figures), _links(card.links)]
    return [context(text) for text in texts if text]


def _figures(figures: Sequence[tuple[str, str]]) -> str:
    return " · ".join(f"{literal(word, 40)} {literal(text, 200)}" for word, text in figures[:6])


def _links(links: Mapping[str, str]) -> str:
    return " · ".join(link(url, word) for word, url in list(links.items())[:6])
