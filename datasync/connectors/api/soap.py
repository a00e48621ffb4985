"""SOAP: a batch as an operation's arguments in, the verdict on its records out; WSDL and faults are zeep's, HTTP is ours."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from datasync.connectors.api import answers
from datasync.connectors.api.answers import MAX_REASON, Verdict
from datasync.connectors.api.records import as_values
from datasync.connectors.api.refusals import open_session, refusal
from datasync.connectors.api.template import Filling, filled, rendered, to_json
from datasync.connectors.api.wire import Busy, Parcel, Patience, digest_of, patiently
from datasync.connectors.http.exchange import Request
from datasync.connectors.http.session import HttpSession
from datasync.connectors.paths import local_path
from datasync.contract.endpoints import SoapTarget
from datasync.errors import DataSyncError, PermanentError, shorten
from datasync.seams import Surroundings, TargetSpec

if TYPE_CHECKING:
    import polars as pl

FAULTS = frozenset({400, 500})
"""Statuses that SOAP answers faults with."""
_SERVER = ("Server", "Receiver")


@dataclass(frozen=True, slots=True)
class _Reply:
    """What zeep looks at in an answer."""

    status_code: int
    content: bytes
    headers: Mapping[str, str]
    encoding: str = "utf-8"


class SoapWire:
    """See `wire.Wire`.

    Args:
        endpoint: the contract's target.
        surroundings: looks the connection up, and says where files may lie.
        spec: names the columns.
    """

    patience = Patience()

    def __init__(self, endpoint: SoapTarget, surroundings: Surroundings, spec: TargetSpec) -> None:
        self._endpoint = endpoint
        self._surroundings = surroundings
        self._spec = spec
        self._session: HttpSession | None = None
        self._client: Any = None
        self._headers: Mapping[str, str] = {}
        self._stopped = threading.Event()
        self._named = tuple(dict.fromkeys([*spec.key, *((endpoint.response.key or {}) if endpoint.response else {})]))

    def pack(self, frame: pl.DataFrame, variables: Mapping[str, Any]) -> Parcel:
        """Make the operation's arguments, and see that they fit the WSDL."""
        records = as_values(frame, self._spec.columns)
        arguments = filled(self._endpoint.arguments, Filling(records.values, variables))
        headers = {name: rendered(text, variables) for name, text in self._endpoint.headers.items()}
        client = self._opened()
        try:
            message = client.create_message(client.service, self._endpoint.operation, **arguments)
        except Exception as error:
            raise self._unfit(error) from error
        from zeep.wsdl.utils import etree_to_string

        named = frame.select(self._named).rows(named=True) if self._named else [{}] * frame.height
        written: bytes = etree_to_string(message)  # type: ignore[no-untyped-call]
        digest = digest_of(to_json(headers), written.decode())
        return Parcel((headers, arguments), self._endpoint.operation, digest, named, records.places)

    def deliver(self, parcel: Parcel, key: str) -> Verdict:
        """Call the operation until it is answered."""
        return patiently(lambda: self._once(parcel, key), self.patience, self._stopped)

    def _once(self, parcel: Parcel, key: str) -> Verdict:
        from zeep import exceptions
        from zeep.helpers import serialize_object

        client = self._opened()
        headers, arguments = parcel.content
        self._headers = {**headers, **({self._endpoint.idempotency_header: key} if self._endpoint.idempotency_header else {})}
        try:
            answer = getattr(client.service, self._endpoint.operation)(**arguments)
        except exceptions.Fault as fault:
            return self._fault(fault, len(parcel.records))
        except exceptions.TransportError as error:
            if error.status_code in FAULTS and error.status_code != 500:
                return refusal(self._endpoint, error.status_code, None, len(parcel.records))
            raise Busy(f"{self._endpoint.connection} answered {error.status_code} without a SOAP document") from None
        except DataSyncError:
            raise
        except Exception as error:
            raise answers.unclear(
                f"{self._endpoint.connection} answered what its WSDL does not say: {type(error).__name__}"
            ) from error
        return answers.read(self._endpoint.response, serialize_object(answer, dict), parcel.records)  # type: ignore[no-untyped-call]

    def _fault(self, fault: Any, sent: int) -> Verdict:
        """A fault of the server may pass; one of the client's speaks of what was sent. Its text may hold values."""
        code = str(fault.code or "").rpartition(":")[2].partition(".")[0]
        if code in _SERVER:
            raise Busy(f"{self._endpoint.connection} answered with a SOAP fault of the server")
        response = self._endpoint.response
        if sent == 1 and response is not None and "fault" in response.reject_on:
            return Verdict({0: str(fault.message or "")[:MAX_REASON]})
        raise PermanentError(
            f"{self._endpoint.connection} refused the batch: a SOAP fault", code="E_API_REFUSED",
            hint=f"its code is {shorten(code, 60) or 'not given'}: compare target.arguments with the WSDL",
        )  # fmt: skip

    def _unfit(self, error: Exception) -> PermanentError:
        from zeep.exceptions import ValidationError

        told = str(error) if isinstance(error, ValidationError | TypeError) else type(error).__name__
        return PermanentError(
            f"target.arguments do not fit the operation {self._endpoint.operation}: {shorten(told, 200)}", code="E_PAYLOAD",
            hint="compare columns and arguments with the WSDL",
        )  # fmt: skip

    def _opened(self) -> Any:
        """The client, its WSDL read: from a file of the project or from the connection's host, never with a DTD or entities."""
        if self._client is not None:
            return self._client
        from zeep import Client, Settings, exceptions

        self._session = open_session(self._endpoint, self._surroundings)
        wsdl = self._endpoint.wsdl
        place = wsdl if "://" in wsdl else str(local_path(wsdl, self._surroundings))
        settings = Settings(forbid_dtd=True, forbid_entities=True, forbid_external=False)
        try:
            client = Client(place, transport=_transport(self), settings=settings)  # type: ignore[no-untyped-call]
            if not hasattr(client.service, self._endpoint.operation):
                raise PermanentError(
                    f"the WSDL has no operation {self._endpoint.operation}", code="E_NO_ENDPOINT",
                    hint=f"it has {', '.join(sorted(client.service._operations))[:200]}",
                )  # fmt: skip
        except (exceptions.Error, OSError, SyntaxError, ValueError) as error:
            raise PermanentError(
                f"the WSDL cannot be read: {type(error).__name__}", code="E_WSDL", hint="check target.wsdl"
            ) from error
        self._client = client
        return client

    def get(self, url: str) -> bytes:
        """Read a part of the WSDL: from the connection's host, or beside the project's file."""
        assert self._session is not None
        if "://" not in url:
            return local_path(url, self._surroundings).read_bytes()
        return self._session.send(Request("GET", url, label="the WSDL")).body

    def post(self, address: str, content: bytes, given: Mapping[str, str]) -> _Reply:
        """Send an envelope."""
        assert self._session is not None
        request = Request(
            "POST", self._endpoint.endpoint or address, headers={**given, **self._headers}, body=content, idempotent=True,
            accepted=FAULTS, label=self._endpoint.operation,
        )  # fmt: skip
        answer = self._session.send(request)
        return _Reply(answer.status, answer.body, {"Content-Type": answer.headers.get("content-type", "text/xml")})

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
        self._client = None
        if self._session is not None:
            self._session.close()
            self._session = None


def _transport(wire: SoapWire) -> Any:
    """Let zeep speak through our session: one host, signed, bounded, tried again."""
    from zeep import Transport

    class Ours(Transport):
        """zeep's requests, sent by us."""

        def load(self, url: str) -> bytes:
            return wire.get(url)

        def post(self, address: str, message: bytes, headers: Mapping[str, str]) -> _Reply:
            return wire.post(address, message, headers)

    return Ours()  # type: ignore[no-untyped-call]
