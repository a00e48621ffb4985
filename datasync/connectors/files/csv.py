"""Delimited files in, text batches out; the contract casts them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from datasync.connectors.files.content import Content
from datasync.connectors.files.csv_form import CsvForm
from datasync.connectors.files.delimited import Delimited, Dialect, dialect_of
from datasync.connectors.files.source import FileSource, own_name
from datasync.connectors.files.target import FileTarget
from datasync.contract.endpoints import CsvTarget as TargetEndpoint
from datasync.contract.types import DataType
from datasync.errors import PermanentError
from datasync.seams import Batch, PinnedFile, ReadRequest, Surroundings, UnreadableRow


class CsvSource(FileSource):
    """See `seams.Source`. Every cell is text; a row that is none becomes an UnreadableRow with its line."""

    kind = "csv"

    @contextmanager
    def read(self, request: ReadRequest) -> Iterator[CsvReading]:
        """Open the request's files."""
        numeric = frozenset(name for name, kind in request.types.items() if kind.is_numeric)
        yield CsvReading(request, dialect_of(self._endpoint.options, numeric), self._contents(request))


class CsvReading:
    """See `seams.Reading`."""

    def __init__(self, request: ReadRequest, dialect: Dialect, contents: list[Content]) -> None:
        self._request = request
        self._dialect = dialect
        self._contents = contents
        self.unreadable: list[UnreadableRow] = []
        self.header = self._header()
        self.types: Mapping[str, DataType | None] = dict.fromkeys(self.header)

    def _open(self, index: int) -> Delimited:
        return Delimited(self._contents[index], index, self._dialect)

    def _header(self) -> list[str]:
        """The first file's header. No file at all: what the contract declares, for there is nothing to contradict it."""
        if not self._dialect.header or not self._request.files:
            return list(self._request.types)
        names = self._open(0).header()
        own_name(names)
        return names

    def count(self) -> int | None:
        """Nobody counts rows of text."""
        return None

    def null_cursors(self) -> int | None:
        """Text files have no cursor."""
        return None

    def batches(self) -> Iterator[Batch]:
        """The rows of all files, matched by name."""
        number = 0
        for index, file in enumerate(self._request.files):
            names = self._names(index, file)
            reader = self._open(index)
            for frame in reader.frames(names):
                self.unreadable += reader.unreadable
                reader.unreadable.clear()
                for part in frame.iter_slices(self._request.batch_rows):
                    yield Batch(part, number)
                    number += 1
                if frame.height == 0 and self.unreadable:
                    yield Batch(frame, number)
                    number += 1
            self.unreadable += reader.unreadable
            self._contents[index].check()

    def _names(self, index: int, file: PinnedFile) -> list[str]:
        """Names of a file's columns; every file of a glob must have the first one's.

        Raises:
            PermanentError: a later file has other columns.
        """
        if not self._dialect.header or index == 0:
            return self.header
        found = self._open(index).header()
        if sorted(found) != sorted(self.header):
            raise PermanentError(
                f"{file.path} has other columns than {self._request.files[0].path}", code="E_SOURCE_SCHEMA",
                hint="files of one path have the same columns; the order may differ",
            )  # fmt: skip
        return found


class CsvTarget(FileTarget):
    """See `seams.Target`. NULL is the empty field, which a reader of CSV cannot tell from an empty text."""

    kind = "csv"

    def __init__(self, endpoint: TargetEndpoint, surroundings: Surroundings) -> None:
        super().__init__(endpoint, surroundings, CsvForm(endpoint.options))
