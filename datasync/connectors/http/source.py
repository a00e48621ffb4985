"""What sources over HTTP share: a session opened when it is needed, this machine's clock, and no cursor of their own."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, ClassVar

from datasync.connectors.http.exchange import Limits
from datasync.connectors.http.filling import in_header
from datasync.connectors.http.pace import Pace
from datasync.connectors.http.pages import Page
from datasync.connectors.http.reading import PagedReading
from datasync.connectors.http.session import HttpSession
from datasync.connectors.http.spool import Spool
from datasync.contract.types import DataType
from datasync.errors import PermanentError
from datasync.seams import PinnedFile, ReadRequest, Surroundings, WindowValue

TRIES = 10
"""All tries of one exchange may take so many times the time of one."""


class HttpSource(ABC):
    """See `seams.Source`. A kind says what it asks, and what it would ask.

    Args:
        endpoint: the contract's.
        surroundings: looks the connection up; says where pages may be spooled.

    Attributes:
        known: params and run variables, for questions that are no read.
    """

    kind: ClassVar[str]

    def __init__(self, endpoint: Any, surroundings: Surroundings) -> None:
        self._endpoint = endpoint
        self._surroundings = surroundings
        self._stop = threading.Event()
        self._opened: HttpSession | None = None
        self.known: Mapping[str, Any] = {}

    @property
    def session(self) -> HttpSession:
        """The session with the connection's host."""
        if self._opened is None:
            found = self._surroundings.connection(self._endpoint.connection)
            timeout = self._endpoint.timeout.total_seconds() if self._endpoint.timeout is not None else Limits().timeout
            limits = Limits(timeout=timeout, deadline=timeout * TRIES + Limits().deadline / 2)
            self._opened = HttpSession(found, limits, Pace(self._endpoint.rate_limit))
        return self._opened

    @property
    def slowest_answer(self) -> float | None:
        """Seconds of the slowest answer so far."""
        return self._opened.slowest_answer if self._opened is not None else None

    def files(self) -> tuple[PinnedFile, ...] | None:
        """An API has no files to pin."""
        return None

    def clock(self) -> datetime:
        """This machine's time."""
        return datetime.now(UTC)

    def cursor_type(self, column: str, variables: Mapping[str, Any]) -> DataType | None:
        """JSON does not say what its text means: the contract does."""
        return None

    def max_cursor(self, column: str, variables: Mapping[str, Any]) -> WindowValue | None:
        """An API is not asked for its greatest value.

        Raises:
            PermanentError: always; lint refuses such a contract first.
        """
        raise PermanentError("an API cannot be asked for its greatest cursor", code="E_CURSOR", hint="give an explicit window")

    @contextmanager
    def read(self, request: ReadRequest) -> Iterator[PagedReading]:
        """Open the API; pages are fetched when the reading is first asked."""
        folder = request.staged_dir or self._surroundings.home
        declared = (self._endpoint.columns or {}).get(request.cursor)
        form = declared.parse if declared is not None else None
        reading = PagedReading(request, self.pages(request), Spool(folder), self._stop, form)
        try:
            yield reading
        finally:
            reading.close()

    @abstractmethod
    def pages(self, request: ReadRequest) -> Iterator[Page]:
        """Fetch the pages, one when it is taken."""

    @abstractmethod
    def explain(self, request: ReadRequest) -> list[str]:
        """Say what is asked; no I/O."""

    def headers(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Give the contract's headers, filled in."""
        return {name: in_header(text, values) for name, text in self._endpoint.headers.items()}

    def cancel(self) -> None:
        """End the read that another thread is in."""
        self._stop.set()
        if self._opened is not None:
            self._opened.cancel()

    def close(self) -> None:
        """Close the connections; pages that are still being fetched are nobody's any more."""
        if self._opened is not None:
            self._opened.cancel()
            self._opened.close()
            self._opened = None
