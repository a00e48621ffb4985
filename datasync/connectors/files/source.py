"""A contract's path in, what all file sources share out: pinned files, wherever they are, and this machine's clock."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, ClassVar

from datasync.connectors.files.content import Content, Files
from datasync.connectors.files.places import files_of
from datasync.contract.types import DataType
from datasync.errors import PermanentError
from datasync.seams import POSITION, PinnedFile, ReadRequest, Surroundings, WindowValue


class FileSource(ABC):
    """See `seams.Source`. A kind says how it reads; kinds with types also say what their cursor is.

    Args:
        endpoint: the contract's, with a `path`.
        surroundings: where paths count from.
    """

    kind: ClassVar[str]
    """The kind's name; a folder's files of this source end in it."""

    def __init__(self, endpoint: Any, surroundings: Surroundings) -> None:
        self._endpoint = endpoint
        self._surroundings = surroundings
        self._opened: Files | None = None

    @property
    def _files(self) -> Files:
        """What the path means; connected when first asked."""
        if self._opened is None:
            self._opened = files_of(self._endpoint, self._surroundings)
        return self._opened

    def files(self) -> tuple[PinnedFile, ...] | None:
        """The files that the path matches now."""
        return self._files.find(f".{self.kind}")

    def _contents(self, request: ReadRequest) -> list[Content]:
        """The request's files, each still as it was pinned."""
        return [self._files.content(file) for file in request.files]

    def clock(self) -> datetime:
        """This machine's time."""
        return datetime.now(UTC)

    def cursor_type(self, column: str, variables: Mapping[str, Any]) -> DataType | None:
        """Text has no types."""
        return None

    def max_cursor(self, column: str, variables: Mapping[str, Any]) -> WindowValue | None:
        """Text files have no windows.

        Raises:
            PermanentError: always; lint refuses such a contract first.
        """
        raise PermanentError("a text file has no cursor", code="E_CURSOR")

    @abstractmethod
    def read(self, request: ReadRequest) -> AbstractContextManager[Any]:
        """Open the request's files; the context gives a `seams.Reading`."""

    def explain(self, request: ReadRequest) -> list[str]:
        """Name the files of a read."""
        return [f"{file.path} ({file.size:,} bytes)" for file in request.files]

    def cancel(self) -> None:  # noqa: B027 - what a kind may leave as it is
        """Nothing to end: the reader looks at the run's stop between batches."""

    def close(self) -> None:
        """Let go of the store, if the path leads to one."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None


def own_name(header: Iterable[str]) -> None:
    """Refuse a column that is called as our own hidden one.

    Raises:
        PermanentError: there is one.
    """
    if POSITION in header:
        raise PermanentError(f"a column is called {POSITION}, which is ours", code="E_SOURCE_SCHEMA", hint="rename it")
