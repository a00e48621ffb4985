"""The regex subset: what it means and what it refuses. (That engines agree is tested in test_agreement.)"""

from __future__ import annotations

import polars as pl
import pytest

from datasync.contract.expressions import ExpressionError
from datasync.contract.expressions.regex import compile_regex, search

REFUSED = [
    "",
    "a" * 501,
    "(",
    ")",
    "a)",
    "(a",
    "[a",
    "[]",
    "[]a]",
    "[[:alpha:]]",
    "a**",
    "a+?",
    "a*+",
    "*a",
    "+",
    "?",
    "{2}",
    "a{",
    "a{,2}",
    "a{3,2}",
    "a{256}",
    "a{0,0}",
    "a{1,2}{3}",
    "(?=a)",
    "(?!a)",
    "(?<=a)",
    "(?<n>a)",
    "(?P<n>a)",
    "(?i)a",
    "(?i:a)",
    r"(a)\1",
    r"\b",
    r"\B",
    r"\p{L}",
    r"\A",
    r"\z",
    r"\x41",
    r"\u0041",
    r"\Q",
    "\\",
    "a||b",
    "|a",
    "a|",
    "()",
    "(a+)+",
    "(a*)*",
    "((a|b)*c)+",
    "(a{2,})*",
    "^*",
    "$+",
    "[z-a]",
    r"[a-\d]",
    r"[\S]",
    "a\x00",
    "((a{99}){99}){99}",
    "(" * 30 + "a" + ")" * 30,
]


@pytest.mark.parametrize("text", REFUSED)
def test_refused(text: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_regex(text)
    assert 0 <= caught.value.position <= len(text)


MEANING = [
    ("b", "abc", True),
    ("^b", "abc", False),
    ("c$", "abc", True),
    ("c$", "abc\n", False),
    ("^$", "", True),
    ("a.c", "a\nc", False),
    ("a.c", "aéc", True),
    (r"^\d+$", "１２", False),
    (r"^\w+$", "é", False),
    (r"^\w+$", "a_1", True),
    (r"\s", "\x0b", True),
    (r"\s", "\u00a0", False),
    (r"^\S+$", "\u00a0", True),
    (r"^[^a]$", "\n", True),
    ("A", "a", False),
    (r"^\.$", ".", True),
    (r"^[\-a]$", "-", True),
    ("^[a-]$", "-", True),
    (r"^[\d.]{2,3}$", "1.2", True),
    ("^(ab|cd){2}$", "abcd", True),
    ("^(?:ab)?c$", "c", True),
    (r"^[\\\]]$", "]", True),
    ("^a{2}$", "aa", True),
    ("^a{0,1}$", "", True),
    (r"^\/$", "/", True),
    ("^[&~]$", "~", True),
    ("^[^\\s]+$", "a b", False),
    ("#", "#", True),
    ("< >", "< >", True),
    (r"\<", "<", True),
    ("日本", "日本語", True),
    ("^SKU-[0-9]{6}$", "SKU-123456", True),
    ("a|^b$", "b", True),
    ("a|^b$", "cb", False),
]


@pytest.mark.parametrize(("text", "value", "wanted"), MEANING)
def test_meaning(text: str, value: str, wanted: bool) -> None:
    regex = compile_regex(text)
    assert search(regex.pattern("sqlite"), value) is wanted
    assert pl.Series([value]).str.contains(regex.polars).item() is wanted


def test_hostile_text_takes_no_time() -> None:
    # Python's own engine would need years for this one.
    assert search(compile_regex("^(a|a|b){1,250}$").pattern("sqlite"), "a" * 200 + "!") is False
    assert search(compile_regex("^(a|a)*$").pattern("sqlite"), "a" * 200 + "!") is False
    assert search(compile_regex(r"^(\\Z|b)*$").pattern("sqlite"), "\\Zb") is True


def test_search_of_nothing() -> None:
    assert search("a", None) is None
