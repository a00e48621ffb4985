r"""A regex of a documented subset in, one spelling per engine out, so that all of them match the same texts.

    alternatives  a|b                    groups  (…) and (?:…), alike
    one character x  .  [a-z_]  [^0-9]   repeats x?  x*  x+  x{3}  x{2,5}  x{2,}
    any of        \d  \w  \s  \D  \W  \S (ASCII)                 escapes \n \t \r and \ before punctuation
    edges         ^ and $: start and end of the whole text

A regex is searched for anywhere in the text. `.` is everything but a newline; `\d` is `[0-9]`, `\w` is `[A-Za-z0-9_]`, `\s` is
space, tab, newline, carriage return, form feed, vertical tab. Letters match their own case. Not part of it: backreferences,
lookaround, flags, lazy and possessive repeats, `\b`, Unicode classes. A repeat without an upper bound inside another one is
refused, as some engines would need exponential time for it.
"""

from __future__ import annotations

import functools
import re
import string
from collections.abc import Callable
from dataclasses import dataclass

from datasync.contract.expressions.problems import ExpressionError
from datasync.contract.types import Dialect

MAX_CHARACTERS = 500
MAX_REPEAT = 255
"""Largest count in braces; PostgreSQL's limit."""
MAX_COPIES = 1_000
"""Largest number of copies that nested counts may make; RE2's limit."""
MAX_DEPTH = 20

