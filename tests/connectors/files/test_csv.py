"""Delimited files: every cell as it stands, every row with its line, every row that is none with its reason."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datasync.connectors.files import text_blocks
from datasync.errors import PermanentError
from tests.connectors.files.reading import Bad, Rows, read, source

SHORT, LONG, ONE = "1 fields, the header has 2", "3 fields, the header has 2", "3 fields, the header has 1"
NUL, BYTES = "a NUL byte", "bytes that are not in the file's encoding"
NEVER, BEHIND = "a quoted field that never ends", "text behind a closing quote"

CORPUS: list[tuple[str, bytes, dict[str, Any], Rows, Bad]] = [
    ("plain", b"a,b\n1,2\n", {}, [(2, "1", "2")], []),
    ("no line end", b"a,b\n1,2", {}, [(2, "1", "2")], []),
    ("only a header", b"a,b\n", {}, [], []),
    ("CRLF", b"a,b\r\n1,2\r\n3,4\r\n", {}, [(2, "1", "2"), (3, "3", "4")], []),
    ("CRLF, cut", b"a,b\r\n1,2\r\n3,4", {}, [(2, "1", "2"), (3, "3", "4")], []),
    ("CR", b"a,b\r1,2\r3,4\r", {}, [(2, "1", "2"), (3, "3", "4")], []),
    ("LF and CRLF", b"a,b\n1,2\r\n3,4\n", {}, [(2, "1", "2"), (3, "3", "4")], []),
    ("BOM", b"\xef\xbb\xbfa,b\n1,2\n", {}, [(2, "1", "2")], []),
    ("BOM before a quote", b'\xef\xbb\xbf"a",b\n1,2\n', {}, [(2, "1", "2")], []),
    ("UTF-16", "a,b\né,2\n".encode("utf-16"), {"encoding": "utf-16"}, [(2, "é", "2")], []),
    ("latin-1", b"a,b\n\xe9,2\n", {"encoding": "latin-1"}, [(2, "é", "2")], []),
    ("cp1252", b"a,b\n\x80,2\n", {"encoding": "cp1252"}, [(2, "€", "2")], []),
    ("latin-1 read as UTF-8", b"a,b\n\xe9,2\n3,4\n", {}, [(3, "3", "4")], [(2, BYTES)]),
    ("mixed encodings", "a,b\né,1\n".encode() + b"\xe9,2\nz,3\n", {}, [(2, "é", "1"), (4, "z", "3")], [(3, BYTES)]),
    ("wide characters", "a,b\n漢字,😀\n".encode(), {}, [(2, "漢字", "😀")], []),
    ("NUL", b"a,b\n1\0,2\n3,4\n", {}, [(3, "3", "4")], [(2, NUL)]),
    ("missing", b'a,b\n,2\n"",4\n', {}, [(2, None, "2"), (3, None, "4")], []),
    ("missing at the end", b'a,b\n1,\n2,""\n', {}, [(2, "1", None), (3, "2", None)], []),
    ("all missing", b"a,b\n,\n", {}, [(2, None, None)], []),
    ("NA is text", b"a,b\nNA,null\nNone,NaN\n", {}, [(2, "NA", "null"), (3, "None", "NaN")], []),
    ("NA is missing", b'a,b\nNA,1\n"NA",\n', {"null_values": ("NA", "")}, [(2, None, "1"), (3, None, None)], []),
    ("the empty field is text", b"a,b\n,1\nNA,2\n", {"null_values": ("NA",)}, [(2, "", "1"), (3, None, "2")], []),
    ("leading zeros", b"a,b\n007,+1\n", {}, [(2, "007", "+1")], []),
    ("spaces stay", b"a,b\n 1 ,\t2\n", {}, [(2, " 1 ", "\t2")], []),
    ("thousands", b'a,b\n"1,234",2\n', {}, [(2, "1,234", "2")], []),
    ("huge numbers", b"a,b\n1e400,123456789012345678901234567890\n", {}, [(2, "1e400", "123456789012345678901234567890")], []),
    ("formulas", b"a,b\n=1+1,@x\n", {}, [(2, "=1+1", "@x")], []),
    ("quotes", b'a,b\n"x","y"\n', {}, [(2, "x", "y")], []),
    ("doubled quotes", b'a,b\n"a ""b"" c",""""\n', {}, [(2, 'a "b" c', '"')], []),
    ("quoted delimiter", b'a,b\n"x,y",2\n', {}, [(2, "x,y", "2")], []),
    ("quoted line end", b'a,b\n"x\ny",2\n3,4\n', {}, [(2, "x\ny", "2"), (4, "3", "4")], []),
    ("quoted line ends in the header", b'"a\nx",b\n1,2\n', {}, [(3, "1", "2")], []),
    ("many quoted line ends", b'a,b\n"\n\n\n",2\n3,4\n', {}, [(2, "\n\n\n", "2"), (6, "3", "4")], []),
    ("quoted CRLF", b'a,b\r\n"x\r\ny",2\r\n3,4\r\n', {}, [(2, "x\r\ny", "2"), (4, "3", "4")], []),
    ("quote within a field", b'a,b\nx"y,2\n3,4\n', {}, [(2, 'x"y', "2"), (3, "3", "4")], []),
    ("inches", b'a,b\n5",6"\n7,8\n', {}, [(2, '5"', '6"'), (3, "7", "8")], []),
    ("text behind a quote", b'a,b\n"x"y,2\n3,4\n', {}, [(3, "3", "4")], [(2, BEHIND)]),
    ("space behind a quote", b'a,b\n"x" ,2\n3,4\n', {}, [(3, "3", "4")], [(2, BEHIND)]),
    ("quote never closed", b'a,b\n1,2\n"x,3\n4,5\n', {}, [(2, "1", "2"), (4, "4", "5")], [(3, NEVER)]),
    ("quote never closed, last", b'a,b\n1,2\n3,"x', {}, [(2, "1", "2")], [(3, NEVER)]),
    ("other quote", b"a,b\n'x,y',\"z\"\n", {"quote": "'"}, [(2, "x,y", '"z"')], []),
    ("no quote", b'a,b\n"x,"y\n', {"quote": ""}, [(2, '"x', '"y')], []),
    ("too few fields", b"a,b\n1\n3,4\n", {}, [(3, "3", "4")], [(2, SHORT)]),
    ("too many fields", b"a,b\n1,2,3\n3,4\n", {}, [(3, "3", "4")], [(2, LONG)]),
    ("comma at the end", b"a,b\n1,2,\n3,4\n", {}, [(3, "3", "4")], [(2, LONG)]),
    ("ragged both ways", b"a,b\n1\n1,2,3\n5,6\n", {}, [(4, "5", "6")], [(2, SHORT), (3, LONG)]),
    ("all ragged", b"a,b\n1\n2\n", {}, [], [(2, SHORT), (3, SHORT)]),
    ("cut in a row", b"a,b\n1,2\n3", {}, [(2, "1", "2")], [(3, SHORT)]),
    ("blank lines", b"a,b\n\n1,2\n\n\n3,4\n\n", {}, [(3, "1", "2"), (6, "3", "4")], []),
    ("blank CRLF lines", b"a,b\r\n\r\n1,2\r\n", {}, [(3, "1", "2")], []),
    ("line of blanks", b"a,b\n  \n1,2\n", {}, [(3, "1", "2")], [(2, SHORT)]),
    ("semicolons", b"a;b\n1,5;2\n", {"delimiter": ";"}, [(2, "1,5", "2")], []),
    ("tabs", b"a\tb\n1 2\t\n", {"delimiter": "\t"}, [(2, "1 2", None)], []),
    ("pipes", b"a|b\n1|2\n", {"delimiter": "|"}, [(2, "1", "2")], []),
    ("wrong delimiter", b"a;b\n1;2\n", {}, [(2, "1;2")], []),
    ("one column", b'a\n1\n""\n3\n', {}, [(2, "1"), (3, None), (4, "3")], []),
    ("no header", b"1,2\n3,4\n", {"header": False}, [(1, "1", "2"), (2, "3", "4")], []),
    ("no header, ragged", b"1,2\n3\n", {"header": False}, [(1, "1", "2")], [(2, SHORT)]),
    ("decimal comma", b"a;b\n1,5;x,y\n", {"delimiter": ";", "decimal": ","}, [(2, "1.5", "x,y")], []),
    ("empty file", b"", {}, [], []),
    ("only a BOM", b"\xef\xbb\xbf", {}, [], []),
    ("control characters", b"a,b\n\x01,\x1b[0m\n", {}, [(2, "\x01", "\x1b[0m")], []),
    ("line separators are text", "a,b\n\u2028,\x85\n".encode(), {}, [(2, "\u2028", "\x85")], []),
    ("CR within a field", b"a,b\n1\rx,2\n", {}, [(2, "1\rx", "2")], []),
    ("CR, quoted line ends", b'a,b\r"x\ry","p\nq"\r"r\r\ns",4\r', {}, [(2, "x\ry", "p\nq"), (4, "r\r\ns", "4")], []),
    ("CR, a LF in a quoted name", b'"a\nx",b\r1,2\r', {}, [(2, "1", "2")], []),
    ("CR, blank lines", b"a,b\r\r1,2\r\r", {}, [(3, "1", "2")], []),
    ("CR, ragged", b"a,b\r1\r3,4\r", {}, [(3, "3", "4")], [(2, SHORT)]),
    ("CR, cut", b"a,b\r1,2\r3", {}, [(2, "1", "2")], [(3, SHORT)]),
    ("CR, quote never closed", b'a,b\r1,2\r"x,3\r4,5\r', {}, [(2, "1", "2"), (4, "4", "5")], [(3, NEVER)]),
    ("CRLF after long text", b"a,b\r\n" + b"x" * 100 + b",2\r\n", {}, [(2, "x" * 100, "2")], []),
    ("UTF-16, little end first", "a,b\né,2\n".encode("utf-16-le"), {"encoding": "utf-16-le"}, [(2, "é", "2")], []),
    ("UTF-16, CRLF", "a,b\r\n😀,2\r\n".encode("utf-16"), {"encoding": "utf-16"}, [(2, "😀", "2")], []),
    ("UTF-16, CR", "a,b\r1,2\r".encode("utf-16"), {"encoding": "utf-16"}, [(2, "1", "2")], []),
    ("UTF-16, cut in a character", "a,b\n1,2\n3,4".encode("utf-16")[:-1], {"encoding": "utf-16"}, [(2, "1", "2")], [(3, BYTES)]),
    ("UTF-16, half of a pair", "a,b\n1,2\n".encode("utf-16") + b"\x00\xd8,\x003\x00\n\x00", {"encoding": "utf-16"}, [(2, "1", "2")], [(3, BYTES)]),
    ("UTF-8, cut in a character", "a,b\n1,2\n3,é".encode()[:-1], {}, [(2, "1", "2")], [(3, BYTES)]),
    ("shift_jis, cut in a character", "a,b\n1,漢\n3,漢".encode("shift_jis")[:-1], {"encoding": "shift_jis"}, [(2, "1", "漢")], [(3, BYTES)]),
    ("numbers that are too big", b"a,b\n1e400,-1e400\n", {}, [(2, "1e400", "-1e400")], []),
    ("a huge field", b"a,b\n" + b"x" * 3_000_000 + b",2\n3,4\n", {}, [(2, "x" * 3_000_000, "2"), (3, "3", "4")], []),
    ("a huge quoted field", b'a,b\n"' + b"x\n" * 100_000 + b'",2\n3,4\n', {}, [(2, "x\n" * 100_000, "2"), (100_003, "3", "4")], []),
    ("a tab for a delimiter in text", b"a,b\n1\t2,3\n", {}, [(2, "1\t2", "3")], []),
]  # fmt: skip


