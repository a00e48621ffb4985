"""What a JSONPath finds in an answer; what it does not find is no empty answer."""

from __future__ import annotations

from typing import Any

import pytest

from datasync.connectors.http.record_path import nearly, records_at, value_at
from datasync.errors import PermanentError

ROWS = [{"id": 1}, {"id": 2}]


@pytest.mark.parametrize(
    ("path", "document", "found"),
    [
        ("$[*]", ROWS, ROWS),
        ("$.data[*]", {"data": ROWS}, ROWS),
        ("$.data[*]", {"data": []}, []),
        ("$", {"id": 1}, [{"id": 1}]),
        ("$.thing", {"thing": {"id": 1}}, [{"id": 1}]),
        ("$.orders[*].items[*]", {"orders": [{"items": ROWS}, {}, {"items": None}]}, ROWS),
        ("$.orders[*].items[*]", {"orders": []}, []),
        ("$.edges[*].node", {"edges": [{"node": {"id": 1}}]}, [{"id": 1}]),
        ("$['odd key'][*]", {"odd key": ROWS}, ROWS),
        ("$.data[0].rows[*]", {"data": [{"rows": ROWS}]}, ROWS),
        ("$..nodes[*]", {"a": {"nodes": ROWS}}, ROWS),
    ],
)
def test_what_is_found(path: str, document: Any, found: list[Any]) -> None:
    assert records_at(path, document, "GET /x") == found


@pytest.mark.parametrize(
    ("path", "document", "words"),
    [
        ("$.data[*]", {"error": "CANARY", "code": 7}, "there is no 'data'; the answer has there error, code"),
        ("$.data[*]", {}, "nothing there"),
        ("$.data[*]", {"data": None, "message": "CANARY"}, "null stands where its list should be"),
        ("$.data.rows[*]", {"data": None, "message": "CANARY"}, "null stands where an object with 'rows' should be"),
        ("$[*]", None, "null stands"),
        ("$.thing", {"thing": None}, "it finds null"),
        ("$.data[*]", {"data": {"error": "CANARY"}}, "an object stands where its list should be"),
        ("$.data[*]", {"data": "CANARY"}, "a single value"),
        ("$.data[*]", ROWS, "a list stands where an object with 'data' should be"),
        ("$.data", {"data": ROWS}, "it finds a list"),
        ("$.total", {"data": ROWS, "total": 2}, "it finds a single value, and a record is an object"),
        ("$[*]", {"data": ROWS}, "an object stands where its list should be"),
        ("$[*]", "CANARY", "a single value"),
        ("$.data.rows[*]", {"data": "CANARY"}, "a single value"),
        ("$.orders[*].items[*]", {"orders": [{"itms": ROWS}, {"itms": []}]}, "there is no 'items'"),
    ],
)
def test_what_leads_nowhere_is_an_error_without_values(path: str, document: Any, words: str) -> None:
    with pytest.raises(PermanentError, match="does not fit the answer") as caught:
        records_at(path, document, "GET /x")
    assert words in caught.value.message
    assert "CANARY" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "document", "value", "held"),
    [("$.next", {"next": "x"}, "x", True), ("$.next", {}, None, True), ("$.meta.next", {}, None, False), ("$.meta.next", {"meta": {}}, None, True),
     ("$.meta.next", {"meta": None}, None, True), ("$.next", None, None, True)],
)  # fmt: skip
def test_one_value(path: str, document: Any, value: Any, held: bool) -> None:
    assert value_at(path, document) == (value, held)


@pytest.mark.parametrize(
    ("path", "document", "meant"),
    [
        ("$.nxt", {"data": ROWS, "next": "/x?page=2"}, "next"),
        ("$.meta.next_curser", {"meta": {"next_cursor": "abc", "total": 3}}, "next_cursor"),
        ("$.nextToken", {"next_token": "7"}, "next_token"),
        # The last page of an API that leaves its token out, or has none.
        ("$.nxt", {"data": ROWS, "next": None}, ""),
        ("$.nxt", {"data": ROWS, "next": ""}, ""),
        ("$.next", {"data": ROWS, "text": "hello", "nexus": {}, "exit": True}, ""),
        ("$.next", ROWS, ""),
        ("$", {"next": "x"}, ""),
        ("$.a[0]", {"a": []}, ""),
    ],
)
def test_a_key_that_is_misspelt_is_told_from_one_that_is_left_out(path: str, document: Any, meant: str) -> None:
    assert nearly(path, document) == meant
