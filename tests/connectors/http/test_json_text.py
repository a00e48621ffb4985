"""JSON keeps its digits; what is none, is cut, is deep or is for people is told apart."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from datasync.connectors.files.rows import NotARowError
from datasync.connectors.http.exchange import Answer
from datasync.connectors.http.json_text import cells_of, to_json, tree_of, written
from datasync.contract.types import parse_type
from datasync.errors import ConnectorError, PermanentError, TransientError


def answer(body: bytes | str, kind: str = "application/json", status: int = 200) -> Answer:
    return Answer(status, "http://h/", {"content-type": kind}, body.encode() if isinstance(body, str) else body)


def cells(text: str, **types: str) -> dict[str, str | None]:
    return cells_of(tree_of(answer(text), "GET /x"), {name: parse_type(kind) for name, kind in types.items()}, "\\u" not in text)


@pytest.mark.parametrize(
    "number",
    [
        "9007199254740993",
        "18446744073709551616",
        "-0",
        "1.10",
        "0.1000000000000000055511151231257827",
        "1e400",
        "1E-7",
        "9" * 5000,
    ],
)
def test_numbers_stay_as_they_are_written(number: str) -> None:
    assert cells(f'{{"n": {number}, "deep": {{"n": [{number}]}}}}') == {"n": number, "deep": f'{{"n":[{number}]}}'}


def test_cells_are_text_null_or_json() -> None:
    found = cells(
        '{"a": "x", "b": true, "c": null, "d": [1, "\\u00fc", null, false], "e": {"k": "\\n"}, "f": "7"}', f="json", a="string"
    )
    assert found == {"a": "x", "b": "true", "c": None, "d": '[1,"ü",null,false]', "e": '{"k":"\\n"}', "f": '"7"'}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": 1, "a": 2}', "twice"),
        ('{"a": {"b": 1, "b": 2}}', "twice"),
        ('{"a": NaN}', "NaN"),
        ('{"a": [Infinity]}', "Infinity"),
        ('{"a": "\\ud800"}', "surrogate"),
        ('{"\\ud800": 1}', "surrogate"),
        ('["a"]', "no JSON object"),
        ('"a"', "no JSON object"),
    ],
)
def test_what_is_no_row(text: str, words: str) -> None:
    with pytest.raises(NotARowError, match=words):
        cells(text)


def test_a_number_is_no_text_and_the_other_way_round() -> None:
    with pytest.raises(NotARowError, match="a number where the contract says string"):
        cells('{"a": 7}', a="string")
    with pytest.raises(NotARowError, match="object or array"):
        cells('{"a": [7]}', a="string")


@pytest.mark.parametrize(
    ("made", "kind", "code"),
    [
        (answer("<!DOCTYPE html><html>CANARY", "text/html"), PermanentError, "E_HTML"),
        (answer("  <HTML>CANARY", "application/json"), PermanentError, "E_HTML"),
        (answer(""), PermanentError, "E_NO_JSON"),
        (answer("CANARY"), PermanentError, "E_NO_JSON"),
        (answer("{'a': 1}"), PermanentError, "E_NO_JSON"),
        (answer('{"a": 1,}'), PermanentError, "E_NO_JSON"),
        (answer('{"a": 1} CANARY'), PermanentError, "E_NO_JSON"),
        (answer('{"a": [1, 2'), TransientError, "E_TRUNCATED"),
        (answer('{"a": "CANA'), TransientError, "E_TRUNCATED"),
        (answer(b'{"a": "\xff"}'), PermanentError, "E_NO_JSON"),
        (answer("[" * 100_000), PermanentError, "E_LIMIT"),
    ],
)
def test_what_is_no_answer(made: Answer, kind: type[ConnectorError], code: str) -> None:
    with pytest.raises(kind) as caught:
        tree_of(made, "GET /x")
    assert caught.value.code == code
    assert "CANA" not in str(caught.value)


def test_204_is_nothing_and_byte_order_marks_are_none() -> None:
    assert tree_of(answer("", status=204), "x") is None
    assert tree_of(answer(b"\xef\xbb\xbf[]"), "x") == []
    assert tree_of(answer('["ü"]'.encode("utf-16")), "x") == ["ü"]


def test_what_is_written_reads_the_same() -> None:
    text = '{"a": [1.50, -2e3, true, null, {"b": "\\"\\u0001 \\\\ ü"}], "": {}}'
    assert json.loads(written(tree_of(answer(text), "x"))) == json.loads(text)


def test_deep_nesting_is_one_bad_row() -> None:
    with pytest.raises((NotARowError, PermanentError)):
        cells('{"a": ' + "[" * 900 + "]" * 900 + "}")


def test_values_of_contracts_become_json() -> None:
    assert to_json({"a": Decimal("1.10"), "b": (1, None, True), "c": 'x"'}) == '{"a":1.10,"b":[1,null,true],"c":"x\\""}'