@pytest.mark.parametrize("block", [1, 8, 16 << 20])
@pytest.mark.parametrize(("data", "options", "rows", "bad"), [case[1:] for case in CORPUS], ids=[case[0] for case in CORPUS])
def test_corpus(
    data: bytes, options: dict[str, Any], rows: Rows, bad: Bad, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A mark of the encoding is looked for in the first block.
    monkeypatch.setattr(text_blocks, "BLOCK", max(block, len(data) // 1000, 4 if data[:1] in (b"\xef", b"\xff") else 1))
    (tmp_path / "x.csv").write_bytes(data)
    _, found, unreadable = read(source("csv", "x.csv", tmp_path, options), {"a": "decimal(9,2)", "b": "string"})
    assert found == rows
    assert unreadable == bad


CELLS = st.lists(st.lists(st.text(st.sampled_from('a1 ,;"\n\r\té'), max_size=5), min_size=2, max_size=2), min_size=1, max_size=8)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=CELLS, ends=st.sampled_from(["\n", "\r\n"]), style=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
       block=st.sampled_from([1, 7, 1000]))  # fmt: skip
def test_what_python_writes_is_read_back(rows: list[list[str]], ends: str, style: Any, block: int, tmp_path: Path) -> None:
    stream = io.StringIO(newline="")
    if any("\r" in cell for row in rows for cell in row):
        # Python leaves a CR at a field's end bare, where nobody can tell it from the line's own.
        style = csv.QUOTE_ALL
    writer = csv.writer(stream, lineterminator=ends, quoting=style)
    writer.writerow(["a", "b"])
    expected = []
    for row in rows:
        line = stream.getvalue().count("\n") + 1
        writer.writerow(row)
        expected.append((line, *(cell or None for cell in row)))
    (tmp_path / "x.csv").write_bytes(stream.getvalue().encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_blocks, "BLOCK", block)
        _, found, bad = read(source("csv", "x.csv", tmp_path))
    assert bad == []
    assert found == expected


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.sampled_from('a1,"\n'), max_size=40))
def test_any_bytes_give_the_same_in_any_blocks(text: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"a,b\n" + text.encode())
    found = []
    for block in (1, 5, 1000):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(text_blocks, "BLOCK", block)
            found.append(read(source("csv", "x.csv", tmp_path)))
    assert found[0] == found[1] == found[2]
    lines = [number for number, *_ in (*found[0][1], *found[0][2])]
    assert len(set(lines)) == len(lines)


