"""A YAML tree of the earlier sync configuration in, its typed parts out, or each thing that is wrong with it.

That configuration names no columns, which a contract needs: `datasync import` asks the source for them and rewrites it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

from pydantic import Field, ValidationError

from datasync.contract.base import Model
from datasync.contract.columns import Value
from datasync.contract.model import Contract
from datasync.contract.yaml_tree import Path, Tree, dotted
from datasync.errors import ContractError, Problem, shorten

TYPES = {
    "numeric": "is_numeric", "number": "is_numeric", "integer": "is_integer", "float": "is_float", "string": "is_text",
    "datetime": "is_temporal", "timestamp": "is_temporal", "date": "is_temporal",
}  # fmt: skip
"""A validator's word for a type -> the property of `DataType` that says so."""


class Source(Model):
    """Where rows are read: a query whose `{placeholders}` are filled from params."""

    type: Literal["postgres", "mysql"]
    connection_id: str
    query: str
    params: dict[str, Value] = Field(default_factory=dict)


class Target(Model):
    """Where rows go."""

    type: Literal["rest_api", "postgres", "mysql"]
    connection_id: str
    endpoint: str | None = None
    method: Literal["POST", "PUT", "PATCH"] = "POST"
    payload_template: dict[str, Any] = Field(default_factory=dict)
    table: str | None = None


class FieldRule(Model):
    """What `data_validator` asks of a field."""

    field: str
    type: Literal[tuple(TYPES)] | None = None  # type: ignore[valid-type]
    required: bool | None = None
    min: Value | None = None
    max: Value | None = None
    pattern: str | None = None


class Step(Model):
    """One processor; which keys it may have depends on its type."""

    type: Literal["timestamp_converter", "payload_formatter", "data_validator"]
    timezone: str | None = None
    timestamp_fields: tuple[str, ...] = ()
    format: Literal["default", "esl_format", "inventory_format"] = "default"
    company_code: str | None = None
    store_code: str | None = None
    rules: tuple[FieldRule, ...] = ()


class Transform(Model):
    processors: tuple[Step, ...] = ()


class ChangeDetection(Model):
    enabled: bool = True
    query: str


class EarlierAlert(Model):
    condition: str
    channel: Literal["slack", "email", "both"]
    message: str | None = None


class Monitoring(Model):
    change_detection: ChangeDetection | None = None
    task_decomposition: bool = False
    alerts: tuple[EarlierAlert, ...] = ()


class Gate(Model):
    """One of `validation_rules`."""

    type: Literal["record_count_match", "data_freshness", "schema_validation"]
    tolerance: Decimal | int | None = None
    max_age_hours: int | None = Field(None, ge=1)
    field: str | None = None
    required_fields: tuple[str, ...] = ()


class Gates(Model):
    validation_rules: tuple[Gate, ...] = ()


class SyncConfig(Model):
    """A whole earlier configuration."""

    source: Source
    target: Target
    transform: Transform = Transform()
    monitoring: Monitoring = Monitoring()
    quality_gates: Gates = Gates()


UNDECLARED = "E_SYNC_CONFIG_COLUMNS"
"""Code of the one problem that such a file has for a reader who cannot ask its source."""


def recognises(tree: Tree) -> bool:
    """Tell whether a tree is in this spelling: it has no name, and connections are called as they were then."""
    value = tree.value
    if not isinstance(value, dict) or "contract" in value:
        return False
    blocks = [block for name in ("source", "target") if isinstance(block := value.get(name), dict)]
    return any("connection_id" in block for block in blocks)


def normalise(tree: Tree, file: str) -> tuple[Contract | None, list[Problem]]:
    """Type such a file as far as its text goes; its columns are the source's, which is asked when it runs."""
    try:
        read_config(tree, file)
    except ContractError as error:
        return None, [problem for problem in error.problems if problem not in tree.problems]
    place = tree.place(("source",))
    found = "the earlier configuration: its columns are asked of the source when it runs"
    hint = "datasync import --format sync_config FILE writes the contract"
    return None, [Problem("", found, "", hint, file, place.line, place.column, UNDECLARED, "advice")]


def read_config(tree: Tree, file: str) -> SyncConfig:
    """Type a tree.

    Raises:
        ContractError: every key or value that does not fit.
    """
    try:
        found = SyncConfig.model_validate(tree.value)
    except ValidationError as error:
        raise ContractError([*tree.problems, *(_problem(tree, file, item) for item in error.errors())]) from None
    if tree.problems:
        raise ContractError(tree.problems)
    return found


def _problem(tree: Tree, file: str, item: Any) -> Problem:
    path: Path = tuple(part for part in item["loc"] if isinstance(part, int) or not part.startswith(("function-", "lax")))
    place = tree.place(path)
    if item["type"] in ("extra_forbidden", "missing"):
        found, allowed = "unknown key" if item["type"] == "extra_forbidden" else "is missing", ""
    else:
        given = item["input"]
        found = f"'{shorten(str(given), 60)}'" if isinstance(given, str | int | Decimal) else "another structure"
        allowed = item["msg"].replace("Input should be ", "").replace("tuple", "list").replace("dictionary", "mapping")
    return Problem(dotted(path), found, allowed, "", file, place.line, place.column, "E_SYNC_CONFIG")


