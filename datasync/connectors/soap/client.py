"""A WSDL and arguments in, a service's answer as plain values out; documents with a DTD are refused before they are read.

zeep knows WSDL and envelopes; every byte goes through our own session.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from datasync.connectors.http.exchange import Answer, Request
from datasync.connectors.http.session import HttpSession
from datasync.connectors.paths import local_path
from datasync.errors import ConnectorError, PermanentError, TransientError, UsageError, did_you_mean, shorten
from datasync.seams import Surroundings

FAULTS = frozenset({400, 500})
"""Statuses that a service sends faults with."""
THEIRS = ("Server", "Receiver")
"""Codes of faults that are the service's own, and may pass."""
DEEPEST = 200


@dataclass(frozen=True, slots=True)
class Reply:
    """What zeep looks at in an answer."""

    status_code: int
    content: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    encoding: str = "utf-8"


class Transport:
    """What zeep asks for its documents and its answers; see `zeep.transports.Transport`."""

    def __init__(
        self, session: HttpSession, surroundings: Surroundings, headers: Mapping[str, str], endpoint: str | None
    ) -> None:
        self._session = session
        self.surroundings = surroundings
        self._headers = headers
        self._endpoint = endpoint
        self.received = 0
        self.sound = True

    def load(self, url: str) -> bytes:
        """Read a WSDL or what it imports: a file inside the project, or an address on the connection's host."""
        if "://" in url:
            body = self._session.send(Request("GET", url, headers=self._headers, label="the WSDL")).body
        else:
            path = local_path(url, self.surroundings)
            try:
                body = path.read_bytes()
            except OSError as error:
                what = f"the WSDL's file {path.name} cannot be read: {error.strerror}"
                raise PermanentError(what, code="E_SOURCE_MISSING", hint="check wsdl") from None
        refuse_dtd(body, "the WSDL")
        return body

    def post_xml(self, address: str, envelope: Any, headers: Mapping[str, str]) -> Reply:
        """Send an envelope; reading may be done twice."""
        from zeep.wsdl.utils import etree_to_string

        body: bytes = etree_to_string(envelope)  # type: ignore[no-untyped-call]
        request = Request(
            "POST", self._endpoint or address, headers={**headers, **self._headers}, body=body, label="the service",
            idempotent=True, accepted=FAULTS,
        )  # fmt: skip
        answer = self._session.send(request)
        _is_xml(answer)
        refuse_dtd(answer.body, "the answer")
        self.received += len(answer.body)
        return Reply(answer.status, answer.body, {"Content-Type": answer.headers.get("content-type", "text/xml")})


def _is_xml(answer: Answer) -> None:
    if answer.content_type == "text/html" or not answer.body.strip():
        status = f"the service answered {answer.status} with {'a page for people' if answer.body.strip() else 'nothing'}"
        if answer.status in (200, 400):
            raise PermanentError(status, code="E_HTML", hint="check endpoint and the connection's auth")
        raise TransientError(status, code="E_UNAVAILABLE")


class Refusal(PermanentError):
    """A fault that speaks of what was sent.

    Args:
        message: without a word of the fault's own text.
        words: that text, which may hold values: for quarantine alone.
    """

    def __init__(self, message: str, words: str) -> None:
        super().__init__(message, code="E_SOAP_FAULT", hint="compare the arguments with what the service allows")
        self.words = words


class _ForbiddenError(Exception):
    """A document that is not even looked at."""


def refuse_dtd(body: bytes, name: str) -> None:
    """Read a document through once and refuse what could reach out or blow up: a DTD, entities, endless nesting.

    Raises:
        PermanentError: it has one of them, or is no XML.
        TransientError: it ends too early.
    """
    depth = 0

    def doctype(*_: Any) -> None:
        raise _ForbiddenError("a DTD")

    def begin(*_: Any) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST:
            raise _ForbiddenError(f"elements nested more than {DEEPEST} deep")

    def end(*_: Any) -> None:
        nonlocal depth
        depth -= 1

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = doctype
    parser.EntityDeclHandler = doctype
    parser.StartElementHandler = begin
    parser.EndElementHandler = end
    try:
        parser.Parse(body, True)
    except _ForbiddenError as found:
        raise PermanentError(f"{name} has {found}, which is refused", code="E_XML_FORBIDDEN",
                             hint="no entity is expanded: ask for the document without it") from None  # fmt: skip
    except expat.ExpatError as error:
        cut = (
            expat.errors.XML_ERROR_NO_ELEMENTS,
            expat.errors.XML_ERROR_UNCLOSED_TOKEN,
            expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
        )
        if expat.ErrorString(error.code) in cut:
            raise TransientError(f"{name} was cut off: its XML has no end", code="E_TRUNCATED") from None
        raise PermanentError(f"{name} is no XML from line {error.lineno} on", code="E_NO_XML") from None


