"""XML files in, their row elements as text batches out; the contract casts them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from datasync.connectors.files.rows import RowsReading
from datasync.connectors.files.source import FileSource
from datasync.connectors.files.target import FileTarget
from datasync.connectors.files.xml_form import XmlForm
from datasync.connectors.files.xml_rows import XmlRows
from datasync.contract.endpoints import XmlTarget as TargetEndpoint
from datasync.seams import ReadRequest, Surroundings


class XmlSource(FileSource):
    """See `seams.Source`. An element whose columns are not certain becomes an UnreadableRow."""

    kind = "xml"

    @contextmanager
    def read(self, request: ReadRequest) -> Iterator[RowsReading]:
        """Open the request's files."""
        yield RowsReading(request, self._contents(request), XmlRows(self._endpoint.options.row_tag, request.types))


class XmlTarget(FileTarget):
    """See `seams.Target`. An element a row, an element a column."""

    kind = "xml"

    def __init__(self, endpoint: TargetEndpoint, surroundings: Surroundings) -> None:
        super().__init__(endpoint, surroundings, XmlForm(endpoint.options))
