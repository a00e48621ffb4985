"""A contract's SOAP source in, the rows of an operation's answer out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from datasync.connectors.http.filling import in_path, in_value, variables
from datasync.connectors.http.json_text import to_json
from datasync.connectors.http.pages import Page
from datasync.connectors.http.record_path import records_at
from datasync.connectors.http.source import HttpSource
from datasync.connectors.soap.client import Service, Transport
from datasync.contract.variables import placeholders
from datasync.json_text import Number
from datasync.seams import PinnedFile, ReadRequest


class SoapSource(HttpSource):
    """See `seams.Source`."""

    kind = "soap"

    def files(self) -> tuple[PinnedFile, ...] | None:
        """There are none to pin; but a WSDL without the operation is said before a run begins, where its headers are known.

        Raises:
            UsageError: the contract names an operation that the WSDL does not have.
        """
        values = variables(ReadRequest(variables=self.known))
        if all(name in values for text in self._endpoint.headers.values() for name, _ in placeholders(text)):
            Service(Transport(self.session, self._surroundings, self.headers(values), None), self._endpoint.wsdl,
                    self._endpoint.operation)  # fmt: skip
        return None

    def pages(self, request: ReadRequest) -> Iterator[Page]:
        """Call the operation once."""
        endpoint, values = self._endpoint, variables(request)
        address = in_path(endpoint.endpoint, values) if endpoint.endpoint is not None else None
        transport = Transport(self.session, self._surroundings, self.headers(values), address)
        service = Service(transport, endpoint.wsdl, endpoint.operation)
        document = as_json(service.call(in_value(endpoint.arguments, values)))
        # An operation without a result has no rows.
        records = [] if document is None else records_at(endpoint.records, document, endpoint.operation)
        yield Page(0, records, transport.received)

    def explain(self, request: ReadRequest) -> list[str]:
        """Say what is called."""
        endpoint, values = self._endpoint, variables(request)
        lines = [f"{endpoint.operation} of {endpoint.wsdl} ({endpoint.connection})"]
        lines.append(f"arguments {to_json(in_value(endpoint.arguments, values))}")
        return [*lines, f"records {endpoint.records}"]


def as_json(value: Any) -> Any:
    """Turn what zeep made of an answer into what a JSON answer would have been: numbers keep their digits."""
    if isinstance(value, Mapping):
        return {str(name): as_json(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Decimal):
        return Number(format(value, "f")) if value.is_finite() else str(value)
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat() if isinstance(value, date | datetime | time) else _plain(value)


def _number(value: float) -> str:
    """NaN and infinity are no JSON, and no value of a contract's float either: text, that the gate refuses."""
    text = repr(value)
    return Number(text) if text[-1].isdigit() else text


def _plain(value: Any) -> str:
    return f"PT{value.total_seconds():.6f}S" if isinstance(value, timedelta) else str(value)
