"""Bytes off the wire in, a whole decoded body out; what is cut, corrupt or too large is an error, never a shorter body."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Any

from datasync.connectors.http.exchange import Limits
from datasync.errors import PermanentError, TransientError

GZIP = ("gzip", "x-gzip")
ACCEPTED = "gzip, deflate"
"""The encodings that are asked for: those whose end can be checked."""
STEP = 1 << 20


def body(chunks: Iterator[bytes], encoding: str, limits: Limits) -> bytes:
    """Gather a body.

    Args:
        chunks: as they come, framing already taken off.
        encoding: the header `Content-Encoding`.
        limits: bytes, raw and decoded.

    Raises:
        TransientError: a compressed body that ends too early or is damaged.
        PermanentError: it is too large, or packed in a way nobody asked for.
    """
    decode = _decoder(encoding.strip().lower())
    counted = _counted(chunks, limits.raw_bytes)
    found = bytearray()
    for piece in decode(counted):
        found += piece
        if len(found) > limits.decoded_bytes:
            raise too_large("unpacked", limits.decoded_bytes)
    return bytes(found)


def too_large(what: str, most: int) -> PermanentError:
    """Say that a body is larger than any should be."""
    return PermanentError(
        f"the answer has more than {most >> 20} MB {what}" if most >> 20 else f"the answer has more than {most} bytes {what}",
        code="E_LIMIT", hint="ask for smaller pages",
    )  # fmt: skip


def _counted(chunks: Iterator[bytes], most: int) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > most:
            raise too_large("on the wire", most)
        yield chunk


def _decoder(encoding: str) -> Callable[[Iterator[bytes]], Iterator[bytes]]:
    if encoding in ("", "identity"):
        return iter
    if encoding in GZIP:
        return _gunzipped
    if encoding == "deflate":
        return _inflated
    raise PermanentError("the answer is packed in a way nobody asked for", code="E_ENCODING", hint=f"asked for: {ACCEPTED}")


def _gunzipped(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Members one behind the other are one body; anything else behind a member is not."""
    inflater = zlib.decompressobj(31)
    began = False
    for chunk in chunks:
        rest = chunk
        while rest:
            if inflater.eof:
                inflater = zlib.decompressobj(31)
            began = True
            yield from _inflate(inflater, rest)
            rest = inflater.unused_data
    if not began or not inflater.eof:
        raise _cut()


def _inflated(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Deflate is zlib's form by the standard, and the bare form by some servers; the first byte tells."""
    inflater: Any = None
    for chunk in chunks:
        if not chunk:
            continue
        if inflater is None:
            inflater = zlib.decompressobj(15 if chunk[0] & 0x0F == 8 else -15)
        if inflater.eof:
            raise _damaged()
        yield from _inflate(inflater, chunk)
        if inflater.unused_data:
            raise _damaged()
    if inflater is None or not inflater.eof:
        raise _cut()


def _inflate(inflater: Any, data: bytes) -> Iterator[bytes]:
    try:
        yield inflater.decompress(data, STEP)
        while inflater.unconsumed_tail and not inflater.eof:
            yield inflater.decompress(inflater.unconsumed_tail, STEP)
    except zlib.error:
        raise _damaged() from None


def _cut() -> TransientError:
    return TransientError("the answer was cut off: its compressed body has no end", code="E_TRUNCATED")


def _damaged() -> TransientError:
    return TransientError("the answer was damaged on its way: its compressed body is not sound", code="E_TRUNCATED")
