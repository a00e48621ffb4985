"""A card in, the buttons and menus with which its incidents are handled out; what they carry is read by `interactions`."""

from __future__ import annotations

from typing import Any

from datasync.alerts.message import Action, Card, Line
from datasync.alerts.slack_text import plain

PREFIX = "datasync."
SNOOZES = (("1 hour", "1h"), ("6 hours", "6h"), ("1 day", "1d"), ("1 week", "1w"), ("Until…", "until"))
"""What the menu offers: words and the duration they stand for."""
_LABELS: dict[Action, str] = {
    "acknowledge": "Acknowledge", "assign": "Assign to me", "resolve": "Resolve", "rows": "Show failing rows",
    "rerun": "Run again", "release": "Release", "reject": "Reject",
}  # fmt: skip
_STYLES: dict[Action, str] = {"acknowledge": "primary", "release": "primary", "reject": "danger"}
_CONFIRM: dict[Action, tuple[str, str]] = {
    "resolve": ("Resolve all?", "What is open is resolved. The next run that finds it broken opens it again."),
    "rerun": ("Run again?", "The contract is run now, with its own window."),
    "release": ("Release the run?", "What was staged is published as it was audited."),
    "reject": ("Reject the run?", "What was staged is not published. The target stays as it is."),
}  # fmt: skip


def buttons(card: Card) -> list[dict[str, Any]]:
    """Give the row of buttons that act on everything open in a card; none where nothing can be done."""
    if not card.lines or not card.actions:
        return []
    reference = f"{card.lines[0].incident}|{card.run_id}"
    elements = [_snooze(card.lines[0].incident) if action == "snooze" else _button(action, reference) for action in card.actions]
    return [{"type": "actions", "block_id": "datasync.all", "elements": elements}]


def line_menu(line: Line) -> dict[str, Any]:
    """Give the menu beside one incident."""
    choices = [("Acknowledge", "acknowledge"), ("Snooze…", "until"), ("Assign to me", "assign"), ("Resolve", "resolve"),
               ("Show failing rows", "rows")]  # fmt: skip
    options = [_option(word, f"{name}|{line.incident}") for word, name in choices]
    return {"type": "overflow", "action_id": f"{PREFIX}line", "options": options}


def _button(action: Action, reference: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": "button", "action_id": f"{PREFIX}{action}", "text": plain(_LABELS[action], 75), "value": reference,
    }  # fmt: skip
    if action in _STYLES:
        found["style"] = _STYLES[action]
    if action in _CONFIRM:
        title, text = _CONFIRM[action]
        found["confirm"] = {"title": plain(title, 100), "text": plain(text, 300), "confirm": plain(_LABELS[action], 30),
                            "deny": plain("Cancel", 30)}  # fmt: skip
    return found


def _snooze(incident: int) -> dict[str, Any]:
    options = [_option(word, f"{duration}|{incident}") for word, duration in SNOOZES]
    return {"type": "static_select", "action_id": f"{PREFIX}snooze", "placeholder": plain("Snooze…", 150), "options": options}


def _option(word: str, value: str) -> dict[str, Any]:
    return {"text": plain(word, 75), "value": value}
