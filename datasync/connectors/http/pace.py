"""Requests that want to be sent in, one at a time and not too fast out."""

from __future__ import annotations

import threading
import time

from datasync.contract.scalars import Rate


class Pace:
    """Holds requests of all threads to a rate, evenly spread.

    Args:
        rate: None lets everything pass.
    """

    def __init__(self, rate: Rate | None) -> None:
        self._gap = rate.seconds / rate.count if rate is not None else 0.0
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self, stop: threading.Event) -> None:
        """Return when the next request may be sent, or as soon as `stop` is set."""
        if not self._gap:
            return
        with self._lock:
            now = time.monotonic()
            mine = max(self._next, now)
            self._next = mine + self._gap
        stop.wait(mine - now)
