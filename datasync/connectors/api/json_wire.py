"""REST and GraphQL: a batch as a JSON body in, the verdict on its records out."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from datasync.connectors.api import answers
from datasync.connectors.api.answers import Verdict, unclear
from datasync.connectors.api.records import as_json
from datasync.connectors.api.refusals import REFUSALS, open_session, refusal, rejecting
from datasync.connectors.api.template import RECORD, RECORDS, Filling, Written, filled, path_of, to_json
from datasync.connectors.api.wire import BUSY_PATIENCE, Busy, Parcel, digest_of
from datasync.connectors.graphql.codes import codes_of
from datasync.connectors.http.exchange import Answer, Request
from datasync.connectors.http.filling import in_header
from datasync.connectors.http.session import HttpSession
from datasync.connectors.patience import patiently
from datasync.contract.endpoints import GraphqlTarget, RestTarget
from datasync.errors import PermanentError
from datasync.seams import Surroundings, TargetSpec

if TYPE_CHECKING:
    import polars as pl


class JsonWire:
    """What REST and GraphQL share; see `wire.Wire`.

    Args:
        endpoint: the contract's target.
        surroundings: looks the connection up.
        spec: names the columns.
    """

    patience = BUSY_PATIENCE

    def __init__(self, endpoint: RestTarget | GraphqlTarget, surroundings: Surroundings, spec: TargetSpec) -> None:
        self._endpoint = endpoint
        self._surroundings = surroundings
        self._spec = spec
        self._session: HttpSession | None = None
        self._stopped = threading.Event()
        self._named = tuple(dict.fromkeys([*spec.key, *((endpoint.response.key or {}) if endpoint.response else {})]))

    def ready(self) -> None:
        """Nothing says beforehand what an endpoint takes."""

    def pack(self, frame: pl.DataFrame, variables: Mapping[str, Any]) -> Parcel:
        """Write the batch's request."""
        records = as_json(frame, self._spec.columns, self._endpoint.decimals)
        named = frame.select(self._named).rows(named=True) if self._named else [{}] * frame.height
        refused = dict(records.refused)
        row = named[0] if self._endpoint.batch_rows == 1 else {}
        path = path_of(self._endpoint.endpoint, variables, row)
        if path is None:
            refused[0] = "a value of its key cannot be part of an endpoint"
        if path is None or not records.values:
            return Parcel(None, "", digest_of("nothing"), [], [], refused)
        body = to_json(filled(template_of(self._endpoint), Filling(records.values, variables)))
        headers = {name: in_header(text, variables) for name, text in self._endpoint.headers.items()}
        content = (headers, body.encode())
        digest = digest_of(path, to_json(headers), body)
        return Parcel(content, path, digest, [named[place] for place in records.places], records.places, refused)

    def deliver(self, parcel: Parcel, key: str) -> Verdict:
        """Send it until it is answered."""
        return patiently(lambda: self._once(parcel, key), self.patience, self._stopped)

    def _once(self, parcel: Parcel, key: str) -> Verdict:
        given, content = parcel.content
        headers = {"Content-Type": "application/json", "Accept": "application/json", **given}
        if self._endpoint.idempotency_header:
            headers[self._endpoint.idempotency_header] = key
        endpoint, sent = self._endpoint, len(parcel.records)
        # A batch that nobody knows to have arrived is sent again: its key tells the API, and without one it is at least once.
        request = Request(
            method_of(endpoint), parcel.path, headers=headers, body=content, label=endpoint.endpoint, idempotent=True,
            accepted=REFUSALS | rejecting(endpoint.response, sent),
        )  # fmt: skip
        answer = self._opened().send(request)
        body = _json(answer)
        if not 200 <= answer.status < 300:
            return refusal(endpoint, answer.status, body, sent)
        if endpoint.type == "graphql":
            _look_for_errors(endpoint, body)
        return answers.read(endpoint.response, body, parcel.records)

    def _opened(self) -> HttpSession:
        if self._session is None:
            self._session = open_session(self._endpoint, self._surroundings)
        return self._session

    @property
    def slowest_answer(self) -> float | None:
        """Seconds of the slowest answer so far."""
        return self._session.slowest_answer if self._session is not None else None

    def words(self) -> list[str]:
        """Say what a request is."""
        body = to_json(template_of(self._endpoint))
        return [f"{method_of(self._endpoint)} {self._endpoint.endpoint} ({self._endpoint.connection})", f"body {body}"]

    def cancel(self) -> None:
        """Stop waiting, and cut the request off."""
        self._stopped.set()
        if self._session is not None:
            self._session.cancel()

    def close(self) -> None:
        """Let go of the connection."""
        if self._session is not None:
            self._session.close()
            self._session = None


def _json(answer: Answer) -> Any:
    """The body as Python values; None for an empty one, or what is no JSON."""
    try:
        return json.loads(answer.body) if answer.body.strip() else None
    except ValueError:
        return None


def template_of(endpoint: RestTarget | GraphqlTarget) -> Any:
    """Give the body's template: REST's payload (by default the records, or the one record of a request), GraphQL's document."""
    if endpoint.type == "graphql":
        return {"query": Written(to_json(endpoint.query)), "variables": endpoint.variables}
    if endpoint.payload is not None:
        return endpoint.payload
    return "{" + (RECORD if endpoint.batch_rows == 1 else RECORDS) + "}"


def method_of(endpoint: RestTarget | GraphqlTarget) -> str:
    """Give the HTTP method."""
    return endpoint.method if endpoint.type == "rest" else "POST"


_BUSY_CODES = ("RATE_LIMITED", "THROTTLED", "TOO_MANY_REQUESTS", "SERVICE_UNAVAILABLE", "TIMEOUT")
"""What GraphQL servers say in `extensions.code` when the same request may work later."""


def _look_for_errors(endpoint: GraphqlTarget, body: Any) -> None:
    """`errors` in an answer of 200 are a refusal, unless `response.rejected` reads them."""
    if not isinstance(body, dict):
        raise unclear(f"{endpoint.connection} did not answer with a GraphQL document")
    errors = body.get("errors")
    if errors and not (endpoint.response and (endpoint.response.rejected or "").startswith("$.errors")):
        found = codes_of(errors)
        codes, number = ", ".join(found)[:200], len(errors) if isinstance(errors, list) else 1
        if any(code in _BUSY_CODES for code in found):
            raise Busy(f"{endpoint.connection} answered {codes}")
        raise PermanentError(
            f"{endpoint.connection} refused the batch: {number} GraphQL errors", code="E_API_REFUSED",
            hint=f"codes: {codes or 'none'}; response.rejected may read $.errors[*]",
        )  # fmt: skip
    if not errors and body.get("data") is None:
        raise unclear(f"{endpoint.connection} answered with neither data nor errors")
