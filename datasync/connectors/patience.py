"""A call that may fail for a while in, its answer out: made again, with longer and longer waits, a bounded number of times."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from datasync.errors import TransientError

Given = TypeVar("Given")


@dataclass(frozen=True, slots=True)
class Patience:
    """What is tried again, how often, and how long is waited in between.

    Attributes:
        codes: of the errors after which another try is worth it.
        tries: in all.
        first, longest: seconds; the wait doubles, with some chance in it, up to the longest.
        least: the share of a wait that chance leaves of it.
    """

    codes: frozenset[str]
    tries: int
    first: float
    longest: float = 60.0
    least: float = 0.5

    def wait(self, attempt: int) -> float:
        """Seconds to wait after try number `attempt`."""
        return float(min(self.first * 2 ** (attempt - 1), self.longest)) * random.uniform(self.least, 1.0)  # noqa: S311


SERVER_PATIENCE = Patience(frozenset({"E_LOCKED", "E_CONNECT"}), tries=6, first=0.5, longest=8.0)
"""For publishing to a database server: a lock that was not given, a connection that was lost; about a quarter of a minute."""


def patiently(call: Callable[[], Given], patience: Patience, stopped: threading.Event) -> Given:
    """Make a call, again while it fails in a way that passes.

    Args:
        call: may be made any number of times.
        patience: after which errors, and how often.
        stopped: ends waiting at once.

    Raises:
        TransientError: all tries were in vain, another one is not worth it, or `stopped` was set.
    """
    attempt = 1
    while True:
        try:
            return call()
        except TransientError as error:
            if error.code not in patience.codes or attempt >= patience.tries or stopped.wait(patience.wait(attempt)):
                raise
            attempt += 1
