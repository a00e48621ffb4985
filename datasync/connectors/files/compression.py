"""A stream and its file's name in, the bytes that are meant out: gzip and zstd by extension, damage and bombs refused."""

from __future__ import annotations

import io
import zlib
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from datasync.errors import PermanentError

SUFFIXES = (".gz", ".zst")
CHUNK = 1 << 18
FREE = 64 << 20
"""Bytes that any compressed file may become."""
RATIO = 500
"""Bytes that one compressed byte may become, on average, in a longer file: real data stays far below, bombs lie far above."""


def suffix_of(name: str) -> str:
    """Give the extension that says how a file is compressed; empty: it is not."""
    return next((suffix for suffix in SUFFIXES if name.endswith(suffix)), "")


def bare(name: str) -> str:
    """Give a file's name without what says how it is compressed."""
    return name.removesuffix(suffix_of(name))


def decompressed(raw: IO[bytes], name: str) -> IO[bytes]:
    """Read through a compression that the name says; other streams are given back as they are.

    Raises:
        PermanentError: while reading: the stream is cut off, damaged, followed by something else, or a bomb.
    """
    makers: dict[str, type[_Expanding]] = {".gz": _Gzip, ".zst": _Zstd}
    maker = makers.get(suffix_of(name))
    return io.BufferedReader(maker(raw, name), 1 << 20) if maker is not None else raw


@contextmanager
def writing(path: Path) -> Iterator[IO[bytes]]:
    """Open a new file for writing, compressed as its name says."""
    suffix = suffix_of(path.name)
    with path.open("wb") as stream:
        if suffix == ".gz":
            import gzip

            # Without name and time in its head, the same rows are the same bytes.
            with gzip.GzipFile("", "wb", compresslevel=6, fileobj=stream, mtime=0) as packed:
                yield packed  # type: ignore[misc]
        elif suffix == ".zst":
            import pyarrow as pa

            with pa.CompressedOutputStream(stream, "zstd") as packed:
                yield packed
        else:
            yield stream


def _corrupt(name: str, why: str, hint: str = "it may still be written, or was not copied whole") -> PermanentError:
    return PermanentError(f"{name}: {why}", code="E_SOURCE_CORRUPT", hint=hint)


class _Expanding(io.RawIOBase):
    """What both compressions share: counting, so that a small file cannot become an endless one."""

    def __init__(self, raw: IO[bytes], name: str) -> None:
        super().__init__()
        self._raw = raw
        self._name = name
        self._taken = 0
        self._given = 0
        self._pending = b""

    def readable(self) -> bool:
        return True

    def read_compressed(self, size: int = CHUNK) -> bytes:
        """Take compressed bytes."""
        data = self._raw.read(CHUNK if size < 0 else size)
        self._taken += len(data)
        return data

    @abstractmethod
    def expand(self) -> bytes:
        """Give some more bytes; none: the stream ended as it should."""

    def readinto(self, buffer: Any) -> int:
        if not self._pending:
            self._pending = self.expand()
            self._given += len(self._pending)
            if self._given > FREE and self._given > RATIO * self._taken:
                raise PermanentError(
                    f"{self._name}: more than {RATIO} bytes come out of each compressed one", code="E_LIMIT",
                    hint="this is what a decompression bomb looks like; decompress the file by hand if it is meant",
                )  # fmt: skip
        size = min(len(buffer), len(self._pending))
        buffer[:size] = self._pending[:size]
        self._pending = self._pending[size:]
        return size

    def close(self) -> None:
        self._raw.close()
        super().close()


_GZIP = b"\x1f\x8b"
"""What every member begins with."""


class _Gzip(_Expanding):
    """One or more members, perhaps padded with zeros; checksum and length of each are verified."""

    def __init__(self, raw: IO[bytes], name: str) -> None:
        super().__init__(raw, name)
        self._member: Any = None
        self._input = b""

    def expand(self) -> bytes:
        while True:
            if not self._input:
                self._input = self.read_compressed()
                if not self._input:
                    return self._ended()
            if self._member is None and not self._begin():
                continue
            try:
                out: bytes = self._member.decompress(self._input, 1 << 20)
            except zlib.error as error:
                raise _corrupt(self._name, "damaged gzip: its checksum or structure is wrong") from error
            self._input = self._member.unconsumed_tail
            if self._member.eof:
                self._input = self._member.unused_data
                self._member = None
            if out:
                return out

    def _begin(self) -> bool:
        """Begin a member, if one does begin here."""
        if self._given or self._taken > len(self._input):
            # Behind a member there may be another, or zeros.
            self._input = self._input.lstrip(b"\0")
            if not self._input:
                return False
            if len(self._input) == 1:
                self._input += self.read_compressed(1)
            if not self._input.startswith(_GZIP):
                raise _corrupt(self._name, "something that is no gzip follows its end")
        elif len(self._input) > 1 and not self._input.startswith(_GZIP):
            raise _corrupt(self._name, "no gzip, though its name says so", "leave .gz out of its name, or compress it")
        self._member = zlib.decompressobj(31)
        return True

    def _ended(self) -> bytes:
        if self._member is not None or self._taken == 0:
            raise _corrupt(self._name, "gzip that is cut off")
        return b""


class _Zstd(_Expanding):
    """One or more frames."""

    def __init__(self, raw: IO[bytes], name: str) -> None:
        import pyarrow as pa

        super().__init__(raw, name)
        self._stream = pa.CompressedInputStream(pa.PythonFile(_Counted(self), mode="r"), "zstd")

    def expand(self) -> bytes:
        try:
            out: bytes = self._stream.read(1 << 20)
        except OSError as error:
            cut = "runcated" in str(error)
            raise _corrupt(self._name, "zstd that is cut off" if cut else "damaged zstd, or something follows its end") from error
        if not out and self._taken == 0:
            raise _corrupt(self._name, "zstd that is cut off")
        return out


class _Counted:
    """The compressed side as pyarrow wants it."""

    closed = False

    def __init__(self, expanding: _Expanding) -> None:
        self._expanding = expanding

    def read(self, size: int = -1) -> bytes:
        return self._expanding.read_compressed(size)

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True
