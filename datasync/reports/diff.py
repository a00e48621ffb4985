"""Two texts in, the lines that differ with a little around them out."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from datasync.reports.html.views import DiffLine

AROUND = 2
LONGEST = 400
"""Lines shown at most: a contract that was written anew is not read as a difference."""


def differences(old: str, new: str) -> tuple[DiffLine, ...]:
    """Give what changed between two texts; empty when nothing did."""
    return tuple(_lines(old.splitlines(), new.splitlines()))[:LONGEST]


def _lines(old: list[str], new: list[str]) -> Iterator[DiffLine]:
    kinds = {"+": "added", "-": "removed", " ": "kept"}
    for number, line in enumerate(difflib.unified_diff(old, new, lineterm="", n=AROUND)):
        if number < 2:
            continue
        if line.startswith("@@"):
            yield DiffLine("gap")
        else:
            yield DiffLine(kinds[line[0]], line[1:])
