"""Files that are one JSON document in, the objects that a path names as text batches out; the contract casts them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from datasync.connectors.files.json_lines import JsonRows, Pieces, first_rows
from datasync.connectors.files.json_stream import objects
from datasync.connectors.files.rows import RowsReading
from datasync.connectors.files.source import FileSource
from datasync.connectors.files.target import FileTarget
from datasync.contract.endpoints import JsonTarget as TargetEndpoint
from datasync.contract.json_path import parse_path
from datasync.seams import ReadRequest, Surroundings


class JsonSource(FileSource):
    """See `seams.Source`. Numbers stay as they are written; an element that is no row becomes an UnreadableRow."""

    kind = "json"

    @contextmanager
    def read(self, request: ReadRequest) -> Iterator[RowsReading]:
        """Open the request's files."""
        yield RowsReading(request, self._contents(request), JsonRows(self._pieces, request.types))

    @property
    def _pieces(self) -> Pieces:
        return objects(parse_path(self._endpoint.options.records))

    def sample(self, request: ReadRequest, rows: int) -> list[Any]:
        """Give the first objects of the request's files, at most so many, for whoever asks what they look like."""
        return first_rows(self._contents(request), self._pieces, rows)


class JsonTarget(FileTarget):
    """See `seams.Target`. One array of objects."""

    kind = "json"

    def __init__(self, endpoint: TargetEndpoint, surroundings: Surroundings) -> None:
        from datasync.connectors.files.json_form import JsonForm

        super().__init__(endpoint, surroundings, JsonForm())
