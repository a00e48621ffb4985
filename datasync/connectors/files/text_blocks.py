"""Bytes of a text file in, blocks of UTF-8 whose lines end in LF or CRLF out; what is no text stays recognisable as such."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import IO, Any

from datasync.connectors.files.content import Content
from datasync.errors import PermanentError

BLOCK = 16 << 20
LONGEST = 64 << 20
"""Bytes of one record, at most."""
ENOUGH = 1 << 20
"""Bytes after which a line end within quotes will do, too: the quotes may not be what they seem."""
_PLAIN = ("utf-8", "utf-8-sig", "ascii")
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
SWAP = bytes.maketrans(b"\r\n", b"\n\r")


def _kept(error: UnicodeError) -> tuple[str | bytes, int]:
    """Give half a surrogate for what cannot be decoded: no character of any text, so its row is known to be unreadable."""
    assert isinstance(error, UnicodeDecodeError)
    return "\udcff", error.end


codecs.register_error("datasync.kept", _kept)


class Blocks:
    """One file's text.

    Attributes:
        swapped: the file's lines end in CR alone: CR and LF stand for each other in what is given.

    Args:
        content: the file.
        encoding: as Python's codecs call it.
        quote: code of the character within which line ends are text, or None.
    """

    def __init__(self, content: Content, encoding: str, quote: int | None) -> None:
        self._content = content
        self._encoding = encoding
        self._quoted = re.compile(b"%b[^%b]*(?:%b|$)" % ((re.escape(bytes([quote])),) * 3)) if quote is not None else None
        self._decoder: Any = None
        self.swapped = False

    def __iter__(self) -> Iterator[tuple[bytes, bool]]:
        """Give the blocks, each with whether it is the last."""
        with self._content.open() as stream:
            pending, last = self._beginning(stream)
            while True:
                yield (pending.translate(SWAP) if self.swapped else pending), last
                if last:
                    return
                pending, last = self._next(stream)

    def _beginning(self, stream: IO[bytes]) -> tuple[bytes, bool]:
        """Read until it is known what ends a line: CR does where no LF stands outside of quotes."""
        raw = stream.read(BLOCK)
        self._refuse_other_encoding(raw)
        if self._encoding in _PLAIN:
            raw = raw.removeprefix(codecs.BOM_UTF8)
        else:
            wide = any(size in self._encoding for size in ("16", "32"))
            self._decoder = codecs.getincrementaldecoder(self._encoding)("datasync.kept" if wide else "surrogateescape")
        data = self._utf8(raw, last=not raw).removeprefix(codecs.BOM_UTF8)
        last = not raw
        while not last and not self._decided(data):
            block, last = self._next(stream)
            data += block
            self.bounded(len(data))
        seen = self._outside_quotes(data) if b"\r" in data else data
        if b"\r" not in seen and b"\n" not in seen:
            seen = data
        self.swapped = b"\r" in seen and b"\n" not in seen
        return data, last

    def _decided(self, data: bytes) -> bool:
        """Whether a line has ended; a CR at the very end may be half of an end, and a quote may never close."""
        found = data if len(data) >= ENOUGH else self._outside_quotes(data)
        return b"\n" in found or b"\r" in found[:-1]

    def _outside_quotes(self, data: bytes) -> bytes:
        return self._quoted.sub(b"", data) if self._quoted is not None else data

    def _next(self, stream: IO[bytes]) -> tuple[bytes, bool]:
        raw = stream.read(BLOCK)
        return self._utf8(raw, last=not raw), not raw

    def _utf8(self, raw: bytes, last: bool) -> bytes:
        if self._decoder is None:
            return raw
        text: str = self._decoder.decode(raw, last)
        return text.encode("utf-8", "surrogatepass")

    def _refuse_other_encoding(self, raw: bytes) -> None:
        found = next((name for mark, name in _MARKS.items() if raw.startswith(mark)), None)
        if found is not None and self._encoding in _PLAIN:
            raise PermanentError(
                f"{self._content.name} begins with the mark of {found}, and is read as {self._encoding}", code="E_ENCODING",
                hint=f"options: {{encoding: {found}}}",
            )  # fmt: skip

    def bounded(self, size: int) -> None:
        """Refuse a record that is longer than any record should be."""
        if size > LONGEST + BLOCK:
            raise PermanentError(f"{self._content.name}: a record of more than {LONGEST >> 20} MB", code="E_LIMIT")
