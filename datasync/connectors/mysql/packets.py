"""The packets of a text result in, columns of bytes out: without an object per row, which takes pymysql most of its time.

A row's packet is three bytes of length, a number, and the row's cells, each behind its own length. Packets are walked one by
one; the cells of a column are then found for all rows of a batch at once.

Source: "Text Resultset Row" and "Length-Encoded Integer" of the MySQL client/server protocol.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

READ = 1 << 20
"""Bytes that are asked of the socket at a time."""
LONG = 0xFFFFFF
"""Length of a packet whose row goes on in the next one."""
_EOF, _ERROR = 0xFE, 0xFF
_INLINE = 12
"""Bytes of a cell that a view holds itself. Source: "Variable-size Binary View Layout" of Arrow's columnar format."""

_FIRST = np.array([(1 << 8 * min(size, 8)) - 1 for size in range(_INLINE + 1)], dtype="<u8")
_LAST = np.array([(1 << 8 * max(size - 8, 0)) - 1 for size in range(_INLINE + 1)], dtype="<u4")
"""What a cell of so many bytes keeps of the eight from its beginning, and of the four behind them."""

Numbers = npt.NDArray[np.int64]


class Packets:
    """Reads the rows that follow a result's description.

    Args:
        read: gives at least one byte and at most so many of the connection; none: it is closed.
        width: columns of the result.
    """

    def __init__(self, read: Callable[[int], bytes], width: int) -> None:
        self._read = read
        self._width = width
        self._rest = b""
        self.end: bytes | None = None
        """The packet that ended the rows (end of file, or an error); None while there may be more."""

    def batch(self, rows: int, limit: int) -> list[pl.Series]:
        """Give the next rows, a column of Binary each; fewer at the end, or when they hold more than `limit` bytes.

        Raises:
            EOFError: the connection was closed in the middle.
        """
        data, starts = self._walk(rows, limit)
        buffer = np.frombuffer(data, dtype=np.uint8)
        place = np.array(starts, dtype=np.int64)
        columns = []
        for number in range(self._width):
            begin, length = _cell(buffer, place)
            columns.append(_series(str(number), data, (begin, length)))
            place = begin + np.maximum(length, 0)
        return columns

    def _walk(self, rows: int, limit: int) -> tuple[bytes, list[int]]:
        """Gather packets until there are enough; give their bytes and where each row's cells begin."""
        data, at = bytearray(self._rest), 0
        starts: list[int] = []
        add = starts.append
        while len(starts) < rows and at < limit:
            if len(data) < at + 5 or len(data) < at + 4 + (length := data[at] | data[at + 1] << 8 | data[at + 2] << 16):
                self._more(data)
                continue
            kind = data[at + 4]
            if (kind == _EOF and length < 9) or kind == _ERROR:
                self.end = bytes(data[at + 4 : at + 4 + length])
                at += 4 + length
                break
            if length == LONG:
                length = self._joined(data, at)
            add(at + 4)
            at += 4 + length
        self._rest = bytes(data[at:])
        # What numpy's wide look-ups touch behind the last cell must exist.
        return bytes(data[:at]) + bytes(16), starts

    def _joined(self, data: bytearray, at: int) -> int:
        """Take the headers out of a row that needs several packets; give its length."""
        length = LONG
        part = LONG
        while part == LONG:
            header = at + 4 + length
            while len(data) < header + 4:
                self._more(data)
            part = data[header] | data[header + 1] << 8 | data[header + 2] << 16
            while len(data) < header + 4 + part:
                self._more(data)
            del data[header : header + 4]
            length += part
        return length

    def _more(self, data: bytearray) -> None:
        part = self._read(READ)
        if not part:
            raise EOFError
        data += part


def _cell(buffer: npt.NDArray[np.uint8], place: Numbers) -> tuple[Numbers, Numbers]:
    """Read a length-encoded integer at each place; give where the cells begin and their lengths, -1 for NULL."""
    first = buffer[place].astype(np.int64)
    begin, length = place + 1, first
    for mark, size in ((0xFC, 2), (0xFD, 3), (0xFE, 8)):
        wide = np.flatnonzero(first == mark)
        if wide.size:
            parts = [buffer[place[wide] + 1 + number].astype(np.int64) << (8 * number) for number in range(size)]
            length = length.copy() if length is first else length
            length[wide] = np.sum(parts, axis=0)
            begin[wide] += size
    return begin, np.where(first == 0xFB, -1, length)


def _series(name: str, data: bytes, cells: tuple[Numbers, Numbers]) -> pl.Series:
    """Make a column whose long cells stay where they are, seen through views."""
    import pyarrow as pa

    begin, length = cells
    missing = length < 0
    size = np.where(missing, 0, length)
    inline = np.minimum(size, _INLINE)
    # Every place of the data seen as the beginning of eight and of four bytes.
    eights: Any = np.ndarray((len(data) - 7,), dtype="<u8", buffer=data, strides=(1,))
    fours: Any = np.ndarray((len(data) - 3,), dtype="<u4", buffer=data, strides=(1,))
    views = np.empty((len(begin), 4), dtype="<u4")
    views[:, 0] = size
    views[:, 1:3] = (eights[begin] & _FIRST[inline]).view("<u4").reshape(-1, 2)
    views[:, 3] = fours[begin + 8] & _LAST[inline]
    long = np.flatnonzero(size > _INLINE)
    if long.size:
        # Length, four bytes, number of the buffer, place in it.
        views[long, 2] = 0
        views[long, 3] = begin[long]
    valid = None if not missing.any() else pa.py_buffer(np.packbits(~missing, bitorder="little").tobytes())
    array = pa.Array.from_buffers(pa.binary_view(), len(begin), [valid, pa.py_buffer(views), pa.py_buffer(data)])
    series = pl.from_arrow(array)
    assert isinstance(series, pl.Series)
    return series.alias(name)
