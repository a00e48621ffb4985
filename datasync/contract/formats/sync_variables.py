"""Texts of an earlier configuration in, texts with a contract's variables out, and the params that the contract must declare."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

_VARIABLE = re.compile(r"\{\{\s*([A-Za-z_][\w.]*)\s*\}\}")
VARIABLE = "var.value."
_QUOTED = re.compile(r"'\{([A-Za-z_]\w*)\}'")
_BARE = re.compile(r"\{([A-Za-z_]\w*)\}")
_EITHER = re.compile(rf"{_VARIABLE.pattern}|{_BARE.pattern}")
RUN_VARIABLES = ("ds", "next_ds", "run_id", "data_interval_start", "data_interval_end")


def is_run_variable(text: str) -> bool:
    """Tell whether a text is a run variable and nothing else, such as `{{ ds }}`."""
    whole = _VARIABLE.fullmatch(text.strip())
    return whole is not None and whole[1] in RUN_VARIABLES


def variables_in(text: str) -> list[str]:
    """Give the names of `{{ var.value.NAME }}` in a text, each once."""
    names = [match[1] for match in _VARIABLE.finditer(text) if match[1].startswith(VARIABLE)]
    return [name.removeprefix(VARIABLE) for name in dict.fromkeys(names)]


def holds_variable(value: Any) -> bool:
    """Tell whether a value is a text with a variable in it."""
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

    def request(self, name: str) -> str:
        """Give what stands for a param in a request: its variables, else the param's own name, which is declared.

        Raises:
            UnfitError: a variable that has no counterpart.
        """
        value = self.given[name]
        return self.text(value) if holds_variable(value) else "{" + self._param(name) + "}"

    def place(self, text: str) -> str:
        """Rewrite a path or an endpoint, in which `{name}` is a param.

        Raises:
            UnfitError: a variable that has no counterpart, or a placeholder without a param.
        """
        return _EITHER.sub(lambda match: "{" + (self._variable(match[1]) if match[1] else self._param(match[2])) + "}", text)

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
        if holds_variable(value):
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
