"""XML: elements and attributes by their names, rows that are not certain with their line, and nothing that a document asks for."""

from __future__ import annotations

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from datasync.connectors.files import xml_parser
from datasync.errors import PermanentError
from tests.connectors.files.reading import read, source

TYPES = {"id": "int64", "name": "string", "tags": "list<string>", "doc": "json", "raw": "binary"}


def rows_of(tmp_path: Path, data: bytes | str, tag: str = "r", types: dict[str, str] | None = None) -> Any:
    (tmp_path / "x.xml").write_bytes(data if isinstance(data, bytes) else data.encode())
    header, rows, bad = read(source("xml", "x.xml", tmp_path, {"row_tag": tag}), TYPES if types is None else types)
    cells = [{name: cell for name, cell in zip(header, row[1:], strict=True) if cell is not None} for row in rows]
    return [row[0] for row in rows], cells, bad


GOOD = [
    ("children", "<d><r><id>1</id><name>a</name></r></d>", [{"id": "1", "name": "a"}]),
    ("attributes", '<d><r id="1" name="a"/></d>', [{"id": "1", "name": "a"}]),
    ("both", '<d><r id="1"><name>a</name></r></d>', [{"id": "1", "name": "a"}]),
    ("an attribute of a child", '<d><r><price currency="EUR">9.50</price></r></d>', [{"price": "9.50", "price.currency": "EUR"}]),
    ("children of a child", "<d><r><at><city>X</city><zip>0123</zip></at></r></d>", [{"at.city": "X", "at.zip": "0123"}]),
    ("text of the row", "<d><r>1</r><r>2</r></d>", [{"r": "1"}, {"r": "2"}]),
    ("text and an attribute of the row", '<d><r id="1">x</r></d>', [{"id": "1", "r": "x"}]),
    ("at any depth", "<d><a><r><id>1</id></r></a><b><c><r><id>2</id></r></c></b></d>", [{"id": "1"}, {"id": "2"}]),
    ("the document is the row", "<r><id>1</id></r>", [{"id": "1"}]),
    ("namespaces", '<d xmlns="urn:a" xmlns:b="urn:b"><r b:id="1"><b:name>a</b:name></r></d>', [{"id": "1", "name": "a"}]),
    ("a list of children", "<d><r><tags>a</tags><tags>b</tags></r></d>", [{"tags": '["a", "b"]'}]),
    ("a list of one child", "<d><r><tags>a</tags></r></d>", [{"tags": '["a"]'}]),
    ("a list of items", "<d><r><tags><i>a</i><i>b</i></tags></r></d>", [{"tags": '["a", "b"]'}]),
    ("an empty list", "<d><r><tags/></r></d>", [{"tags": "[]"}]),
    ("children as JSON", '<d><r><doc a="1"><b>x</b><b>y</b></doc></r></d>', [{"doc": '{"a": "1", "b": ["x", "y"]}'}]),
    ("text that is JSON", "<d><r><doc>[1, 2.50]</doc></r></d>", [{"doc": "[1, 2.50]"}]),
    ("empty", "<d><r><id/><name></name><raw/></r></d>", [{"name": "", "raw": ""}]),
    ("nil", '<d xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><r><name xsi:nil="true"/><id>1</id></r></d>', [{"id": "1"}]),
    ("blanks stay", "<d><r><name> a\n b </name></r></d>", [{"name": " a\n b "}]),
    ("CDATA, comments, instructions", "<d><r><name>a<![CDATA[<b>&]]><!-- x -->c<?pi?>d</name></r></d>", [{"name": "a<b>&cd"}]),
    ("references", "<d><r><name>&lt;&amp;&#233;&#13;</name></r></d>", [{"name": "<&é\r"}]),
    ("a row within a row", "<d><r><id>1</id><x><r>5</r></x></r></d>", [{"id": "1", "x.r": "5"}]),
    ("text that is a number", "<d><r><name>007</name><id>1e400</id></r></d>", [{"name": "007", "id": "1e400"}]),
    ("no row", "<d><x/></d>", []),
]  # fmt: skip


@pytest.mark.parametrize("chunk", [1, 1 << 18])
@pytest.mark.parametrize(("data", "cells"), [case[1:] for case in GOOD], ids=[case[0] for case in GOOD])
def test_good_rows(data: str, cells: list[Any], chunk: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml_parser, "CHUNK", chunk)
    assert rows_of(tmp_path, data)[1:] == (cells, [])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "cp1252"])
def test_the_documents_own_encoding(encoding: str, tmp_path: Path) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?>\n<d><r><name>é</name></r></d>'
    assert rows_of(tmp_path, text.encode(encoding))[1] == [{"name": "é"}]


def test_a_byte_order_mark(tmp_path: Path) -> None:
    assert rows_of(tmp_path, b"\xef\xbb\xbf<d><r><id>1</id></r></d>")[1] == [{"id": "1"}]


BAD = [
    ("<id>1</id><id>2</id>", "id stands 2 times: declare it as a list or as json"),
    ("<x><y>1</y></x><x><y>2</y></x>", "x stands 2 times: declare it as a list or as json"),
    ("<name>a <b>c</b></name>", "text stands between the elements of name"),
    ("text <id>1</id>", "text stands between the elements of r"),
    ("<tags><a><b/></a></tags>", "tags holds elements where the contract says list<string>"),
]


