"""A regex of a documented subset in, one spelling per engine out."""

from __future__ import annotations

from dataclasses import dataclass

from datasync.contract.types import Dialect


@dataclass(frozen=True, slots=True)
class Regex:
    """A checked regex.

    Attributes:
        text: as the author wrote it.
        polars: the spelling of Rust's regex crate.
    """

    text: str
    polars: str

    def pattern(self, dialect: Dialect) -> str:
        """Give the spelling for one dialect's regex engine."""
        return self.text


def compile_regex(text: str) -> Regex:
    """Check a regex (stub until the parser lands)."""
    return Regex(text, text)


def from_like(pattern: str) -> str:
    """Write a LIKE pattern (`~` escapes) as a regex of the whole text."""
    import re

    out, rest = "", iter(pattern)
    for character in rest:
        if character == "~":
            out += re.escape(next(rest))
        else:
            out += {"%": ".*", "_": "."}.get(character) or re.escape(character)
    return rf"(?s)\A{out}\z"
