"""Known shapes read hostile files exactly as the reader does that knows none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from datasync.connectors.files import json_lines, json_stream, shapes, xml_parser
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


def _outcome(kind: str, root: Path, block: int, first: int, **options: str) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shapes, "FIRST", first)
        patch.setattr(shapes, "LONGEST_RUN", 3)
        patch.setattr(json_lines, "BLOCK", block)
        patch.setattr(json_stream, "BLOCK", block)
        patch.setattr(xml_parser, "CHUNK", block)
        try:
            return read(source(kind, f"x.{kind}", root, options), TYPES, batch_rows=4)
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


XML_TEXT = st.text(st.sampled_from("a\"'/é漢😀\x7f\u2028\ufffd>] \n\t"), max_size=6)
XML_HOSTILE = [
    "<r/>", "<r></r>", "<r> </r>", "<r>\n<!-- </r> --></r>", "<r><id>1</id><id>2</id></r>", "<r id='1'><id>1</id></r>", "<r>x<id>1</id></r>",
    "<r><id>1</id>x</r>", "<r><id>]]></id></r>", "<r><id>&amp;&#13;</id></r>", "<r><id><![CDATA[</r><r><id>5</id></r>]]></id></r>",
    "<r><id>&nbsp;</id></r>", "<r><id>\ufffe</id></r>", "<r><id>\x01</id></r>", "<r><id>a\r\nb\rc</id></r>", "<r a='\n\t'/>", "<r a='&lt;'/>", "<r a='<'/>",
    "<r a='1' a='2'/>", "<r\n a='1'/>", "<r><r><id>1</id></r></r>", "<q><r><id>1</id></r></q>", "<!-- <r><id>9</id></r> -->",
    "<![CDATA[<r><id>9</id></r>]]>", "<?pi <r><id>9</id></r> ?>", "text", "<r><at/></r>", "<r><at>\n</at></r>", "<r><at><x>1</x></at></r>",
    "<r xmlns='urn:a'><id>1</id></r>", "<b:r><b:id>1</b:id></b:r>", "<b:r xmlns:b='urn:b'><id>1</id></b:r>", "<r b:id='1' xmlns:b='urn:b'/>",
    "<r><name xsi:nil='true'/></r>", "<r><tags><i>1</i></tags></r>", "<r><tags>1</tags><tags>2</tags></r>", "<r><doc a='1'><b>1</b></doc></r>", "<r><id>1</x></r>",
    "<r><id>1</id></r", "</r>", "<r><id>1</id></r><!-- x --><r><id>2</id></r>", "<r><!-- x --><id>1</id></r>", "<R><id>1</id></R>", "<r><id >1</id ></r >", "<r  a='1'  />",
]  # fmt: skip


@st.composite
def _elements(draw: st.DrawFn) -> list[str]:
    """Row elements with few sets of columns, some hostile, some damaged."""
    names = st.sampled_from(["id", "name", "n", "doc", "tags", "at"])
    template = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    attributes = draw(st.lists(st.sampled_from(["a", "id", "é"]), max_size=2, unique=True))
    space, quote = draw(st.sampled_from(["", "\n  ", "\r\n"])), draw(st.sampled_from("\"'"))
    rows = []
    for _ in range(draw(st.integers(2, 8))):
        inside = []
        for name in [name for name in template if draw(st.integers(0, 3))]:
            text = draw(XML_TEXT).replace("]]>", "")
            nested = f"<at k={quote}1{quote}><x>{text}</x></at>"
            inside.append(
                nested if name == "at" else f"<{name}/>" if not text and draw(st.booleans()) else f"<{name}>{text}</{name}>"
            )
        start = "".join(
            f" {name}={quote}{draw(XML_TEXT).replace(quote, '')}{quote}" for name in attributes if draw(st.integers(0, 3))
        )
        rows.append(f"<r{start}>{space}{space.join(inside)}{space}</r>" if inside or draw(st.booleans()) else f"<r{start}/>")
    for _ in range(draw(st.integers(0, 2))):
        rows.insert(draw(st.integers(0, len(rows))), draw(st.sampled_from(XML_HOSTILE)))
    if not draw(st.integers(0, 3)):
        index = draw(st.integers(0, len(rows) - 1))
        at = draw(st.integers(0, len(rows[index])))
        rows[index] = rows[index][:at] + draw(st.sampled_from(["", *"<>/&]'\" \n"])) + rows[index][at + draw(st.integers(0, 2)) :]
    return rows


def _same_xml(document: bytes, root: Path, block: int) -> None:
    (root / "x.xml").write_bytes(document)
    assert _outcome("xml", root, block, 1, row_tag="r") == _outcome("xml", root, block, NEVER, row_tag="r")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    rows=_elements(),
    between=st.sampled_from(["", "\n", " \r\n", "<x/>"]),
    block=st.sampled_from([1, 40, 1 << 20]),
    declared=st.sampled_from(["utf-8", "iso-8859-1", "utf-16", ""]),
)
def test_xml_is_read_as_without_shapes(rows: list[str], between: str, block: int, declared: str, tmp_path: Path) -> None:
    head = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
    text = head + "<d xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'>" + between.join(rows) + "</d>"
    _same_xml(text.encode(declared or "utf-8", "replace"), tmp_path, block)


@pytest.mark.parametrize("row", XML_HOSTILE, ids=range(len(XML_HOSTILE)))
def test_a_hostile_element_among_plain_ones(row: str, tmp_path: Path) -> None:
    for plain in ("<r a='1'><id>1</id><name>a</name><at><x>1</x></at></r>", "<r><id>1</id></r>", "<r a='1'/>"):
        document = f"<d>{plain * 3}{row}{plain * 3}</d>"
        _same_xml(document.encode(), tmp_path, 1 << 20)
        _same_xml(document.encode().replace(b"<id>1", b"<id>\xff"), tmp_path, 1 << 20)


@pytest.mark.parametrize(
    "document", ["<r><id>1</id></r><r><id>1</id></r><r><id>1</id></r>", "<r><id>1</id></r>\n<r><id>1</id></r>"]
)
def test_no_row_stands_behind_the_document(document: str, tmp_path: Path) -> None:
    _same_xml(document.encode(), tmp_path, 1 << 20)


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


def test_runs_of_elements_are_really_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fed = []
    feed = xml_parser._Reader.fed
    monkeypatch.setattr(xml_parser._Reader, "fed", lambda self, data, *more: fed.append(len(data)) or feed(self, data, *more))
    rows = b"".join(b"<r a='%d'>\n <name/><id>%d</id><n/></r>\n" % (n, n) for n in range(1000))
    (tmp_path / "x.xml").write_bytes(b"<d>" + rows + b"</d>")
    _, found, bad = read(source("xml", "x.xml", tmp_path, {"row_tag": "r"}), {"id": "int64"})
    assert (len(found), len(bad)) == (1000, 0)
    assert found[999] == (1999, "999", None, "999", None)
    assert sum(fed) < len(rows) // 4
