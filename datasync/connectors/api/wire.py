"""A batch of staged rows in, a request and the API's verdict on its records out: what REST, GraphQL and SOAP share."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from datasync.connectors.api.answers import Verdict
from datasync.connectors.patience import Patience
from datasync.errors import TransientError

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Parcel:
    """A request that is ready to go.

    Attributes:
        content: the body as the wire sends it; None: no row of the batch can be sent.
        path: the endpoint, filled; empty for SOAP, whose WSDL says it.
        digest: of everything that the request says, so that one key never stands for two things.
        records: the key columns of the records in it, in order.
        places: where each of them is in the batch.
        refused: place to reason, for rows that cannot be said.
    """

    content: Any
    path: str
    digest: str
    records: list[dict[str, Any]]
    places: list[int]
    refused: Mapping[int, str] = field(default_factory=dict)


class Wire(Protocol):
    """How one kind of API is spoken to. Construct without I/O."""

    def ready(self) -> None:
        """See, as far as that can be seen without a batch, that requests can be made; said before rows are read.

        Raises:
            UsageError: the contract asks for what the API does not have.
        """

    def pack(self, frame: pl.DataFrame, variables: Mapping[str, Any]) -> Parcel:
        """Make the request of a batch; the same rows and variables give the same request."""

    def deliver(self, parcel: Parcel, key: str) -> Verdict:
        """Send a request until it is answered, each time under the same idempotency key.

        Returns:
            Which of `parcel.records` were refused, by their place among them; all others were taken.

        Raises:
            TransientError: it was not answered, in all tries: it may have been taken or not.
            PermanentError: the API refuses it as a whole, or its answer does not say what became of every record.
        """

    @property
    def slowest_answer(self) -> float | None:
        """Seconds of the slowest answer so far; None: none came yet."""

    def words(self) -> list[str]:
        """Say what a request is, for `plan`; no I/O."""

    def cancel(self) -> None:
        """End what another thread waits for."""

    def close(self) -> None:
        """Let go of the connection; may be called twice."""


def digest_of(*parts: str) -> str:
    """Hash what a request says."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


class Busy(TransientError):
    """An answer of 200 that says in its body that the API was not ready: HTTP's own ways to say so are the session's."""

    code = "E_API_BUSY"


BUSY_PATIENCE = Patience(frozenset({Busy.code}), tries=6, first=0.5, least=0.75)
"""About a quarter of a minute of waiting in all."""
