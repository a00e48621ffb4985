"""Files with one JSON object a line in, text batches out; the contract casts them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from datasync.connectors.files.json_lines import LINES, JsonRows, first_rows
from datasync.connectors.files.rows import RowsReading
from datasync.connectors.files.source import FileSource
from datasync.connectors.files.target import FileTarget
from datasync.contract.endpoints import NdjsonTarget as TargetEndpoint
from datasync.seams import ReadRequest, Surroundings


class NdjsonSource(FileSource):
    """See `seams.Source`. Numbers stay as they are written; a line that is no row becomes an UnreadableRow."""

    kind = "ndjson"

    @contextmanager
    def read(self, request: ReadRequest) -> Iterator[RowsReading]:
        """Open the request's files."""
        yield RowsReading(request, self._contents(request), JsonRows(LINES, request.types))

    def sample(self, request: ReadRequest, rows: int) -> list[Any]:
        """Give the first objects of the request's files, at most so many, for whoever asks what they look like."""
        return first_rows(self._contents(request), LINES, rows)


class NdjsonTarget(FileTarget):
    """See `seams.Target`."""

    kind = "ndjson"

    def __init__(self, endpoint: TargetEndpoint, surroundings: Surroundings) -> None:
        from datasync.connectors.files.json_form import NdjsonForm

        super().__init__(endpoint, surroundings, NdjsonForm())
