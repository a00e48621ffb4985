"""Variables in paths, queries, headers and values: escaped, never structure."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from datasync.connectors.http.filling import in_header, in_path, in_query, in_value, variables
from datasync.contract.types import parse_type
from datasync.errors import UsageError
from datasync.seams import ReadRequest, Window

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
VALUES: dict[str, Any] = {"a": "x", "n": 7, "d": date(2026, 1, 2), "t": START, "none": None, "evil": "../../etc?x=1#y&z /\\", "b": True,
                          "price": Decimal("1.10"), "dots": "..", "line": "a\r\nX: y"}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("/v1/{a}/{n}", "/v1/x/7"),
        ("/v1/{d}", "/v1/2026-01-02"),
        ("/v1/{t:%Y%m%d}", "/v1/20260102"),
        ("/v1/{evil}", "/v1/..%2F..%2Fetc%3Fx%3D1%23y%26z%20%2F%5C"),
        ("/v1/{line}", "/v1/a%0D%0AX%3A%20y"),
    ],
)
def test_paths_are_escaped(text: str, made: str) -> None:
    assert in_path(text, VALUES) == made


@pytest.mark.parametrize("text", ["/{dots}/x", "/{none}", "/{nobody}"])
def test_paths_refuse_what_would_be_another_place(text: str) -> None:
    with pytest.raises(UsageError):
        in_path(text, VALUES)


def test_headers_refuse_what_would_end_them() -> None:
    assert in_header("a {a}", VALUES) == "a x"
    with pytest.raises(UsageError):
        in_header("{line}", VALUES)


def test_queries_leave_out_what_has_no_value() -> None:
    given = {"since": "{none}", "at": "{t}", "b": "{b}", "n": 3, "many": ("{a}", "y"), "p": "{price}", "f": "gt:{d}"}
    assert in_query(given, VALUES) == [
        ("at", "2026-01-02T03:04:05Z"), ("b", "true"), ("n", "3"), ("many", "x"), ("many", "y"), ("p", "1.10"), ("f", "gt:2026-01-02"),
    ]  # fmt: skip
    with pytest.raises(UsageError, match="has no value"):
        in_query({"f": "gt:{none}"}, VALUES)


def test_values_keep_their_type_when_they_stand_alone() -> None:
    assert in_value({"n": "{n}", "l": ("{b}", {"x": "{none}"}), "s": "n={n}", "t": "{t:%Y}"}, VALUES) == {
        "n": 7, "l": [True, {"x": None}], "s": "n=7", "t": "2026",
    }  # fmt: skip


def test_json_in_a_value_is_no_variable() -> None:
    assert in_value('{"a": {"b": 1}}', VALUES) == '{"a": {"b": 1}}'


def test_windows_stand_as_the_cursor_does() -> None:
    naive = ReadRequest(cursor="c", cursor_type=parse_type("timestamp"), cursor_zone="Asia/Seoul", window=Window(None, START))
    assert variables(naive) == {"window_start": None, "window_end": datetime(2026, 1, 2, 12, 4, 5)}
    assert variables(ReadRequest()) == {"window_start": None, "window_end": None}
