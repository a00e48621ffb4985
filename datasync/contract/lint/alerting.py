"""Problems of alerts: conditions, messages and recipients."""

from __future__ import annotations

import re

from datasync.contract.alerting import METRICS
from datasync.contract.lint.finding import Finder, Findings
from datasync.contract.types import parse_type
from datasync.contract.variables import placeholders
from datasync.contract.yaml_tree import Path

_ADDRESS = re.compile(r"^[^@\s]+@[^@\s]+$")


def find(finder: Finder) -> None:
    """Look at each item of `alerts:`."""
    for number, alert in enumerate(finder.contract.alerts):
        path: Path = ("alerts", number)
        condition(finder, (*path, "when"), alert.when)
        message(finder, (*path, "message"), alert.message or "")
        for place, channel in enumerate(alert.to):
            if channel not in ("slack", "email", "both") and not channel.startswith("#") and not _ADDRESS.match(channel):
                finder.add((*path, "to", place), f"'{channel}'", "slack, email, both, a #channel or an address")


def condition(findings: Findings, path: Path, text: str) -> None:
    """Say what is wrong with a condition over the run's metrics."""
    findings.expression(path, text, {name: parse_type(kind) for name, kind in METRICS.items()})


def message(findings: Findings, path: Path, text: str) -> None:
    """Say which `{metric}` of a message there is not."""
    for name, form in placeholders(text):
        if name not in METRICS:
            findings.unknown(path, name, "metric", METRICS)
        elif form not in (None, ","):
            findings.add(path, f"'{{{name}:{form[:20]}}}'", f"{{{name}}} or {{{name}:,}}")