_DIGIT, _WORD, _SPACE = "0-9", "A-Za-z0-9_", r" \t\n\r\x0b\x0c"
_CLASSES = {"d": _DIGIT, "w": _WORD, "s": _SPACE}
_CONTROLS = {"n": r"\n", "t": r"\t", "r": r"\r"}
_MEANING = {"\n": r"\n", "\t": r"\t", "\r": r"\r"}
_HINTS = {
    "b": "word edges differ between systems: write the characters that may stand there",
    "B": "word edges differ between systems", "p": "Unicode classes differ between systems",
    "P": "Unicode classes differ between systems",
    "A": "write ^", "z": "write $", "Z": "write $",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Regex:
    """A checked regex.

    Attributes:
        text: as the author wrote it.
        polars: the spelling of Rust's regex crate, which DuckDB's RE2 and MariaDB's PCRE read too.
        python: the spelling of Python's re, which PostgreSQL reads too.
    """

    text: str
    polars: str
    python: str

    def pattern(self, dialect: Dialect) -> str:
        """Give the spelling for a dialect's regex engine."""
        return self.python if dialect in ("postgres", "sqlite") else self.polars


@functools.lru_cache(maxsize=512)
def compile_regex(text: str) -> Regex:
    """Check a regex.

    Args:
        text: at most 500 characters of the subset above.

    Returns:
        The regex in every engine's spelling.

    Raises:
        ExpressionError: anything outside the subset; `position` counts from the start of the regex.
    """
    if not text or len(text) > MAX_CHARACTERS:
        raise ExpressionError(f"a regex of {len(text)} characters", f"1 to {MAX_CHARACTERS} characters", position=0)
    made = _Reader(text).whole()
    return Regex(text, made.replace(_END, r"\z"), made.replace(_END, r"\Z"))


def from_like(pattern: str) -> str:
    """Write a LIKE pattern, with `~` before what stands for itself, as a regex of Rust's crate over the whole text."""
    out, rest = "", iter(pattern)
    for character in rest:
        if character == "~":
            out += re.escape(next(rest))
        else:
            out += {"%": ".*", "_": "."}.get(character) or re.escape(character)
    return rf"(?s)\A{out}\z"


@functools.lru_cache(maxsize=512)
def _matcher(pattern: str) -> Callable[[str], bool]:
    if not re.search(r"\)[*+?{]", pattern):
        compiled = re.compile(pattern, re.ASCII)
        return lambda text: compiled.search(text) is not None
    # A repeated group can cost Python's engine exponential time on a hostile text; Rust's is linear.
    import polars as pl

    rust = re.sub(r"\\(.)", lambda escape: r"\z" if escape[1] == "Z" else escape[0], pattern)
    return lambda text: bool(pl.Series([text], dtype=pl.String()).str.contains(rust).item())


def search(pattern: str, value: object) -> bool | None:
    """Tell whether a text holds a match; the `regexp` function of SQLite.

    Args:
        pattern: a regex in its `python` spelling.
        value: a text; for anything else the answer is None.
    """
    return _matcher(pattern)(value) if isinstance(value, str) else None


_END = "\ue000"
"""Stands for the end of the text until an engine is chosen; the reader refuses it in a regex."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece: its spelling, whether it repeats without bound, the copies its counts make, whether it takes a repeat."""

    text: str
    unbounded: bool = False
    copies: int = 1
    repeatable: bool = True


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0

    def whole(self) -> str:
        made = self._alternatives()
        if self.at < len(self.text):
            raise self._error("a ) without its (", r"write \) for the character")
        return made.text

    def _error(self, found: str, hint: str = "", at: int | None = None) -> ExpressionError:
        return ExpressionError(f"regex: {found}", "", hint, self.at if at is None else at)

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def _take(self) -> str:
        character = self._peek()
        self.at += 1
        return character

    def _alternatives(self) -> _Part:
        branches = [self._sequence()]
        while self._peek() == "|":
            self.at += 1
            branches.append(self._sequence())
        return _Part(
            "|".join(part.text for part in branches),
            any(part.unbounded for part in branches),
            sum(part.copies for part in branches),
        )

    def _sequence(self) -> _Part:
        parts: list[_Part] = []
        start = self.at
        while self._peek() not in ("", "|", ")"):
            parts.append(self._repeated())
        if not parts:
            raise self._error("an empty alternative", "write (…)? for something that may be missing", start)
        return _Part(
            "".join(part.text for part in parts), any(part.unbounded for part in parts), sum(part.copies for part in parts)
        )

    def _repeated(self) -> _Part:
        start = self.at
        part = self._atom()
        repeat = self._repeat()
        if repeat is None:
            return part
        spelled, most = repeat
        if not part.repeatable:
            raise self._error("a repeat of an edge", "", start)
        if most is None and part.unbounded:
            raise self._error("an unbounded repeat inside another", "give one of them a bound, such as {0,50}", start)
        copies = part.copies * (most or 1)
        if copies > MAX_COPIES:
            raise self._error(f"counts that make {copies} copies", f"at most {MAX_COPIES}", start)
        if self._peek() and self._peek() in "*+?{":
            raise self._error(
                "a repeat of a repeat", "lazy and possessive repeats are not part of the subset; they would match the same texts"
            )
        return _Part(part.text + spelled, part.unbounded or most is None, copies)

    def _repeat(self) -> tuple[str, int | None] | None:
        character = self._peek()
        if character in ("*", "+", "?") and character:
            self.at += 1
            return character, 1 if character == "?" else None
        if character != "{":
            return None
        match = re.compile(r"\{([0-9]{1,4})(,([0-9]{1,4})?)?\}").match(self.text, self.at)
        if match is None:
            raise self._error("a { that begins no count", r"write {2}, {2,5} or {2,}, or \{ for the character")
        least = int(match[1])
        most = int(match[3]) if match[3] else (None if match[2] else least)
        if least > MAX_REPEAT or (most is not None and not max(least, 1) <= most <= MAX_REPEAT):
            raise self._error(f"the count {match[0]}", f"1 to {MAX_REPEAT}, the smaller first")
        self.at = match.end()
        inside = str(least) if match[2] is None else f"{least},{'' if most is None else most}"
        return f"{{{inside}}}", most

    def _atom(self) -> _Part:
        start, character = self.at, self._take()
        if character == "(":
            return self._group(start)
        if character == "[":
            return _Part(self._class(start))
        if character == "\\":
            return _Part(self._escape(start))
        if character in ("^", "$"):
            return _Part(r"\A" if character == "^" else _END, repeatable=False)
        if character == ".":
            return _Part(r"[^\n]")
        if character in "*+?{":
            raise self._error(f"a {character} with nothing to repeat", f"write \\{character} for the character", start)
        return _Part(self._plain(character, start, r"\.+*?()|[]{}^$"))

    def _plain(self, character: str, start: int, special: str) -> str:
        if character in _MEANING:
            return _MEANING[character]
        if not character.isprintable() or character == _END:
            raise self._error("a control or private character", "", start)
        return "\\" + character if character in special else character

    def _group(self, start: int) -> _Part:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self._error("groups that are nested too deeply", f"at most {MAX_DEPTH}", start)
        if self._peek() == "?":
            if self.text[self.at : self.at + 2] != "?:":
                raise self._error("(?…)", "only (?:…): no lookaround, names or flags; for any case match lower(text)", start)
            self.at += 2
        inside = self._alternatives()
        if self._take() != ")":
            raise self._error("a ( without its )", r"write \( for the character", start)
        self.depth -= 1
        return _Part(f"(?:{inside.text})", inside.unbounded, inside.copies)

    def _escape(self, start: int) -> str:
        character = self._take()
        if character in _CLASSES and character:
            return f"[{_CLASSES[character]}]"
        if character.lower() in _CLASSES and character:
            return f"[^{_CLASSES[character.lower()]}]"
        return self._escaped(character, start, r"\.+*?()|[]{}^$")

    def _escaped(self, character: str, start: int, special: str) -> str:
        if character in _CONTROLS and character:
            return _CONTROLS[character]
        if character and (character in string.punctuation or character == " "):
            return self._plain(character, start, special)
        hint = "backreferences are not part of the subset" if character.isdigit() else _HINTS.get(character, "")
        raise self._error(f"the escape \\{character}", hint, start)

    def _class(self, start: int) -> str:
        negated = self._peek() == "^"
        self.at += negated
        items = ""
        while self._peek() != "]":
            if not self._peek():
                raise self._error("a [ without its ]", r"write \[ for the character", start)
            items += self._class_item()
        self.at += 1
        if not items:
            raise self._error("an empty [ ]", r"write \] for the character", start)
        return f"[{'^' if negated else ''}{items}]"

    def _class_item(self) -> str:
        start = self.at
        first = self._member(start)
        if len(first) > 2 and first in _CLASSES.values():
            return first
        if self._peek() == "-" and self.text[self.at + 1 : self.at + 2] not in ("]", ""):
            self.at += 1
            last = self._member(self.at)
            if last in _CLASSES.values() or not _code(first) <= _code(last):
                raise self._error("a range whose ends are not in order", "", start)
            return f"{first}-{last}"
        return first

    def _member(self, start: int) -> str:
        character = self._take()
        special = r"\[]^-&~"
        if character == "\\":
            escaped = self._take()
            return _CLASSES[escaped] if escaped in _CLASSES and escaped else self._escaped(escaped, start, special)
        if character == "[":
            raise self._error("a [ inside [ ]", r"write \[ for the character", start)
        return self._plain(character, start, special)


def _code(spelled: str) -> int:
    plain = {value: key for key, value in _MEANING.items()}.get(spelled)
    return ord(plain or spelled[-1])
