"""What file sources share: pinned files, this machine's clock, and nothing held open between reads."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, ClassVar

from datasync.connectors.files.pinning import pin
from datasync.contract.types import DataType
from datasync.errors import PermanentError
from datasync.seams import PinnedFile, ReadRequest, Surroundings, WindowValue


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

    def files(self) -> tuple[PinnedFile, ...] | None:
        """The files that the path matches now."""
        return pin(self._endpoint.path, self._surroundings, f".{self.kind}")

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

    def close(self) -> None:  # noqa: B027 - what a kind may leave as it is
        """Nothing is held."""
