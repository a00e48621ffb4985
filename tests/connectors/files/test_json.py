"""One JSON document: the values that a path names, each as it is written, each that is no row with its line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datasync.connectors.files import json_stream
from datasync.connectors.files.content import LocalContent
from datasync.connectors.files.json_stream import elements
from datasync.contract.json_path import parse_path
from datasync.errors import PermanentError
from tests.connectors.files.reading import read, source

TYPES = {"id": "int64", "name": "string", "doc": "json"}

DOCUMENTS = [
    ("array", b'[{"id":1},{"id":2}]', "$[*]", [(1, "1"), (1, "2")]),
    ("lines", b'[\n{"id":1},\n{"id":\n2}\n]\n', "$[*]", [(2, "1"), (3, "2")]),
    ("empty array", b" [ ] ", "$[*]", []),
    ("byte order mark", b'\xef\xbb\xbf[{"id":1}]', "$[*]", [(1, "1")]),
    ("one object", b'{"id":1}', "$", [(1, "1")]),
    ("one object within", b'{"a":{"b":{"id":1}}}', "$.a.b", [(1, "1")]),
    ("array within", b'{"x":[1,{"a":"]}"}],"data":{"y":"\\"]","items":[{"id":1},{"id":2}]},"z":[]}', "$.data.items[*]", [(1, "1"), (1, "2")]),
    ("odd keys", b'{"odd key":{"b.c":[{"id":1}]}}', "$['odd key'][\"b.c\"][*]", [(1, "1")]),
    ("arrays within arrays", b'[{"o":[{"id":1},{"id":2}]},{"p":1},{"o":null},{"o":[]},{"o":[{"id":3}]}]', "$[*].o[*]", [(1, "1"), (1, "2"), (1, "3")]),
    ("null for an array", b'{"items":null}', "$.items[*]", []),
    ("escaped key", b'{"it\\u0065ms":[{"id":1}]}', "$.items[*]", [(1, "1")]),
    ("big integer", b'[{"id":' + b"9" * 5000 + b"}]", "$[*]", [(1, "9" * 5000)]),
    ("float beyond any double", b'[{"id":1e400}]', "$[*]", [(1, "1e400")]),
    ("brackets and quotes in text", b'[{"id":"[{\\"\\\\"},{"id":2}]', "$[*]", [(1, '[{"\\'), (1, "2")]),
]  # fmt: skip


@pytest.mark.parametrize("block", [1, 7, 1 << 20])
@pytest.mark.parametrize(("data", "path", "rows"), [case[1:] for case in DOCUMENTS], ids=[case[0] for case in DOCUMENTS])
def test_documents(data: bytes, path: str, rows: list[Any], block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "BLOCK", block)
    (tmp_path / "x.json").write_bytes(data)
    found = read(source("json", "x.json", tmp_path, {"records": path}), {"id": "decimal(38,0)"})
    assert found[1:] == (rows, [])


BAD_ROWS = [
    (b'{"id":1,"id":2}', "a key stands twice"),
    (b'{"id":NaN}', "NaN is no JSON"),
    (b'{"id":1,}', "no JSON from character 9 on"),
    (b'{"name":"\\ud800"}', "half of a surrogate pair, which is no character"),
    (b'{"name":"\xff"}', "bytes that are not UTF-8"),
    (b"[1]", "no JSON object"),
    (b"7", "no JSON object"),
    (b"null", "no JSON object"),
    (b"nonsense", "no JSON from character 1 on"),
    (b"[" * 2000 + b"]" * 2000, "nested too deeply"),
    (b'{"name":7}', "name: a number where the contract says string"),
]


@pytest.mark.parametrize(("piece", "reason"), BAD_ROWS, ids=range(len(BAD_ROWS)))
def test_a_bad_element_is_one_unreadable_row(piece: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(b'[{"id":1,"name":"a"},\n' + piece + b',\n{"id":2}]')
    _, rows, bad = read(source("json", "x.json", tmp_path), TYPES)
    assert [row[:2] for row in rows] == [(1, "1"), (3, "2")]
    assert bad == [(2, reason)]


BROKEN = [
    (b"", "$[*]", "E_SOURCE_CORRUPT", "line 1: the document is cut off"),
    (b"[", "$[*]", "E_SOURCE_CORRUPT", "cut off"),
    (b'[{"id":1},', "$[*]", "E_SOURCE_CORRUPT", "cut off"),
    (b'[{"id":1}', "$[*]", "E_SOURCE_CORRUPT", "cut off"),
    (b'[\n{"id":1},\n{"id":', "$[*]", "E_SOURCE_CORRUPT", "line 3: a value that is cut off"),
    (b'[{"id":"1', "$[*]", "E_SOURCE_CORRUPT", "cut off"),
    (b'[{"id":1}]]', "$[*]", "E_SOURCE_CORRUPT", "something behind the document's end"),
    (b'[{"id":1}][{"id":2}]', "$[*]", "E_SOURCE_CORRUPT", "something behind the document's end"),
    (b'[{"id":1},]', "$[*]", "E_SOURCE_CORRUPT", "a comma before an end"),
    (b'[{"id":1} {"id":2}]', "$[*]", "E_SOURCE_CORRUPT", "neither a comma nor an end"),
    (b'{"items":[{"id":1}]}', "$[*]", "E_SOURCE_SCHEMA", "line 1 has no array"),
    (b'[{"id":1}]', "$.items[*]", "E_SOURCE_SCHEMA", "line 1 has no object"),
    (b'{"itmes":[]}', "$.items[*]", "E_SOURCE_SCHEMA", "has no key items"),
    (b'{"items":[],"items":[]}', "$.items[*]", "E_SOURCE_CORRUPT", "the key items stands twice"),
    (b'{"a":[[1,2],"x', "$.items[*]", "E_SOURCE_CORRUPT", "cut off"),
    (b'{items:[]}', "$.items[*]", "E_SOURCE_CORRUPT", "no key"),
    ('[{"id":1}]'.encode("utf-16"), "$[*]", "E_SOURCE_SCHEMA", "no array"),
]  # fmt: skip


@pytest.mark.parametrize("block", [1, 1 << 20])
@pytest.mark.parametrize(("data", "path", "code", "text"), BROKEN, ids=range(len(BROKEN)))
def test_a_broken_document_is_refused(
    data: bytes, path: str, code: str, text: str, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_stream, "BLOCK", block)
    (tmp_path / "x.json").write_bytes(data)
    with pytest.raises(PermanentError) as caught:
        read(source("json", "x.json", tmp_path, {"records": path}))
    assert caught.value.code == code
    assert text in caught.value.message


def test_a_value_that_is_too_long_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "BLOCK", 100)
    monkeypatch.setattr(json_stream, "LONGEST", 1000)
    (tmp_path / "x.json").write_bytes(b'[{"id":"' + b"x" * 5000 + b'"}]')
    with pytest.raises(PermanentError) as caught:
        read(source("json", "x.json", tmp_path))
    assert caught.value.code == "E_LIMIT"


def test_what_is_skipped_may_be_longer_than_any_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "BLOCK", 100)
    monkeypatch.setattr(json_stream, "LONGEST", 1000)
    (tmp_path / "x.json").write_bytes(b'{"other":[' + b'{"a":[1,2,"]"]},' * 500 + b'0],"items":[{"id":1}]}')
    assert read(source("json", "x.json", tmp_path, {"records": "$.items[*]"}))[1] == [(1, "1")]


@pytest.mark.parametrize(
    "path", ["items", "$.a[0]", "$..a", "$.a[?(@.b)]", "$.a[1:2]", "$.a.*", "$['a','b']", "$.", "$[", "$ [*]", ""]
)
def test_paths_that_need_the_whole_document_are_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r"streams by|begins with"):
        parse_path(path)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(st.sampled_from('a"\\]}[{,:é\n'), max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.sampled_from('ab"]'), max_size=3), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    before=VALUES,
    items=st.lists(VALUES, max_size=4),
    after=VALUES,
    indent=st.sampled_from([None, 1]),
    block=st.sampled_from([1, 5, 1000]),
)
def test_what_python_writes_is_cut_at_the_right_places(
    before: Any, items: list[Any], after: Any, indent: int | None, block: int, tmp_path: Path
) -> None:
    text = json.dumps({"before": before, "items": items, "after": after}, indent=indent, ensure_ascii=False)
    (tmp_path / "x.json").write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "BLOCK", block)
        found = list(elements(LocalContent(tmp_path / "x.json"), path=parse_path("$.items[*]")))
    assert [json.loads(piece.raw) for piece in found] == items
    assert [piece.number for piece in found] == sorted(piece.number for piece in found)
