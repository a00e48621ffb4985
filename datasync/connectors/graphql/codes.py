"""Errors of a GraphQL answer in, the codes among them that are words of a protocol out: what else stands there may be a value."""

from __future__ import annotations

import re
from typing import Any

_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,59}")


def codes_of(errors: Any) -> list[str]:
    """Give `extensions.code` of each error, sorted, those that are spelled as codes are: `RATE_LIMITED`."""
    given = errors if isinstance(errors, list) else []
    extensions = [error.get("extensions") for error in given if isinstance(error, dict)]
    codes = [found.get("code") for found in extensions if isinstance(found, dict)]
    return sorted({code for code in codes if isinstance(code, str) and _CODE.fullmatch(code)})
