"""A queue of rows and a ledger in, every batch sent and written down out: at least once, from where an earlier try ended."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from datasync.connectors.api.answers import Verdict
from datasync.connectors.api.ledger import Send, SendLedger, Totals
from datasync.connectors.api.queue import Queue
from datasync.connectors.api.wire import Parcel, Wire
from datasync.failpoints import failpoint
from datasync.seams import Delivery, TooManyRefused


def key_of(send: Send, number: int) -> str:
    """Give a batch's idempotency key: the same whenever it is sent again, and no other batch's."""
    parts = [send.sync, send.run_id, str(number), *([str(send.generation)] if send.generation else [])]
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:40]


def batches_of(send: Send) -> list[tuple[int, int, int]]:
    """Give the batches: number, first and last row, counted from 1."""
    size = send.batch_rows
    starts = range(1, send.rows + 1, size)
    return [(number, low, min(low + size - 1, send.rows)) for number, low in enumerate(starts)]


@dataclass
class Sending:
    """One run's sending; `run` is the whole of it.

    Attributes:
        token: the fencing token, looked at before each batch.
        variables: what requests are rendered with.
    """

    ledger: SendLedger
    queue: Queue
    wire: Wire
    send: Send
    token: int
    delivery: Delivery
    variables: Mapping[str, Any]

    def run(self) -> Totals:
        """Send the batches that are not answered yet.

        Raises:
            TooManyRefused: the API refused more rows than the contract allows; nothing more is sent.
            Refused: a newer run owns the sync.
            ConnectorError: a batch could not be sent; the batches before it stay sent.
        """
        answered = self.ledger.batches(self.send)
        totals = _sum(answered)
        self._tell(totals)
        for number, low, high in batches_of(self.send):
            if number in answered:
                continue
            taken, refused = self._batch(number, low, high)
            totals = Totals(totals.acknowledged + taken, totals.refused + refused)
            self._tell(totals)
        return totals

    def _tell(self, totals: Totals) -> None:
        self.delivery.sent(totals.acknowledged, totals.refused)
        if self.delivery.allowed is not None and totals.refused > self.delivery.allowed:
            raise TooManyRefused(totals.refused)

    def _batch(self, number: int, low: int, high: int) -> tuple[int, int]:
        frame = self.queue.rows(low, high)
        parcel = self.wire.pack(frame, self.variables)
        self.ledger.goes_out(self.send, self.token, number, parcel.digest)
        failpoint("send.before_batch")
        verdict = self.wire.deliver(parcel, key_of(self.send, number)) if parcel.records else Verdict()
        failpoint("send.after_answer")
        refused = dict(sorted(_places(parcel, verdict).items()))
        if refused:
            # Safe in quarantine first: a batch that is marked is never asked about again.
            self.delivery.set_aside(frame[list(refused)], list(refused.values()), number)
        failpoint("send.after_set_aside")
        self.ledger.answered(self.send, number, frame.height - len(refused), list(refused))
        failpoint("send.after_batch")
        return frame.height - len(refused), len(refused)


def _sum(answered: Mapping[int, tuple[int, Sequence[int]]]) -> Totals:
    return Totals(
        sum(acknowledged for acknowledged, _ in answered.values()), sum(len(refused) for _, refused in answered.values())
    )


def _places(parcel: Parcel, verdict: Verdict) -> dict[int, str]:
    return {**parcel.refused, **{parcel.places[place]: words for place, words in verdict.refused.items()}}
