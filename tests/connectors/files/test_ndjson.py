"""Lines of JSON: every value as it is written, every line that is no row with its reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datasync.connectors.files import json_lines
from datasync.connectors.files.json_lines import row_of, text_of
from datasync.contract.types import parse_type
from datasync.errors import PermanentError
from tests.connectors.files.reading import read, source

TYPES = {"id": "int64", "name": "string", "doc": "json", "tags": "list<string>", "at": "timestamp[us]"}

GOOD = [
    (b'{"id":7}', ("7", None, None)),
    (b'{"id":"7"}', ("7", None, None)),
    (b'{"name":"007"}', (None, "007", None)),
    (b'{"name":""}', (None, "", None)),
    (b'{"id":null}', (None, None, None)),
    (b"{}", (None, None, None)),
    (b'  {"id" : 1 }  ', ("1", None, None)),
    (b'{"id":123456789012345678901234567890}', ("123456789012345678901234567890", None, None)),
    (b'{"id":12345678901234567890.123456789012345678}', ("12345678901234567890.123456789012345678", None, None)),
    (b'{"id":1E400}', ("1E400", None, None)),
    (b'{"id":-0.0}', ("-0.0", None, None)),
    (b'{"id":true}', ("true", None, None)),
    (b'{"id":[1]}', ("[1]", None, None)),
    (b'{"id":"9"}', ("9", None, None)),
    ('{"name":"é漢😀"}'.encode(), (None, "é漢😀", None)),
    (b'{"name":"\\ud83d\\ude00\\u0000"}', (None, "😀\0", None)),
    (b'{"doc":{"a": [1, 2.50],"b":{}}}', (None, None, '{"a": [1, 2.50],"b":{}}')),
    (b'{"doc":"text", "id": 1}', ("1", None, '"text"')),
    (b'{"doc" : 1.50 ,"id":2}', ("2", None, "1.50")),
    (b'{"doc":true}', (None, None, "true")),
    (b'{"doc":null}', (None, None, None)),
    (b'{"d\\u006fc":[1,2]}', (None, None, "[1,2]")),
]

BAD = [
    (b'{"id":1,"id":2}', "a key stands twice"),
    (b'{"doc":{"a":1,"a":2}}', "a key stands twice"),
    (b'{"id":NaN}', "NaN is no JSON"),
    (b'{"id":-Infinity}', "-Infinity is no JSON"),
    (b'{"id":1,}', "no JSON from character 9 on"),
    (b'{"id":1', "no JSON from character 8 on"),
    (b'{"id":1}{"id":2}', "no JSON from character 9 on"),
    (b"[1]", "no JSON object"),
    (b"7", "no JSON object"),
    (b'"x"', "no JSON object"),
    (b"null", "no JSON object"),
    (b"{'id':1}", "no JSON from character 2 on"),
    (b'{"id":01}', "no JSON from character 8 on"),
    (b'{"name":"a\tb"}', "no JSON from character 11 on"),
    (b'{"name":"\\ud800"}', "half of a surrogate pair, which is no character"),
    (b'{"\\udfff":1}', "half of a surrogate pair, which is no character"),
    (b'{"name":"\xe9"}', "bytes that are not UTF-8"),
    (b"[" * 100_000, "nested too deeply"),
    (b'{"name":7}', "name: a number where the contract says string"),
    (b'{"name":true}', "name: a boolean where the contract says string"),
    (b'{"name":{"a":1}}', "name: an object or array where the contract says string"),
    (b'{"id":1}\0', "no JSON from character 9 on"),
]


@pytest.mark.parametrize(("line", "cells"), GOOD, ids=range(len(GOOD)))
def test_good_lines(line: bytes, cells: tuple[str | None, ...], tmp_path: Path) -> None:
    (tmp_path / "x.ndjson").write_bytes(b'{"id":0,"name":"","doc":0}\n' + line + b"\n")
    header, rows, bad = read(source("ndjson", "x.ndjson", tmp_path), TYPES)
    assert header[:3] == ["id", "name", "doc"]
    assert bad == []
    assert rows[1] == (2, *cells)


@pytest.mark.parametrize("end", [b"\n", b""])
@pytest.mark.parametrize(("line", "reason"), BAD, ids=range(len(BAD)))
def test_bad_lines(line: bytes, reason: str, end: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.ndjson").write_bytes(b'\xef\xbb\xbf{"id":1,"name":"a"}\r\n\n{"id":2}\n' + line + end)
    _, rows, bad = read(source("ndjson", "x.ndjson", tmp_path), TYPES, columns=("id", "name"))
    assert rows == [(1, "1", "a"), (3, "2", None)]
    assert bad == [(4, reason)]


def test_header_is_every_key_of_every_file(tmp_path: Path) -> None:
    (tmp_path / "1.ndjson").write_text('{"a":1}\n{"b":2}\n')
    (tmp_path / "2.ndjson").write_text('{"c":3,"a":4}\n')
    header, rows, _ = read(source("ndjson", "*.ndjson", tmp_path), batch_rows=1)
    assert header == ["a", "b", "c"]
    assert rows == [(1, "1", None, None), (2, None, "2", None), (1, "4", None, "3")]


def test_no_rows(tmp_path: Path) -> None:
    (tmp_path / "x.ndjson").write_text("\n\n")
    assert read(source("ndjson", "x.ndjson", tmp_path)) == ([], [], [])


def test_a_line_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "LONGEST", 1000)
    (tmp_path / "x.ndjson").write_text('{"a":"' + "x" * 2000)
    with pytest.raises(PermanentError) as caught:
        read(source("ndjson", "x.ndjson", tmp_path))
    assert caught.value.code == "E_LIMIT"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    row=st.dictionaries(st.text(max_size=4), VALUES, max_size=4), ascii_only=st.booleans(), indent=st.sampled_from([",:", ", : "])
)
def test_json_columns_keep_their_text(row: dict[str, object], ascii_only: bool, indent: str) -> None:
    """Whatever Python writes, each value's text is the text that it was written as."""
    separators = (", ", " : ") if " " in indent else (",", ":")
    line = json.dumps(row, ensure_ascii=ascii_only, separators=separators).encode()
    found = row_of(line, frozenset(row))
    kind = parse_type("json")
    assert found.keys() == row.keys()
    for name, value in row.items():
        text = text_of(found[name], name, kind)
        expected = None if value is None else json.dumps(value, ensure_ascii=ascii_only, separators=separators)
        assert text == expected
