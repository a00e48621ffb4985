"""What is asked over HTTP and what comes back, as plain values; and how long and how large it may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
"""Methods that may be sent twice."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one exchange may take.

    Attributes:
        timeout: seconds of one try, from connecting to the last byte.
        deadline: seconds of all tries and the waiting between them.
        retries: further tries after the first.
        longest_wait: seconds between two tries, at most, whatever `Retry-After` says.
        raw_bytes: of a body as it comes over the wire.
        decoded_bytes: of a body without its compression.
    """

    timeout: float = 30.0
    deadline: float = 600.0
    retries: int = 5
    longest_wait: float = 60.0
    raw_bytes: int = 64 << 20
    decoded_bytes: int = 256 << 20


@dataclass(frozen=True, slots=True)
class Request:
    """One thing to ask.

    Attributes:
        path: below the connection's host, escaped; or a URL that the server gave, which must be on that host.
        query: names and values, escaped when sent.
        headers: beside those that sign in.
        label: how messages call this request: the path as the author wrote it, without values.
        idempotent: may be sent again when nobody knows whether it arrived; None: as the method says.
        accepted: statuses besides 2xx that the caller judges himself.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    label: str = ""
    idempotent: bool | None = None
    accepted: frozenset[int] = frozenset()

    @property
    def name(self) -> str:
        """The request in a message: method and path, never a query."""
        return f"{self.method} {self.label or self.path.partition('?')[0]}"

    @property
    def repeatable(self) -> bool:
        """Whether it may be sent again."""
        return self.method in IDEMPOTENT if self.idempotent is None else self.idempotent


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whole: framing and compression were checked.

    Attributes:
        url: where it came from in the end; later addresses in the body count from here.
        headers: names in lower case.
        body: without its compression.
    """

    status: int
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def content_type(self) -> str:
        """The media type, in lower case, without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()