class Service:
    """One operation of a service.

    Args:
        transport: carries everything.
        wsdl: where the WSDL is.
        operation: of it.

    Raises:
        UsageError: the WSDL has no such operation.
        PermanentError: the WSDL cannot be read.
    """

    def __init__(self, transport: Transport, wsdl: str, operation: str) -> None:
        from zeep import Client, Settings

        self._operation = operation
        # Its own check of DTDs stays on: two do not hurt.
        place = wsdl if "://" in wsdl else str(local_path(wsdl, transport.surroundings))
        settings = Settings(strict=True, forbid_dtd=True, forbid_entities=True, xml_huge_tree=False)
        try:
            self._client: Any = Client(place, transport=transport, settings=settings)  # type: ignore[no-untyped-call]
            known = sorted(self._client.service._operations)
        except ConnectorError:
            raise
        except Exception as error:  # zeep raises whatever a broken WSDL makes it stumble over
            raise PermanentError(f"the WSDL cannot be used: {type(error).__name__}", code="E_WSDL", hint="check wsdl") from None
        if operation not in known:
            raise UsageError(
                f"the WSDL has no operation '{shorten(operation, 60)}'; it has {shorten(', '.join(known), 300)}",
                code="E_OPERATION",
                hint=did_you_mean(operation, known) or "check operation and wsdl",
            )

    def message(self, arguments: Mapping[str, Any]) -> bytes:
        """Give what a call would send, sending nothing.

        Raises:
            PermanentError: the arguments do not fit.
        """
        from zeep.wsdl.utils import etree_to_string

        try:
            made = self._client.create_message(self._client.service, self._operation, **arguments)
        except Exception as error:  # zeep writes a value by its type: what is no such thing makes it stumble anywhere
            raise self._unfit(error) from None
        written: bytes = etree_to_string(made)  # type: ignore[no-untyped-call]
        return written

    def _unfit(self, error: Exception) -> PermanentError:
        from zeep import exceptions

        told = _words(error) if isinstance(error, exceptions.ValidationError | TypeError) else type(error).__name__
        return PermanentError(f"the arguments do not fit {self._operation}: {told}", code="E_SOAP_ARGUMENTS",
                              hint=f"the WSDL has {self._signature()}")  # fmt: skip

    def _signature(self) -> str:
        """The operation's arguments, as the WSDL names and types them."""
        operation = self._client.service._binding.get(self._operation)
        return shorten(f"{self._operation}({operation.input.signature()})", 300)

    def call(self, arguments: Mapping[str, Any]) -> Any:
        """Call the operation; give the answer as dicts, lists and values.

        Raises:
            PermanentError: the arguments do not fit, or the service refuses them with a fault.
            TransientError: the service failed.
        """
        from zeep import exceptions
        from zeep.helpers import serialize_object

        try:
            found = getattr(self._client.service, self._operation)(**arguments)
        except ConnectorError:
            raise
        except exceptions.Fault as fault:
            raise self._fault(fault) from None
        except (exceptions.ValidationError, TypeError) as error:
            raise self._unfit(error) from None
        except Exception as error:  # an answer that its own WSDL does not describe makes zeep stumble anywhere
            raise PermanentError(
                f"{self._operation}: the answer is not what the WSDL describes ({type(error).__name__})", code="E_SOAP_ANSWER"
            ) from None
        return serialize_object(found, dict)  # type: ignore[no-untyped-call]

    def _fault(self, fault: Any) -> ConnectorError:
        """A fault's code is a word of the protocol; its text may hold values and is not shown."""
        code = str(fault.code or "").rpartition(":")[2]
        shown = code if code.replace(".", "").replace("_", "").isalnum() and len(code) <= 60 else "without a code"
        message = f"{self._operation}: the service answered with a fault ({shown})"
        if code.partition(".")[0] in THEIRS:
            return TransientError(message, code="E_SOAP_FAULT")
        return Refusal(message, str(fault.message or ""))


def _words(error: Exception) -> str:
    """What zeep says of arguments: names of them; a value that it quotes is left out."""
    return shorten(str(error).partition(" value ")[0].partition("Signature:")[0].splitlines()[0], 150) if str(error) else ""