@pytest.mark.parametrize("ends", [b"\r", b"\r\n", b"\n"])
def test_a_first_line_longer_than_any_block(ends: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What ends a line is known when the first line has ended, however late that is."""
    monkeypatch.setattr(text_blocks, "BLOCK", 16)
    (tmp_path / "x.csv").write_bytes(b"a," + b"b" * 100 + ends + b"1,2" + ends + b"3,4" + ends)
    assert read(source("csv", "x.csv", tmp_path)) == (["a", "b" * 100], [(2, "1", "2"), (3, "3", "4")], [])


@pytest.mark.parametrize(("data", "options", "code", "hint"), [
    ("a,b\n1,2\n".encode("utf-16"), {}, "E_ENCODING", "options: {encoding: utf-16}"),
    ("a,b\n1,2\n".encode("utf-32"), {}, "E_ENCODING", "options: {encoding: utf-32}"),
    (b"\xe9,b\n1,2\n", {}, "E_ENCODING", "set options.encoding"),
    (b"__position,b\n1,2\n", {}, "E_SOURCE_SCHEMA", "rename it"),
    (b"a,b\n1,2\n", {"encoding": "klingon"}, "E_ENCODING", "options.encoding is such as utf-8, utf-16, latin-1, cp1252 or cp949"),
])  # fmt: skip
def test_files_that_are_refused_as_a_whole(data: bytes, options: dict[str, Any], code: str, hint: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(data)
    with pytest.raises(PermanentError) as caught:
        read(source("csv", "x.csv", tmp_path, options))
    assert (caught.value.code, caught.value.hint) == (code, hint)


@pytest.mark.parametrize("data", [b"x" * 5000, b'a,b\n1,"' + b"x" * 5000, b"a,b\n" + b"x" * 5000])
def test_a_record_without_end_is_refused(data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_blocks, "BLOCK", 64)
    monkeypatch.setattr(text_blocks, "LONGEST", 1000)
    (tmp_path / "x.csv").write_bytes(data)
    with pytest.raises(PermanentError) as caught:
        read(source("csv", "x.csv", tmp_path))
    assert caught.value.code == "E_LIMIT"


def test_a_pipe_is_no_file_and_hangs_nobody(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "x.csv")
    with pytest.raises(PermanentError, match="no regular file"):
        source("csv", "x.csv", tmp_path).files()
    assert source("csv", "*.csv", tmp_path).files() == ()


def test_a_link_that_is_turned_after_it_was_pinned_is_not_followed(tmp_path: Path) -> None:
    from datasync.seams import ReadRequest

    project = tmp_path / "project"
    project.mkdir()
    (project / "real.csv").write_text("a\n1\n")
    (tmp_path / "secret.csv").write_text("a\n2\n")
    (project / "x.csv").symlink_to(project / "real.csv")
    opened = source("csv", "x.csv", project)
    pinned = opened.files() or ()
    (project / "x.csv").unlink()
    (project / "x.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(PermanentError, match="outside"), opened.read(ReadRequest(files=pinned)):
        pass


def test_header_that_names_a_column_twice(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"a,b,a\n1,2,3\n")
    opened = source("csv", "x.csv", tmp_path)
    from datasync.seams import ReadRequest

    with opened.read(ReadRequest(files=opened.files() or ())) as reading:
        assert list(reading.header) == ["a", "b", "a"]


def test_globs_are_sorted_and_skip_what_is_hidden(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv", "_c.csv", ".d.csv", "e.csv.tmp", "f.csv.part"):
        (tmp_path / name).write_text(f"a\n{name}\n")
    assert [file.path for file in source("csv", "*.csv*", tmp_path).files() or ()] == ["a.csv", "b.csv"]
    assert read(source("csv", "[ab].csv", tmp_path))[1] == [(2, "a.csv"), (2, "b.csv")]
    assert source("csv", "z*.csv", tmp_path).files() == ()
    with pytest.raises(PermanentError, match=r"no file z\.csv"):
        source("csv", "z.csv", tmp_path).files()


def test_paths_outside_the_project_are_refused(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (tmp_path / "x.csv").write_text("a\n1\n")
    (project / "link.csv").symlink_to(tmp_path / "x.csv")
    for path in ("../x.csv", "link.csv", "*.csv", str(tmp_path / "x.csv")):
        with pytest.raises(PermanentError, match="outside"):
            source("csv", path, project).files()


def test_columns_of_later_files_are_matched_by_name(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("a,b\n1,2\n")
    (tmp_path / "2.csv").write_text("b,a\n4,3\n")
    opened = source("csv", "*.csv", tmp_path)
    from datasync.seams import ReadRequest

    with opened.read(ReadRequest(files=opened.files() or ())) as reading:
        assert [batch.frame["a"].to_list() for batch in reading.batches()] == [["1"], ["3"]]
    (tmp_path / "3.csv").write_text("a,c\n1,2\n")
    with pytest.raises(PermanentError, match=r"3.csv has other columns"):
        read(source("csv", "*.csv", tmp_path))


def test_a_file_that_changes_is_not_read(tmp_path: Path) -> None:
    from datasync.seams import ReadRequest

    (tmp_path / "x.csv").write_text("a\n1\n")
    opened = source("csv", "x.csv", tmp_path)
    pinned = opened.files() or ()
    (tmp_path / "x.csv").write_text("a\n1\n2\n")
    with pytest.raises(PermanentError, match="changed"), opened.read(ReadRequest(files=pinned)) as reading:
        list(reading.batches())
