"""Cells in, texts that show only their shape out."""

from __future__ import annotations

import polars as pl
import pytest

from datasync.gates.samples import sample_texts, shape


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Hunter7-Zq", "aaaaaa9-aa"),
        ("서울 12", "aa 99"),
        ("e\u0301", "aa"),
        ("कि", "aa"),
        ("½²", "99"),
        ("a\nb", "a a"),
        ("", ""),
    ],
)
def test_shape(text: str, shown: str) -> None:
    assert shape(text) == shown


def test_values_of_other_types() -> None:
    assert sample_texts(pl.Series([-1.5, None, 2.0]), "mask") == ("-9.9", "9.9")
    assert sample_texts(pl.Series([b"ab"]), "show") == ("6162",)
    assert sample_texts(pl.Series(["x" * 50]), "show") == ("x" * 39 + "…",)
    assert sample_texts(pl.Series([1]), "hide") == ()
