"""The text of a JSONPath in, its steps out: any path for whole documents, and what can be followed while one streams by."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

Path = tuple[str | None, ...]
"""Steps from the document's root: a key of an object, or None for every element of an array."""

ALLOWED = "$ and then .name, ['name'] or [*]"
_STEP = re.compile(r"""\.(?P<plain>[^\W\d][\w-]*)|\[\s*(?:(?P<all>\*)|'(?P<single>[^'\\]+)'|"(?P<double>[^"\\]+)")\s*\]""")


def parse_path(text: str) -> Path:
    """Read a path.

    Args:
        text: such as `$[*]`, `$.data.items[*]`, `$['odd key'][*].orders[*]`.

    Raises:
        ValueError: it is no path, or has a step that needs the whole document (`..`, filters, slices, indexes, unions).
    """
    if not text.startswith("$"):
        raise ValueError("a path begins with $, the document")
    steps: list[str | None] = []
    at = 1
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None:
            raise ValueError(f"'{text[at : at + 20]}' cannot be followed while the document streams by")
        steps.append(None if match["all"] else match["plain"] or match["single"] or match["double"])
        at = match.end()
    return tuple(steps)


_INDEX = re.compile(r"\[\s*([0-9]{1,9})\s*\]")


def parse_member(text: str) -> tuple[str | int, ...]:
    """Read the path of one value.

    Args:
        text: `$.a.b`, `$.a[0]`, `$['odd key']`, or dotted keys: `a.b`.

    Returns:
        Keys of objects and places in arrays, from the document on; `$` alone is the document.

    Raises:
        ValueError: it is no path, or may lead to several values.
    """
    if not text.startswith("$"):
        keys = tuple(text.split("."))
        if not all(keys):
            raise ValueError(f"'{text[:60]}' has an empty key; written $.a.b, $.a[0], $['odd key'] or a.b")
        return keys
    steps: list[str | int] = []
    at = 1
    while at < len(text):
        match = _INDEX.match(text, at)
        if match is not None:
            steps.append(int(match[1]))
        else:
            match = _STEP.match(text, at)
            if match is None or match["all"]:
                raise ValueError(f"'{text[at : at + 20]}' does not lead to one value; written $.a.b, $.a[0], $['odd key'] or a.b")
            steps.append(match["plain"] or match["single"] or match["double"])
        at = match.end()
    return tuple(steps)


@cache
def parse_any(text: str) -> Any:
    """Read a path into a document that is whole in memory.

    Returns:
        The path of `jsonpath_ng`, which must be installed.

    Raises:
        ValueError: it is no JSONPath.
    """
    from jsonpath_ng.ext.parser import parse

    try:
        return parse(text)
    except Exception as error:  # the library raises bare ones too
        raise ValueError(f"no JSONPath: {(str(error).splitlines() or [''])[0][:80]}") from None
