"""A contract in, Markdown out that a data owner can read: what is promised, where the rows come from and go."""

from __future__ import annotations

from collections.abc import Iterator

from datasync.contract.checks import checks_of
from datasync.contract.model import Contract
from datasync.contract.scalars import decimal_text
from datasync.plan.build import target_name
from datasync.reports.markdown import escape

GATES = {"source": "right after reading", "prepared": "after the transforms", "staged": "in staging"}


def promises(contract: Contract, path: str = "") -> str:
    """Write a contract as a page.

    Args:
        contract: linted.
        path: its file, to be named at the end.
    """
    return "\n".join([*_head(contract), "", *_flow(contract), "", *_checks(contract), "", *_foot(contract, path)]) + "\n"


def _head(contract: Contract) -> Iterator[str]:
    yield f"### {escape(contract.contract)} {escape(contract.version)}"
    if contract.description:
        yield ""
        yield escape(contract.description)
    owner = contract.owner
    if owner is not None:
        known = [word for word in (owner.team, owner.name, owner.slack, owner.email) if word]
        yield ""
        yield f"Owner: {escape(', '.join(known))}"


def _flow(contract: Contract) -> Iterator[str]:
    source, target = contract.source, contract.target
    place = getattr(source, "connection", None) or getattr(source, "database", None) or ""
    named = (getattr(source, key, None) for key in ("table", "path", "operation", "endpoint"))
    what = next((name for name in named if name), "a query" if getattr(source, "query", None) else "")
    yield f"**From** {source.type} {_code(' '.join(part for part in (place, what) if part))}"
    steps = ", ".join(item.kind for item in contract.transform)
    if steps:
        yield f"**through** {steps}"
    if target is None:
        yield "(only checked: it has no target)"
        return
    yield f"**to** {_code(target_name(contract))}, `{target.write}`."
    allow = contract.quarantine.allow
    aside = (
        f"Up to {decimal_text(allow * 100)}% of the rows may be set aside."
        if allow
        else "A row that breaks a check fails the run."
    )
    held = " A violated run waits for a person to release or reject it." if contract.on_violation == "hold" else ""
    yield f"{aside}{held}"


def _checks(contract: Contract) -> Iterator[str]:
    yield "| check | promise | judged | when broken |"
    yield "|---|---|---|---|"
    for check in checks_of(contract):
        words = "warns" if check.severity == "warn" else "blocks"
        yield f"| {_code(check.name)} | {escape(check.expected)} | {GATES[check.gate]} | {words} |"


def _foot(contract: Contract, path: str) -> Iterator[str]:
    if contract.alerts:
        yield "Told: " + "; ".join(f"{', '.join(alert.to)} when {_code(alert.when)}" for alert in contract.alerts)
        yield ""
    if path:
        yield f"Contract: {_code(path)}"


def _code(text: str) -> str:
    return f"`{text.replace('`', '')}`" if text else ""
