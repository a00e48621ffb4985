"""The contract's models in, their JSON Schema out: completion and hover text for editors."""

from __future__ import annotations

from typing import Any

from datasync.contract.model import Contract
from datasync.contract.types import ALIASES, PLAIN


def json_schema() -> dict[str, Any]:
    """Give the JSON Schema (draft 2020-12) of a native contract."""
    found = Contract.model_json_schema(by_alias=True)
    found["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    found["title"] = "datasync contract"
    _types(found)
    return found


def _types(schema: Any) -> None:
    """Let editors complete type names; a type with parts is any text."""
    if isinstance(schema, dict):
        kind = schema.get("properties", {}).get("type")
        if isinstance(kind, dict) and kind.get("type") == "string" and "const" not in kind and "enum" not in kind:
            kind.pop("type")
            kind["anyOf"] = [{"enum": [*PLAIN, *ALIASES]}, {"type": "string"}]
        for value in schema.values():
            _types(value)
    elif isinstance(schema, list):
        for value in schema:
            _types(value)
