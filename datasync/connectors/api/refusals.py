"""A status that refuses a request in, its one record's rejection or the run's error out; and the session of requests."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from datasync.connectors.api import answers
from datasync.connectors.api.answers import Verdict
from datasync.connectors.http.exchange import Limits
from datasync.connectors.http.pace import Pace
from datasync.connectors.http.session import HttpSession
from datasync.contract.endpoints import ApiTarget, Response
from datasync.errors import PermanentError
from datasync.seams import Surroundings

REFUSALS = frozenset({400, 405, 406, 409, 411, 412, 413, 414, 415, 417, 422, 428, 431})
"""Statuses that speak of the request itself: the same one would be refused again."""
TIMEOUT = 60.0
"""Seconds of one try, unless the contract says."""

_HINTS = {
    405: "check target.method", 409: "the API holds another version of these rows, or still works on the batch",
    413: "make target.batch_rows smaller", 415: "the API takes no JSON there",
}  # fmt: skip


def open_session(endpoint: ApiTarget, surroundings: Surroundings) -> HttpSession:
    """Give a session with the target's host.

    Raises:
        PermanentError: the connection names no proper host or way to sign in.
    """
    seconds = endpoint.timeout / timedelta(seconds=1) if endpoint.timeout is not None else TIMEOUT
    # An answer says what became of a batch: it is never large.
    limits = Limits(timeout=seconds, raw_bytes=16 << 20, decoded_bytes=64 << 20)
    return HttpSession(surroundings.connection(endpoint.connection), limits, Pace(endpoint.rate_limit))


def rejecting(response: Response | None, sent: int) -> frozenset[int]:
    """Give the statuses that refuse the one record of a request."""
    if response is None or sent != 1:
        return frozenset()
    return frozenset(status for status in response.reject_on if isinstance(status, int))


def refusal(endpoint: ApiTarget, status: int, body: Any, sent: int) -> Verdict:
    """Judge an answer that said no.

    Args:
        endpoint: the contract's target.
        status: of the answer.
        body: its JSON, if it had any.
        sent: records in the request.

    Returns:
        The one record's rejection, where `response.reject_on` names the status.

    Raises:
        PermanentError: the batch was refused as a whole.
    """
    response = endpoint.response
    if response is not None and status in rejecting(response, sent):
        words = answers.found(response.reason, body) if body is not None and response.reason is not None else []
        return Verdict({0: f"{status} {words[0] if words else ''}".strip()[: answers.MAX_REASON]})
    what = "the record" if sent == 1 else f"a batch of {sent} records"
    raise PermanentError(
        f"{endpoint.connection} refused {what}: {status}", code="E_API_REFUSED",
        hint=_HINTS.get(status, "compare what target sends with what the API takes (datasync plan shows it)"),
    )  # fmt: skip
