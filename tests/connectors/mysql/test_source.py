"""What a MySQL source must do, on a real server."""

from __future__ import annotations

import random
import socket
import struct
import threading
import time as clock
from contextlib import closing
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from datasync.connectors.mysql.packets import Packets
from datasync.connectors.mysql.source import MysqlSource
from datasync.contract.endpoints import MysqlSource as Endpoint
from datasync.contract.types import parse_type
from datasync.errors import PermanentError, TransientError
from datasync.seams import Part, ReadRequest, Surroundings, Window
from tests.connectors.sql_targets import Place


def source(place: Place, **endpoint: Any) -> MysqlSource:
    return MysqlSource(
        Endpoint(type="mysql", connection="shop", **endpoint), Surroundings(place.root, place.root, lambda _: place.connection)
    )


def read(place: Place, request: ReadRequest | None = None, **endpoint: Any) -> tuple[pl.DataFrame, dict[str, str]]:
    with closing(source(place, **endpoint)) as opened, opened.read(request or ReadRequest()) as reading:
        frame = pl.concat([batch.frame for batch in reading.batches()])
        return frame, {name: str(kind) for name, kind in reading.types.items()}


def types(**named: str) -> ReadRequest:
    return ReadRequest(types={name: parse_type(kind) for name, kind in named.items()})