@pytest.mark.parametrize(("inside", "reason"), BAD)
def test_a_row_that_is_not_certain_is_unreadable(inside: str, reason: str, tmp_path: Path) -> None:
    lines, cells, bad = rows_of(tmp_path, f"<d>\n<r><id>1</id></r>\n<r>{inside}</r>\n<r><id>2</id></r>\n</d>")
    assert (lines, cells) == ([2, 4], [{"id": "1"}, {"id": "2"}])
    assert bad == [(3, reason)]


def test_attribute_and_element_of_one_name(tmp_path: Path) -> None:
    assert rows_of(tmp_path, '<d><r id="1"><id>1</id></r></d>')[2] == [(1, "id stands twice, as attribute and as element")]


def test_lines_beyond_a_short_integer(tmp_path: Path) -> None:
    lines, _, _ = rows_of(tmp_path, "<d>" + "\n" * 70_000 + "<r><id>1</id></r></d>")
    assert lines == [70_001]


BROKEN = [
    (b"", "E_SOURCE_CORRUPT"),
    (b"<d>", "E_SOURCE_CORRUPT"),
    (b"<d><r><id>1</id></r>", "E_SOURCE_CORRUPT"),
    (b"<d><r><id>1</x></r></d>", "E_SOURCE_CORRUPT"),
    (b"<d/><d/>", "E_SOURCE_CORRUPT"),
    (b"<d><r><id>\x00</id></r></d>", "E_SOURCE_CORRUPT"),
    (b"<d><r><id>\xe9</id></r></d>", "E_SOURCE_CORRUPT"),
    (b"<d><r><id>&nbsp;</id></r></d>", "E_SOURCE_CORRUPT"),
    (b"<?xml version='1.0' encoding='bogus'?><d/>", "E_SOURCE_CORRUPT"),
    (b'{"no": "xml"}', "E_SOURCE_CORRUPT"),
    (b"<d>" + b"<x>" * 300 + b"</x>" * 300 + b"</d>", "E_LIMIT"),
    (b"<d><r><id>" + b"x" * 11_000_000 + b"</id></r></d>", "E_LIMIT"),
    (b"<!DOCTYPE d><d><r/></d>", "E_XML_DOCTYPE"),
    (b"<!DOCTYPE d [<!ENTITY a 'b'>]><d><r><id>&a;</id></r></d>", "E_XML_DOCTYPE"),
    (b"<!DOCTYPE d [<!ENTITY a 'x'><!ENTITY b '" + b"&a;" * 5000 + b"'><!ENTITY c '" + b"&b;" * 5000 + b"'>]><d>&c;</d>", "E_LIMIT"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "code"), BROKEN, ids=range(len(BROKEN)))
def test_a_broken_document_is_refused(data: bytes, code: str, tmp_path: Path) -> None:
    with pytest.raises(PermanentError) as caught:
        rows_of(tmp_path, data)
    assert caught.value.code == code


def test_a_row_that_is_too_long_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml_parser, "CHUNK", 100)
    monkeypatch.setattr(xml_parser, "LONGEST", 1000)
    with pytest.raises(PermanentError) as caught:
        rows_of(tmp_path, "<d><r>" + "<a>1</a>" * 1000 + "</r></d>")
    assert caught.value.code == "E_LIMIT"


def test_nothing_outside_is_asked_for(tmp_path: Path) -> None:
    """F52: external entities and document types, by file and by URL, see no reader."""
    hits: list[str] = []

    class Canary(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hits.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Canary)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    secret = tmp_path / "secret.txt"
    secret.write_text("CANARY-9f3")
    url = f"http://127.0.0.1:{server.server_port}"
    documents = [
        f'<!DOCTYPE d [<!ENTITY x SYSTEM "file://{secret}">]><d><r><id>&x;</id></r></d>',
        f'<!DOCTYPE d [<!ENTITY x SYSTEM "{url}/entity">]><d><r><id>&x;</id></r></d>',
        f'<!DOCTYPE d SYSTEM "{url}/d.dtd"><d><r/></d>',
        f'<!DOCTYPE d [<!ENTITY % x SYSTEM "{url}/parameter"> %x;]><d><r/></d>',
        f'<d xmlns:xi="http://www.w3.org/2001/XInclude"><r><xi:include href="{url}/include"/></r></d>',
        f'<?xml-stylesheet href="{url}/style"?><d xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="u {url}/s.xsd"><r/></d>',
    ]  # fmt: skip
    try:
        for document in documents:
            with contextlib.suppress(PermanentError):
                assert "CANARY" not in str(rows_of(tmp_path, document))
    finally:
        server.shutdown()
        thread.join(timeout=10)
        server.server_close()
    assert hits == []


def test_memory_is_let_go_without_any_row(tmp_path: Path) -> None:
    """What is no row is forgotten, too: thirty megabytes of it leave no trace of that size."""
    import tracemalloc

    (tmp_path / "x.xml").write_bytes(b"<d>" + b"<junk><a>1</a></junk>" * 1_500_000 + b"<r><id>1</id></r></d>")
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tracemalloc.start()
    assert read(source("xml", "x.xml", tmp_path, {"row_tag": "r"}))[1] == [(1, "1")]
    tracemalloc.stop()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000
