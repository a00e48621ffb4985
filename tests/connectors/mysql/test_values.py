"""Cells as MySQL writes them: many rows at once, and dates with times read alike by both formats."""

from __future__ import annotations

from datetime import datetime

import polars as pl
import pytest

from datasync.connectors.mysql.packets import BLOCK, Packets
from datasync.connectors.mysql.types import Column
from datasync.connectors.mysql.values import frame_of
from datasync.contract.types import parse_type


def test_blocks_of_rows_join_without_a_seam() -> None:
    cells = [None if number in (BLOCK - 1, BLOCK + 1) else b"x" * (number % 40) for number in range(2 * BLOCK + 3)]
    rows = (b"\xfb" if cell is None else bytes([len(cell)]) + cell for cell in cells)
    wire = b"".join(len(row).to_bytes(3, "little") + b"\0" + row for row in rows) + b"\x05\0\0\0\xfe\0\0\x02\0"
    stream = iter([wire])
    packets = Packets(lambda _most: next(stream, b""), 1)
    assert packets.batch(10 * BLOCK, 1 << 30)[0].to_list() == cells


@pytest.mark.parametrize("digits", [0, 3, 6])
def test_dates_with_times_are_exact_in_each_length(digits: int) -> None:
    instants = [datetime(1, 1, 1), datetime(1969, 12, 31, 23, 59, 59), datetime(2024, 2, 29), datetime(9999, 12, 31, 23, 59, 59)]
    texts = [f"{instant.isoformat(' ')}{'.' if digits else ''}{'123456'[:digits]}" for instant in instants]
    part = int("123456"[:digits].ljust(6, "0"))
    cells = pl.Series([text.encode() for text in [*texts, "0000-00-00 00:00:00"]], dtype=pl.Binary)
    column = Column("at", parse_type("timestamp"))
    assert frame_of([cells[:-1]], [column], {})["at"].to_list() == [instant.replace(microsecond=part) for instant in instants]
    # A zero date beside them stays what it is, and they too: the gate casts.
    assert frame_of([cells], [column], {"at": parse_type("timestamp")})["at"].to_list()[-1] == "0000-00-00 00:00:00"