KINDS: list[tuple[str, str, str, Any]] = [
    ("bigint unsigned", "18446744073709551615", "uint64", 2**64 - 1),
    ("int unsigned zerofill", "7", "uint32", 7),
    ("mediumint", "-8388608", "int32", -8388608),
    ("tinyint(1)", "-128", "int8", -128),
    ("tinyint unsigned", "255", "uint8", 255),
    ("year", "2155", "int16", 2155),
    ("bit(1)", "b'1'", "bool", True),
    ("bit(64)", "b'1111111111111111111111111111111111111111111111111111111111111111'", "uint64", 2**64 - 1),
    ("enum('a','b')", "'b'", "string", "b"),
    ("set('x','y')", "'x,y'", "string", "x,y"),
    ("json", """'{"b": 1,  "a": 2.50}'""", "string", '{"b": 1,  "a": 2.50}'),
    ("decimal(38,10)", "-9999999999999999999999999999.0123456789", "decimal(38,10)", Decimal("-9999999999999999999999999999.0123456789")),
    ("decimal(65,30)", "1.000000000000000000000000000001", "None", "1.000000000000000000000000000001"),
    ("decimal(9,0) unsigned", "999999999", "decimal(9,0)", Decimal(999999999)),
    ("float", "16777215", "float32", 16777215.0),
    ("float", "0.1", "float32", struct.unpack("f", struct.pack("f", 0.1))[0]),
    ("double", "5e-324", "float64", 5e-324),
    ("datetime(6)", "'1000-01-01 00:00:00.000001'", "timestamp[us]", datetime(1000, 1, 1, 0, 0, 0, 1)),
    ("datetime", "'9999-12-31 23:59:59'", "timestamp[us]", datetime(9999, 12, 31, 23, 59, 59)),
    ("timestamp(3) null", "'2038-01-19 03:14:07.999'", "timestamp[us, UTC]", datetime(2038, 1, 19, 3, 14, 7, 999000, tzinfo=UTC)),
    ("date", "'0001-01-01'", "date", date(1, 1, 1)),
    ("time(6)", "'23:59:59.999999'", "time", time(23, 59, 59, 999999)),
    ("binary(3)", "'a'", "binary", b"a\0\0"),
    ("blob", "X'00FF'", "binary", b"\x00\xff"),
    ("varchar(20) character set latin1", "'é'", "string", "é"),
    ("text", "'😀\\\\ \\t \\n \\0'", "string", "😀\\ \t \n \0"),
    ("uuid", "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", "string", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ("inet6", "'::1'", "string", "::1"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "literal", "named", "value"), KINDS, ids=[kind for kind, *_ in KINDS])
def test_values_come_as_they_are(mysql: Place, kind: str, literal: str, named: str, value: Any) -> None:
    with mysql.sql() as run:
        run("SET time_zone = '+00:00'")
        run(f"CREATE TABLE s (a {kind}, b {kind})")
        run(f"INSERT INTO s VALUES ({literal}, NULL)")
    frame, known = read(mysql, table="s")
    assert known["a"] == named
    assert frame["a"].to_list() == [value]
    assert frame["b"].to_list() == [None]


@pytest.mark.parametrize(
    ("kind", "bad", "good", "declared"),
    [
        ("date", "'0000-00-00'", "'2024-02-29'", "date"),
        ("date", "'2024-00-15'", "'2024-02-29'", "date"),
        ("datetime(6)", "'0000-00-00 00:00:00'", "'2024-02-29 12:00:00'", "timestamp"),
        ("timestamp(6)", "0", "'2024-02-29 12:00:00'", "timestamp[us, UTC]"),
        ("time", "'838:59:59'", "'12:00:00'", "time"),
        ("time", "'-00:00:01'", "'12:00:00'", "time"),
    ],
)
def test_a_value_that_no_contract_can_name_costs_its_row_or_is_refused(
    mysql: Place, kind: str, bad: str, good: str, declared: str
) -> None:
    from datasync.casting import cast_column

    with mysql.sql() as run:
        run("SET sql_mode = '', time_zone = '+00:00'")
        run(f"CREATE TABLE s (id int, a {kind} NULL)")
        run(f"INSERT INTO s VALUES (1, {bad}), (2, {good}), (3, NULL)")
    with pytest.raises(PermanentError) as refused:
        read(mysql, table="s")
    assert refused.value.code == "E_SOURCE_VALUE"
    frame, _ = read(mysql, types(a=declared), table="s")
    values, wrong = cast_column(frame["a"], parse_type(declared))
    assert wrong.to_list() == [True, False, False]
    assert values[1] is not None
    # As text it is read whatever it is.
    text, _ = read(mysql, query="SELECT CAST(a AS CHAR) AS a FROM s")
    assert text["a"].null_count() == 1


def test_integers_are_booleans_where_the_contract_says_so_and_all_agree(mysql: Place) -> None:
    with mysql.sql() as run:
        run("CREATE TABLE s (a tinyint(1), b tinyint(1), c int)")
        run("INSERT INTO s VALUES (1, 2, 1), (0, 1, 0), (NULL, NULL, 7)")
    frame, _ = read(mysql, types(a="bool", b="bool", c="bool"), table="s")
    assert frame["a"].to_list() == [True, False, None]
    assert frame["b"].to_list() == ["2", "1", None]
    assert frame["c"].to_list() == ["1", "0", "7"]


def test_geometry_is_refused_until_it_is_left_out(mysql: Place) -> None:
    with mysql.sql() as run:
        run("CREATE TABLE s (id int, g point)")
        run("INSERT INTO s VALUES (1, ST_GeomFromText('POINT(1 2)'))")
    with pytest.raises(PermanentError, match="geometry"):
        read(mysql, table="s")
    assert read(mysql, ReadRequest(columns=("id",)), table="s")[0].rows() == [(1,)]


def test_a_query_binds_what_it_names_and_may_name_a_column_twice(mysql: Place) -> None:
    with mysql.sql() as run:
        run("CREATE TABLE s (id int, v varchar(20))")
        run("INSERT INTO s VALUES (1, 'it''s'), (2, '\\\\ OR 1=1')")
    for value in ("it's", "\\ OR 1=1"):
        asked = ReadRequest(variables={"v": value})
        assert read(mysql, asked, query="SELECT v, '%' AS p, ':v' AS t FROM s WHERE v = :v")[0].rows() == [(value, "%", ":v")]
    with closing(source(mysql, query="SELECT id, id FROM s")) as opened, opened.read(ReadRequest()) as reading:
        assert reading.header == ["id", "id"]
        assert reading.count() is None


def test_count_rows_and_null_cursors_are_of_one_snapshot(mysql: Place) -> None:
    with mysql.sql() as run:
        run("CREATE TABLE s (id int, c int) ENGINE = InnoDB")
        run("INSERT INTO s VALUES (1, 1), (2, NULL), (3, 3)")
        opened = source(mysql, table="s")
        request = ReadRequest(cursor="c", cursor_type=parse_type("int64"), window=Window(None, 10))
        with closing(opened), opened.read(request) as reading:
            run("INSERT INTO s VALUES (4, 4), (5, NULL)")
            assert (reading.count(), reading.null_cursors()) == (2, 1)
            assert sum(batch.frame.height for batch in reading.batches()) == 2
            with pytest.raises(PermanentError) as written:
                opened._session.run("DELETE FROM s")
            assert written.value.code == "E_PERMISSION"
        assert opened.max_cursor("c", {}) == 4


def test_a_naive_cursor_compares_in_its_zone_and_an_instant_in_utc(mysql: Place) -> None:
    with mysql.sql() as run:
        run("SET time_zone = '+00:00'")
        run("CREATE TABLE s (n datetime(6), t timestamp(6) NULL)")
        run("INSERT INTO s VALUES ('2024-03-10 09:00:00', '2024-03-10 00:00:00'), ('2024-03-10 10:00:00', '2024-03-10 01:00:00')")
    window = Window(datetime(2024, 3, 10, 0, 30, tzinfo=UTC), datetime(2024, 3, 11, tzinfo=UTC))
    for column, kind in (("n", "timestamp"), ("t", "timestamp[us, UTC]")):
        request = ReadRequest(cursor=column, cursor_type=parse_type(kind), cursor_zone="Asia/Seoul", window=window)
        assert read(mysql, request, table="s")[0].height == 1
        assert source(mysql, table="s").cursor_type(column, {}) == parse_type(kind)


def test_parts_cover_every_row_once(mysql: Place) -> None:
    with mysql.sql() as run:
        run("CREATE TABLE s (id int)")
        run("INSERT INTO s VALUES (1), (50), (99), (100), (NULL)")
    endpoint = {"table": "s", "partition": {"column": "id", "size": 50}}
    frame, _ = read(mysql, **endpoint)
    assert sorted(frame["id"].to_list(), key=lambda n: n or 0) == [None, 1, 50, 99, 100]
    with closing(source(mysql, **endpoint)) as opened, opened.read(ReadRequest()) as reading:
        assert reading.parts() == [Part(), Part(1, 50), Part(51, 100)]
    with closing(source(mysql, **endpoint)) as opened, opened.read(ReadRequest(part=Part(1, 50))) as reading:
        assert reading.count() == 2
        assert [batch.frame["id"].to_list() for batch in reading.batches()] == [[1, 50]]


def test_a_read_is_cancelled_within_a_second(mysql: Place) -> None:
    opened = source(mysql, query="SELECT sleep(20) AS a, 1 AS b")
    caught: list[TransientError] = []

    def work() -> None:
        try:
            with opened.read(ReadRequest()) as reading:
                list(reading.batches())
        except TransientError as error:
            caught.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    clock.sleep(0.5)
    began = clock.monotonic()
    opened.cancel()
    thread.join(3)
    assert not thread.is_alive()
    assert clock.monotonic() - began < 2
    assert [error.code for error in caught] == ["E_CANCELLED"]
    opened.close()


def test_a_read_that_is_left_in_the_middle_frees_the_server_at_once(mysql: Place) -> None:
    with mysql.sql() as run:
        run("CREATE TABLE s AS SELECT seq AS id, repeat('x', 500) AS v FROM seq_1_to_200000")
        opened = source(mysql, table="s")
        began = clock.monotonic()
        with closing(opened), opened.read(ReadRequest(batch_rows=10)) as reading:
            batches = reading.batches()
            assert next(batches).frame.height == 10
            batches.close()  # type: ignore[attr-defined]
        assert clock.monotonic() - began < 5


def test_a_connection_that_ends_in_mid_read_is_said(mysql: Place) -> None:
    with mysql.sql() as run:
        run("CREATE TABLE s AS SELECT seq AS id, repeat('x', 500) AS v FROM seq_1_to_100000")
        opened = source(mysql, table="s")
        with closing(opened), opened.read(ReadRequest(batch_rows=10)) as reading:
            batches = reading.batches()
            next(batches)
            opened._session._open._sock.shutdown(socket.SHUT_RDWR)
            with pytest.raises(TransientError) as lost:
                list(batches)
    assert lost.value.code == "E_CONNECT"


def test_signing_in_fails_in_our_words(tmp_path: Path) -> None:
    from datasync.seams import Connection

    closed = Connection("shop", "mysql", "127.0.0.1", 1, "u", "hunter2", "db")
    opened = MysqlSource(Endpoint(type="mysql", connection="shop", table="t"), Surroundings(tmp_path, tmp_path, lambda _: closed))
    with pytest.raises(TransientError) as refused:
        opened.clock()
    assert refused.value.code == "E_CONNECT"
    assert "hunter2" not in str(refused.value)


def _packet(cells: list[bytes | None]) -> bytes:
    """Write a row as the protocol has it."""
    body = b""
    for cell in cells:
        if cell is None:
            body += b"\xfb"
        elif len(cell) < 251:
            body += bytes([len(cell)]) + cell
        elif len(cell) < 2**16:
            body += b"\xfc" + len(cell).to_bytes(2, "little") + cell
        elif len(cell) < 2**24:
            body += b"\xfd" + len(cell).to_bytes(3, "little") + cell
        else:
            body += b"\xfe" + len(cell).to_bytes(8, "little") + cell
    parts = [body[start : start + 0xFFFFFF] for start in range(0, len(body), 0xFFFFFF)]
    if len(parts[-1]) == 0xFFFFFF:
        parts.append(b"")
    return b"".join(len(part).to_bytes(3, "little") + b"\0" + part for part in parts)


@pytest.mark.parametrize("seed", range(20))
def test_packets_are_cut_wherever_the_socket_cuts_them(seed: int) -> None:
    draw = random.Random(seed)
    lengths = [0, 1, 3, 4, 5, 8, 11, 12, 13, 250, 251, 252, 253, 254, 300, 65_535, 65_536]
    rows = [[None if draw.random() < 0.2 else draw.randbytes(draw.choice(lengths)) for _ in range(3)] for _ in range(40)]
    wire = b"".join(_packet(row) for row in rows) + b"\x05\0\0\0\xfe\0\0\x02\0"
    at = 0

    def part(_most: int) -> bytes:
        nonlocal at
        size = draw.choice([1, 3, 100, 70_000])
        at += size
        return wire[at - size : at]

    packets, found = Packets(part, 3), []
    while packets.end is None:
        columns = packets.batch(draw.choice([1, 7, 100]), draw.choice([50, 10**6]))
        found += [list(row) for row in zip(*(column.to_list() for column in columns), strict=True)]
    assert found == rows


@pytest.mark.parametrize("size", [0xFFFFFF - 9, 0xFFFFFF - 8, 0xFFFFFF + 100])
def test_a_row_longer_than_a_packet_is_joined(size: int) -> None:
    row = [b"a", b"x" * size, None, b"z"]
    wire = _packet(row) + _packet([b"1", b"2", b"3", b"4"]) + b"\x05\0\0\0\xfe\0\0\x02\0"
    stream = iter([wire[start : start + 1_000_003] for start in range(0, len(wire), 1_000_003)])
    packets = Packets(lambda _most: next(stream, b""), 4)
    columns = packets.batch(10, 1 << 30)
    assert [column[0] for column in columns] == row
    assert [column[1] for column in columns] == [b"1", b"2", b"3", b"4"]


def test_a_closed_connection_is_an_end_of_file() -> None:
    with pytest.raises(EOFError):
        Packets(lambda _most: b"", 1).batch(1, 10)
