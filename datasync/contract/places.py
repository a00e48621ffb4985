"""A loaded contract in, the line of its file that makes each promise out."""

from __future__ import annotations

from datasync.contract.checks import Check, checks_of
from datasync.contract.loader import LoadedContract
from datasync.contract.refusals import refusals


def check_places(loaded: LoadedContract) -> dict[str, int]:
    """Give check name to the number (from 1) of the line that promises it; a promise nobody wrote down has none."""
    rules = {rule.name: number for number, rule in enumerate(loaded.contract.rules)}
    processors = {refusal.check: number for number, item in enumerate(loaded.contract.transform) for refusal in refusals(item)}
    found = {}
    for check in checks_of(loaded.contract):
        path = ("transform", processors[check.name]) if check.name in processors else _path(check, rules)
        line = loaded.tree.place(path).line
        if line > 1:
            found[check.name] = line
    return found


def _path(check: Check, rules: dict[str, int]) -> tuple[str | int, ...]:
    if check.name in rules:
        return "rules", rules[check.name]
    if check.kind == "deletes.limit":
        return "target", "deletes", "limit"
    if len(check.columns) == 1 and check.kind not in {"expectation", "freshness", "cursor_nulls"}:
        return "columns", check.columns[0], check.kind
    return tuple(check.name.split("."))


def owner_line(loaded: LoadedContract) -> str:
    """Say who answers for a contract, as one line; empty when nobody is named."""
    owner = loaded.contract.owner
    return ", ".join(word for word in (owner.team, owner.name, owner.slack, owner.email) if word) if owner else ""
