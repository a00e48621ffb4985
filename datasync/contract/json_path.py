"""The text of a JSONPath in, its steps out: the subset that can be followed while a document streams by."""

from __future__ import annotations

import re

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
