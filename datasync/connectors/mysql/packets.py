"""The packets of a text result in, columns of bytes out: without an object per row, which takes pymysql most of its time.

A row's packet is three bytes of length, a number, and the row's cells, each behind its own length. Packets are walked one by
one; the cells of a column are then found for thousands of rows at once.

Source: "Text Resultset Row" and "Length-Encoded Integer" of the MySQL client/server protocol.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

READ = 1 << 20
"""Bytes that are asked of the socket at a time."""
LONG = 0xFFFFFF
"""Length of a packet whose row goes on in the next one."""
BLOCK = 1 << 14
"""Rows whose cells are found at once: what is made on the way stays in the processor's cache."""
_NULL, _EOF, _ERROR = 0xFB, 0xFE, 0xFF
"""First byte of a missing cell (a smaller one is the cell's length, a greater one says where that is), and of packets that end
the rows."""
_INLINE = 12
"""Bytes of a cell that a view holds itself. Source: "Variable-size Binary View Layout" of Arrow's columnar format."""

_header = Struct("<IB").unpack_from
"""Length and number of a packet, and its first byte."""
_HEAD = np.array([(1 << 8 * min(size, 4)) - 1 for size in range(_INLINE + 1)], dtype="<u8")
_TAIL = np.array([(1 << 8 * max(size - 4, 0)) - 1 for size in range(_INLINE + 1)], dtype="<u8")
"""What a cell of so many bytes keeps of the four from its beginning, and of the eight behind them."""

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
        cells = _Cells(data)
        columns = [_Column(len(starts)) for _ in range(self._width)]
        for first in range(0, len(starts), BLOCK):
            place = np.array(starts[first : first + BLOCK], dtype=np.int64)
            for column in columns:
                place = cells.taken(place, column, first)
        return [column.series(str(number), data) for number, column in enumerate(columns)]

    def _walk(self, rows: int, limit: int) -> tuple[bytearray, list[int]]:
        """Gather packets until there are enough; give their bytes and where each row's cells begin."""
        data, at = bytearray(self._rest), 0
        starts: list[int] = []
        while len(starts) < rows and at < limit and self.end is None:
            before = at
            at = _plain(data, at, starts, (rows, limit))
            if at == before:
                at = self._special(data, at, starts)
        with memoryview(data) as view:
            self._rest = bytes(view[at:])
        # What numpy's wide look-ups touch behind the last cell must exist.
        data[at:] = bytes(16)
        return data, starts

    def _special(self, data: bytearray, at: int, starts: list[int]) -> int:
        """Take a packet that ends the rows, or a row that needs several; get more bytes when it is not all there."""
        if len(data) < at + 5 or len(data) < at + 4 + (_header(data, at)[0] & LONG):
            self._more(data)
            return at
        header, kind = _header(data, at)
        length: int = header & LONG
        if kind == _ERROR or (kind == _EOF and length < 9):
            self.end = bytes(data[at + 4 : at + 4 + length])
            return at + 4 + length
        if length == LONG:
            length = self._joined(data, at)
        starts.append(at + 4)
        return at + 4 + length

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


def _plain(data: bytearray, at: int, starts: list[int], bounds: tuple[int, int]) -> int:
    """Note where rows begin, up to the first packet that is not all there or not just one row; this is most of the walk."""
    rows, limit = bounds
    full = len(data)
    last = min(full - 4, limit)
    add = starts.append
    for _ in range(rows - len(starts)):
        if at >= last:
            break
        header, kind = _header(data, at)
        length: int = header & LONG
        following = at + 4 + length
        if kind >= _EOF or length == LONG or following > full:
            break
        add(at + 4)
        at = following
    return at


class _Column:
    """The cells of one column as views: their length and, up to twelve bytes, themselves; else where they are."""

    def __init__(self, height: int) -> None:
        self.views = np.empty((height, 2), dtype="<u8")
        self.valid: npt.NDArray[np.bool_] | None = None

    def miss(self, first: int, missing: npt.NDArray[np.bool_]) -> None:
        """Note which of the cells from `first` on are NULL."""
        if self.valid is None:
            self.valid = np.ones(len(self.views), dtype=np.bool_)
        self.valid[first : first + len(missing)] = ~missing

    def series(self, name: str, data: bytearray) -> pl.Series:
        """Give the column; long cells stay where they are."""
        import pyarrow as pa

        valid = None if self.valid is None else pa.py_buffer(np.packbits(self.valid, bitorder="little").tobytes())
        buffers = [valid, pa.py_buffer(self.views), pa.py_buffer(data)]
        series = pl.from_arrow(pa.Array.from_buffers(pa.binary_view(), len(self.views), buffers))
        assert isinstance(series, pl.Series)
        return series.alias(name)


class _Cells:
    """Finds cells in the packets of a batch, sixteen bytes behind the last of which are readable."""

    def __init__(self, data: bytearray) -> None:
        self._bytes = np.frombuffer(data, dtype=np.uint8)
        # Every place of the data seen as the beginning of eight bytes.
        self._eights: Any = np.ndarray((len(data) - 7,), dtype="<u8", buffer=data, strides=(1,))

    def taken(self, place: Numbers, column: _Column, first: int) -> Numbers:
        """Put the cells at these places into a column, from its row `first` on; give the places of the cells behind them."""
        begin, size = self._found(place, column, first)
        inline = np.minimum(size, _INLINE)
        views = column.views[first : first + len(place)]
        views[:, 0] = (self._eights[begin] & _HEAD[inline]) << 32 | size.view(np.uint64)
        views[:, 1] = self._eights[begin + 4] & _TAIL[inline]
        long = np.flatnonzero(size > _INLINE)
        if long.size:
            # The number of the buffer, which is 0, and the place in it.
            views[long, 1] = begin[long].view(np.uint64) << 32
        return begin + size

    def _found(self, place: Numbers, column: _Column, first: int) -> tuple[Numbers, Numbers]:
        """Read a length-encoded integer at each place; give where the cells begin and their lengths, 0 for NULL."""
        mark = self._bytes[place]
        begin, size = place + 1, mark.astype(np.int64)
        if mark.max(initial=0) < _NULL:
            return begin, size
        for wider, width in ((0xFC, 2), (0xFD, 3), (0xFE, 8)):
            wide = np.flatnonzero(mark == wider)
            if wide.size:
                parts = [self._bytes[begin[wide] + number].astype(np.int64) << (8 * number) for number in range(width)]
                size[wide] = np.sum(parts, axis=0)
                begin[wide] += width
        missing = mark == _NULL
        if missing.any():
            size[missing] = 0
            column.miss(first, missing)
        return begin, size
