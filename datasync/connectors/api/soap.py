"""SOAP: a batch as an operation's arguments in, the verdict on its records out."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from datasync.connectors.api import answers
from datasync.connectors.api.answers import MAX_REASON, Verdict
from datasync.connectors.api.records import as_values
from datasync.connectors.api.refusals import open_session
from datasync.connectors.api.template import Filling, filled, to_json
from datasync.connectors.api.wire import BUSY_PATIENCE, Busy, Parcel, digest_of
from datasync.connectors.http.filling import in_header, in_path
from datasync.connectors.http.session import HttpSession
from datasync.connectors.patience import patiently
from datasync.connectors.soap.client import Refusal, Service, Transport
from datasync.contract.endpoints import SoapTarget
from datasync.errors import ConnectorError, PermanentError, TransientError
from datasync.seams import Surroundings, TargetSpec

if TYPE_CHECKING:
    import polars as pl


class SoapWire:
    """See `wire.Wire`.

    Args:
        endpoint: the contract's target.
        surroundings: looks the connection up, and says where files may lie.
        spec: names the columns.
    """

    patience = BUSY_PATIENCE

    def __init__(self, endpoint: SoapTarget, surroundings: Surroundings, spec: TargetSpec) -> None:
        self._endpoint = endpoint
        self._surroundings = surroundings
        self._spec = spec
        self._session: HttpSession | None = None
        self._service: Service | None = None
        self._headers: dict[str, str] = {}
        self._stopped = threading.Event()
        self._named = tuple(dict.fromkeys([*spec.key, *((endpoint.response.key or {}) if endpoint.response else {})]))

    def ready(self) -> None:
        """See that the WSDL has the operation; where it cannot be read now, sending will say so.

        Raises:
            UsageError: it does not.
        """
        session = open_session(self._endpoint, self._surroundings)
        try:
            Service(Transport(session, self._surroundings, {}, None), self._endpoint.wsdl, self._endpoint.operation)
        except ConnectorError:
            return
        finally:
            session.close()

    def pack(self, frame: pl.DataFrame, variables: Mapping[str, Any]) -> Parcel:
        """Make the operation's arguments, and see that they fit the WSDL."""
        records = as_values(frame, self._spec.columns)
        arguments = filled(self._endpoint.arguments, Filling(records.values, variables))
        headers = {name: in_header(text, variables) for name, text in self._endpoint.headers.items()}
        message = self._opened(variables).message(arguments)
        named = frame.select(self._named).rows(named=True) if self._named else [{}] * frame.height
        digest = digest_of(to_json(headers), message.decode())
        return Parcel((headers, arguments), self._endpoint.operation, digest, named, records.places)

    def deliver(self, parcel: Parcel, key: str) -> Verdict:
        """Call the operation until it is answered."""
        return patiently(lambda: self._once(parcel, key), self.patience, self._stopped)

    def _once(self, parcel: Parcel, key: str) -> Verdict:
        assert self._service is not None
        headers, arguments = parcel.content
        self._headers.clear()
        self._headers |= headers
        if self._endpoint.idempotency_header:
            self._headers[self._endpoint.idempotency_header] = key
        try:
            answer = self._service.call(arguments)
        except Refusal as fault:
            return self._refused(fault, len(parcel.records))
        except TransientError as error:
            if error.code == "E_SOAP_FAULT":
                # A fault that is the service's own may pass; HTTP's own ways to be busy were waited for by the session.
                raise Busy(error.message) from None
            raise
        except PermanentError as error:
            if error.code == "E_SOAP_ANSWER":
                raise answers.unclear(error.message) from None
            raise
        # An empty list is nothing in SOAP: an answer without matches, not one that is missing.
        return answers.read(self._endpoint.response, {} if answer is None else answer, parcel.records)

    def _refused(self, fault: Refusal, sent: int) -> Verdict:
        response = self._endpoint.response
        if sent == 1 and response is not None and "fault" in response.reject_on:
            return Verdict({0: fault.words[:MAX_REASON]})
        raise PermanentError(f"{self._endpoint.connection} refused the batch: {fault.message}", code="E_API_REFUSED",
                             hint=fault.hint) from None  # fmt: skip

    def _opened(self, variables: Mapping[str, Any]) -> Service:
        if self._service is None:
            self._session = open_session(self._endpoint, self._surroundings)
            address = in_path(self._endpoint.endpoint, variables) if self._endpoint.endpoint is not None else None
            transport = Transport(self._session, self._surroundings, self._headers, address)
            self._service = Service(transport, self._endpoint.wsdl, self._endpoint.operation)
        return self._service

    @property
    def slowest_answer(self) -> float | None:
        """Seconds of the slowest answer so far."""
        return self._session.slowest_answer if self._session is not None else None

    def words(self) -> list[str]:
        """Say what a request is."""
        return [f"{self._endpoint.operation} of {self._endpoint.wsdl} ({self._endpoint.connection})",
                f"arguments {to_json(self._endpoint.arguments)}"]  # fmt: skip

    def cancel(self) -> None:
        """Stop waiting, and cut the request off."""
        self._stopped.set()
        if self._session is not None:
            self._session.cancel()

    def close(self) -> None:
        """Let go of the connection."""
        self._service = None
        if self._session is not None:
            self._session.close()
            self._session = None
