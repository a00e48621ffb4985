"""An earlier configuration in, what its types cannot say is wrong with it out, each thing at its place."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path as File

from datasync.contract.base import Model
from datasync.contract.formats.sync_config import TYPES, FieldRule, Gate, Step, SyncConfig
from datasync.contract.formats.sync_variables import variables_in
from datasync.contract.lint import alerting
from datasync.contract.lint.finding import Findings
from datasync.contract.scalars import NoShare, parse_share
from datasync.contract.yaml_tree import Path, Tree
from datasync.errors import Problem, shorten

CODED = ("esl_format", "inventory_format")
"""Forms of payloads that name a company and a store."""
CODES = ("company_code", "store_code")
Keys = tuple[tuple[str, ...], tuple[str, ...]]
STEP_KEYS: Mapping[str, Keys] = {
    "timestamp_converter": (("timezone", "timestamp_fields"), ()),
    "payload_formatter": ((), ("format", *CODES)),
    "data_validator": (("rules",), ()),
}
GATE_KEYS: Mapping[str, Keys] = {
    "record_count_match": ((), ("tolerance",)),
    "data_freshness": (("max_age_hours",), ("field",)),
    "schema_validation": (("required_fields",), ()),
}
"""Type -> the keys that it needs, and those that it may have."""


def judge(config: SyncConfig, tree: Tree, file: str) -> list[Problem]:
    """Find what only somebody who knows the meaning of its keys can see; no source is asked.

    Args:
        config: of `tree`, which stands in `file`.

    Returns:
        All problems; those of severity `advice` refuse nothing.
    """
    findings = Findings(tree, File(file))
    for number, step in enumerate(config.transform.processors):
        _step(findings, ("transform", "processors", number), step)
    for number, alert in enumerate(config.monitoring.alerts):
        path: Path = ("monitoring", "alerts", number)
        alerting.condition(findings, (*path, "condition"), alert.condition)
        alerting.message(findings, (*path, "message"), alert.message or "")
    for number, gate in enumerate(config.quality_gates.validation_rules):
        _gate(findings, ("quality_gates", "validation_rules", number), gate)
    _variables(findings)
    return findings.problems


def _step(findings: Findings, path: Path, step: Step) -> None:
    _keys(findings, path, step, STEP_KEYS[step.type])
    if step.timezone is not None:
        findings.zone((*path, "timezone"), step.timezone)
    if step.type == "payload_formatter" and step.format in CODED:
        for code in CODES:
            if getattr(step, code) is None:
                hint = f'{code}: "{{{{ var.value.{code} }}}}" takes the variable of that name'
                findings.add(path, f"'{code}' is missing", f"{step.format} needs {' and '.join(CODES)}", hint)
    for number, rule in enumerate(step.rules):
        _rule(findings, (*path, "rules", number), rule)


def _rule(findings: Findings, path: Path, rule: FieldRule) -> None:
    word = TYPES.get(rule.type) if rule.type is not None else None
    if rule.pattern is not None:
        findings.pattern((*path, "pattern"), rule.pattern)
        if word not in (None, "is_text"):
            findings.add((*path, "pattern"), f"pattern on {rule.type}", "text", "take min and max, or type: string")
    for key in ("min", "max"):
        bound = getattr(rule, key)
        if bound is not None and word in ("is_numeric", "is_integer", "is_float") and not _is_number(bound):
            findings.add((*path, key), f"'{bound}', and {rule.field} is {rule.type}", "a number", "write it without quotes")
    if _is_number(rule.min) and _is_number(rule.max) and rule.min > rule.max:  # type: ignore[operator]
        findings.add((*path, "min"), f"min {rule.min} is greater than max {rule.max}", "min at most max")


def _is_number(value: object) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _gate(findings: Findings, path: Path, gate: Gate) -> None:
    _keys(findings, path, gate, GATE_KEYS[gate.type])
    if gate.tolerance is not None:
        try:
            parse_share(gate.tolerance)
        except NoShare as error:
            findings.add((*path, "tolerance"), f"'{shorten(str(gate.tolerance), 60)}'", str(error), error.hint)


def _keys(findings: Findings, path: Path, part: Model, keys: Keys) -> None:
    """Say which keys a part lacks, and which would do nothing there."""
    needed, others = keys
    kind = getattr(part, "type", "")
    for key in needed:
        if getattr(part, key) in (None, ()):
            findings.add(path, f"'{key}' is missing", f"{kind} needs {' and '.join(needed)}")
    for key in sorted(part.model_fields_set - {"type", *needed, *others}):
        allowed = f"it has {', '.join((*needed, *others))}"
        findings.add((*path, key), f"a key that {kind} does not have", allowed, "it would do nothing")


def _variables(findings: Findings) -> None:
    """A run needs values for Airflow's variables; whoever lints may stand where they are not."""
    seen: set[str] = set()
    for path, text in _texts((), findings.tree.value):
        for name in variables_in(text):
            if name not in seen and f"AIRFLOW_VAR_{name.upper()}" not in os.environ:
                hint = f"give --param {name}=… or set AIRFLOW_VAR_{name.upper()}; in Airflow, the variable {name}"
                findings.advise(path, f"the variable {name} has no value here", hint)
            seen.add(name)


def _texts(path: Path, value: object) -> Iterable[tuple[Path, str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _texts((*path, key), item)
    elif isinstance(value, tuple):
        for number, item in enumerate(value):
            yield from _texts((*path, number), item)
    elif isinstance(value, str):
        yield path, value
