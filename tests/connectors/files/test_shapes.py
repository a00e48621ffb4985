"""Known shapes read hostile files exactly as the reader does that knows none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from datasync.connectors.files import json_lines, json_stream, shapes
from datasync.errors import DataSyncError
from tests.connectors.files.reading import read, source

NEVER = 1 << 60
TYPES = {"id": "int64", "name": "string", "doc": "json", "n": "decimal(38,10)", "tags": "list<string>"}
KEYS = ("id", "name", "doc", "n", "tags", "é")
TEXT = st.text(st.sampled_from('a"\\/é漢😀\x00\x1f\x7f\u2028,:{}[] \n\t\r'), max_size=6)
SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
VALUE = st.recursive(
    SCALAR,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=5,
)
HOSTILE = [
    b'{"id":1,"id":2}', b'{"doc":{"a":1,"a":2}}', b'{"doc":[{"a":1,"a":2}]}', b'{"id":01}', b'{"id":1,}', b'{,"id":1}', b'{"id":NaN}',
    b'{"id":-Infinity}', b'{"id":1.}', b'{"id":.5}', b'{"id":+1}', b'{"id":1e}', b'{"id":-}', b'{"id":--1}', b'{"id":1E+07}', b'{"id":-0}',
    b'{"name":"\\ud800"}', b'{"name":"\\uD83D\\uDE00"}', b'{"name":"\\ude00\\ud83d"}', b'{"name":"\xff"}', b'{"name":"\xed\xa0\x80"}',
    b'{"name":"\xc0\xaf"}', b'{"name":"\xf4\x90\x80\x80"}', b'{"name":"\xe9"}', b'{"name":"a\\x"}', b'{"name":"\\u00"}', b'{"name":"a\tb"}',
    b'{"name":"\\u0000\\u001f\\n\\""}', b'{"name":7}', b'{"name":[]}', b'{"doc":"\\ud83d\\ude00"}', b'{"doc":[1,]}', b'{"doc":[1 2]}', b'{"doc":[,1]}',
    b'{"tags":["a","\\ud800"]}', b'{"n":' + b"9" * 400 + b".10}", b'{"doc":' + b"[" * 60 + b"]" * 60 + b"}", b'{"\\u0069d":5}', b'{"id" : 1 , "n":2}',
    b"{}", b"[]", b"null", b"7", b'"{"', b"{", b"}", b"{}}", b'{"id":1}{"id":2}', b'{"id":1} x', b'{"id":truee}', b'{"id":nul}', b"{'id':1}",
    b'{"id":1,\n"n":2}', b'{"id":1 "n":2}', b'{"id"1}', b'{"id":}', b'{"":1}', b'{"id":tRue}', b' {"id":1} ', b'\r{"id":1}\r', b"\x0b", b"\x00",
]  # fmt: skip


@st.composite
def _rows(draw: st.DrawFn) -> list[bytes]:
    """Rows of few shapes, written in one way; some hostile; some damaged."""
    template = draw(st.lists(st.dictionaries(st.sampled_from(KEYS), VALUE, min_size=1), min_size=1, max_size=2))
    ascii_only, separators = draw(st.booleans()), draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,", " :\t")]))
    rows = []
    for _ in range(draw(st.integers(2, 9))):
        row = dict(draw(st.sampled_from(template)))
        for name in draw(st.lists(st.sampled_from(sorted(row)), max_size=3)):
            if draw(st.booleans()):
                row[name] = draw(VALUE)
            else:
                row.pop(name, None)
        rows.append(json.dumps(row, ensure_ascii=ascii_only, separators=separators).encode())
    for _ in range(draw(st.integers(0, 3))):
        rows.insert(draw(st.integers(0, len(rows))), draw(st.sampled_from(HOSTILE)))
    for _ in range(draw(st.integers(0, 2))):
        index = draw(st.integers(0, len(rows) - 1))
        at = draw(st.integers(0, len(rows[index])))
        cut = draw(st.integers(0, 2))
        rows[index] = (
            rows[index][:at]
            + draw(st.sampled_from([b"", *(bytes([c]) for c in b'",:{}[]\\ 0e-.n\n\xff')]))
            + rows[index][at + cut :]
        )
    return rows


def _outcome(kind: str, root: Path, block: int, first: int) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shapes, "FIRST", first)
        patch.setattr(shapes, "LONGEST_RUN", 3)
        patch.setattr(json_lines, "BLOCK", block)
        patch.setattr(json_stream, "BLOCK", block)
        try:
            return read(source(kind, f"x.{kind}", root), TYPES, batch_rows=4)
        except DataSyncError as error:
            return error.code, error.message


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(rows=_rows(), between=st.sampled_from([b",", b",\n", b" , \r\n "]), block=st.sampled_from([1, 30, 1 << 20]))
@example(rows=HOSTILE, between=b",\n", block=1 << 20)
def test_json_is_read_as_without_shapes(rows: list[bytes], between: bytes, block: int, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(b"[" + between.join(rows) + b"]")
    assert _outcome("json", tmp_path, block, 1) == _outcome("json", tmp_path, block, NEVER)
    end = between.replace(b",", b"\n")
    (tmp_path / "x.ndjson").write_bytes(end.join(rows) + end)
    assert _outcome("ndjson", tmp_path, block, 1) == _outcome("ndjson", tmp_path, block, NEVER)


@pytest.mark.parametrize("row", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_row_among_plain_ones(row: bytes, tmp_path: Path) -> None:
    plain = [b'{"id":1,"name":"a","doc":{"a":1},"n":2.50,"tags":["x"]}'] * 3
    (tmp_path / "x.ndjson").write_bytes(b"\n".join([*plain, row, *plain]) + b"\n")
    assert _outcome("ndjson", tmp_path, 1 << 20, 1) == _outcome("ndjson", tmp_path, 1 << 20, NEVER)
    (tmp_path / "x.json").write_bytes(b"[" + b",\n".join([*plain, row, *plain]) + b"]")
    assert _outcome("json", tmp_path, 1 << 20, 1) == _outcome("json", tmp_path, 1 << 20, NEVER)


def test_runs_are_really_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the other tests would compare the exact reader with itself."""
    exact = []
    monkeypatch.setattr(json_lines, "row_of", lambda raw, names: exact.append(raw) or {})
    rows = b"".join(b'{"id":%d,"name":"n\\n%d","doc":{"a":[%d]},"tags":["x",null]}\n' % (n, n, n) for n in range(1000))
    (tmp_path / "x.ndjson").write_bytes(rows)
    _, found, bad = read(source("ndjson", "x.ndjson", tmp_path), TYPES)
    assert len(exact) == 0
    assert found == [(n + 1, str(n), f"n\n{n}", f'{{"a":[{n}]}}', '["x",null]') for n in range(1000)]
    assert bad == []
