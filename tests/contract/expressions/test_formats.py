"""Good and bad values of every format."""

from __future__ import annotations

import polars as pl
import pytest

from datasync.contract.expressions import ExpressionError, expression_of
from datasync.contract.expressions.formats import FORMATS, format_predicate
from datasync.contract.expressions.nodes import column
from datasync.contract.types import INT64, STRING

VALUES = {
    "email": (
        ["a@b.co", "a.b+c@d-e.example", "o'neil@x.ie"],
        ["a@b", "a..b@c.de", ".a@b.de", "a.@b.de", "a@b.co\n", "a b@c.de", "@b.co", "a@-b.co"],
    ),
    "uuid": (["123E4567-e89b-12d3-a456-426614174000"], ["123e4567e89b12d3a456426614174000", "x", ""]),
    "url": (
        ["http://a.b/c?d=1#e", "https://[::1]:80/", "ftp://localhost", "https://u@h.de"],
        ["javascript:alert(1)", "http://", "http://a b", "//a.b", "a.b"],
    ),
    "ipv4": (["1.2.3.4", "255.255.255.255", "0.0.0.0"], ["256.1.1.1", "01.1.1.1", "1.1.1", "1.1.1.1.1"]),
    "ipv6": (
        [
            "::",
            "::1",
            "1::",
            "1:2:3:4:5:6:7:8",
            "1:2:3:4:5:6:7::",
            "1::8",
            "::ffff:1.2.3.4",
            "1:2:3:4:5:6:1.2.3.4",
            "1::1.2.3.4",
            "1::2:1.2.3.4",
            "1:2:3:4:5::1.2.3.4",
        ],
        [
            "1:2:3",
            "1::2::3",
            "12345::",
            "1:2:3:4:5:6:7:8:9",
            "1::2:3:4:5:6:7:8",
            ":1::",
            "1:2:3:4:5:6:7:1.2.3.4",
            "::1.2.3.256",
            "fe80::1%eth0",
        ],
    ),
    "date_iso": (
        ["2024-02-29", "2000-02-29", "2024-12-31", "0004-02-29"],
        ["2023-02-29", "1900-02-29", "2024-04-31", "0000-01-01", "2024-1-1", "2024-13-01"],
    ),
    "country": (["KR", "US"], ["XX", "kr", "KOR", ""]),
    "currency": (["KRW", "EUR"], ["krw", "XXZ", "EU"]),
    "json": (['{"a": 1}', "[]", "null", '"x"'], ["[1,]", "NaN", "{'a': 1}", "", "1 2"]),
}


def test_every_format_has_values() -> None:
    assert set(VALUES) == set(FORMATS)


@pytest.mark.parametrize("name", VALUES)
def test_values(name: str) -> None:
    good, bad = VALUES[name]
    expression = expression_of(format_predicate(column("value", STRING), name))
    verdicts = pl.DataFrame({"value": [*good, *bad, None]}).select(expression.polars()).to_series().to_list()
    assert [text for text, verdict in zip([*good, *bad], verdicts, strict=False) if verdict is not (text in good)] == []
    assert verdicts[-1] is None


def test_unknown_and_not_text() -> None:
    with pytest.raises(ExpressionError, match="did you mean 'email'"):
        format_predicate(column("value", STRING), "emial")
    with pytest.raises(ExpressionError, match="got int64"):
        format_predicate(column("value", INT64), "uuid")