def problem_at(tree: Tree, file: str, path: Path, found: str, hint: str = "") -> Problem:
    """Say a problem of an earlier configuration at its place."""
    place = tree.place(path)
    return Problem(dotted(path), found, "", hint, file, place.line, place.column, "E_SYNC_CONFIG")


_VARIABLE = re.compile(r"\{\{\s*([A-Za-z_][\w.]*)\s*\}\}")
VARIABLE = "var.value."
_QUOTED = re.compile(r"'\{([A-Za-z_]\w*)\}'")
_BARE = re.compile(r"\{([A-Za-z_]\w*)\}")
RUN_VARIABLES = ("ds", "next_ds", "run_id", "data_interval_start", "data_interval_end")


def is_run_variable(text: str) -> bool:
    """Tell whether a text is a run variable and nothing else, such as `{{ ds }}`."""
    whole = _VARIABLE.fullmatch(text.strip())
    return whole is not None and whole[1] in RUN_VARIABLES


def variables_in(text: str) -> list[str]:
    """Give the names of `{{ var.value.NAME }}` in a text, each once."""
    names = [match[1] for match in _VARIABLE.finditer(text) if match[1].startswith(VARIABLE)]
    return [name.removeprefix(VARIABLE) for name in dict.fromkeys(names)]


def with_params(config: SyncConfig, given: Mapping[str, Any]) -> SyncConfig:
    """Put values from outside where the file has a variable, or where they are run variables themselves.

    Other params stay: the contract declares them, and a run gives them their values.
    """
    params = {
        name: given[name] if name in given and (_holds(value) or _holds(given[name])) else value
        for name, value in config.source.params.items()
    }
    return config.model_copy(update={"source": config.source.model_copy(update={"params": params})})


def _holds(value: Any) -> bool:
    return isinstance(value, str) and _VARIABLE.search(value) is not None


class UnfitError(ValueError):
    """A text of an earlier configuration that has no counterpart; the message says why."""


class Names:
    """Rewrites variables and placeholders, and remembers the params that the contract must declare."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.given = given
        self.params: dict[str, dict[str, Any]] = {}

    def text(self, text: str) -> str:
        """Rewrite `{{ ds }}` and its kin within a text as `{ds}`.

        Raises:
            UnfitError: a variable that has no counterpart, or text that would be taken for one.
        """
        if _BARE.search(_VARIABLE.sub("", text)):
            raise UnfitError("text in single braces, which a contract would take for a variable")
        return _VARIABLE.sub(lambda match: "{" + self._variable(match[1]) + "}", text)

    def structure(self, value: Any) -> Any:
        """Rewrite all texts of a structure."""
        if isinstance(value, dict):
            return {name: self.structure(item) for name, item in value.items()}
        if isinstance(value, tuple):
            return [self.structure(item) for item in value]
        return self.text(value) if isinstance(value, str) else float(value) if isinstance(value, Decimal) else value

    def query(self, query: str) -> str:
        """Rewrite quoted placeholders as bound values; those without quotes stay identifiers.

        Raises:
            UnfitError: a placeholder within a longer quoted text, or one without a param.
        """
        bound = _QUOTED.sub(lambda match: f":{self._param(match[1])}", query)
        if any(_BARE.search(text) for text in re.findall(r"'[^']*'", bound)):
            raise UnfitError("a placeholder within a longer quoted text: build the text in SQL, such as '%' || '{name}'")
        return _BARE.sub(lambda match: "{" + self._identifier(match[1]) + "}", bound)

    def _identifier(self, name: str) -> str:
        if is_run_variable(str(self.given.get(name, ""))):
            raise UnfitError(f"a variable as the identifier {{{name}}}: quote it, or give it a value")
        return self._param(name)

    def _variable(self, name: str) -> str:
        if name.startswith(VARIABLE):
            self.params.setdefault(name.removeprefix(VARIABLE), {"type": "string"})
            return name.removeprefix(VARIABLE)
        if name not in RUN_VARIABLES:
            raise UnfitError(f"the variable {{{{ {name} }}}}; known: {', '.join(RUN_VARIABLES)}, var.value.NAME")
        return name

    def _param(self, name: str) -> str:
        """Give the name that a query binds: a run variable where the param is nothing else, else a declared param."""
        if name not in self.given:
            if name == "last_run_time":
                return name
            raise UnfitError(f"the placeholder {{{name}}} without a value in params")
        value = self.given[name]
        whole = _VARIABLE.fullmatch(value.strip()) if isinstance(value, str) else None
        if whole is not None:
            return self._variable(whole[1])
        if _holds(value):
            raise UnfitError(f"the param {name} mixes text and variables")
        kind = (
            "bool"
            if isinstance(value, bool)
            else "int64"
            if isinstance(value, int)
            else "float64"
            if isinstance(value, Decimal)
            else "string"
        )
        self.params.setdefault(name, {"type": kind, "default": float(value) if isinstance(value, Decimal) else value})
        return name
