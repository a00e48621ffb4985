"""A script of what shall go wrong in, the fault of each call out, once each."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["error", "status", "hang", "drop", "lose_answer"]


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to one call.

    Attributes:
        kind: error (`{"ok": false}`), status (an HTTP status without a useful body), hang (no answer until the server stops),
            drop (the connection is closed before anything is done), lose_answer (it is done, but the answer never arrives).
        code: Slack's error code, for `error`.
        status: HTTP status, for `status`; 429 goes with `retry_after`.
        retry_after: seconds.
    """

    kind: Kind
    code: str = ""
    status: int = 200
    retry_after: int | None = None


def error(code: str) -> Fault:
    """Answer `{"ok": false, "error": code}`."""
    return Fault("error", code=code)


def status(number: int, retry_after: int | None = None) -> Fault:
    """Answer with an HTTP status."""
    return Fault("status", status=number, retry_after=retry_after)


def rate_limited(seconds: int = 1) -> Fault:
    """Answer 429 with Retry-After."""
    return Fault("status", "ratelimited", 429, seconds)


HANG = Fault("hang")
DROP = Fault("drop")
LOSE_ANSWER = Fault("lose_answer")


@dataclass(slots=True)
class _Planned:
    method: str
    fault: Fault
    times: int


class Script:
    """What shall go wrong; every call asks here first.

    Args:
        clock: seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._planned: list[_Planned] = []
        self._down_until = 0.0
        self._lock = threading.Lock()

    def fail_next(self, method: str, *faults: Fault, times: int = 1) -> None:
        """Let the next calls of a method (`*`: of any) go wrong, one fault after the other, each `times` times."""
        with self._lock:
            self._planned += [_Planned(method, fault, times) for fault in faults]

    def down(self, seconds: float = float("inf")) -> None:
        """Answer 503 to everything for a while."""
        self._down_until = self._clock() + seconds

    def up(self) -> None:
        """End being down, and forget what was planned."""
        self._down_until = 0.0
        with self._lock:
            self._planned.clear()

    def take(self, method: str) -> Fault | None:
        """Give what shall go wrong with this call."""
        if self._clock() < self._down_until:
            return status(503)
        with self._lock:
            for planned in self._planned:
                if planned.method in (method, "*"):
                    if planned.times == 1:
                        self._planned.remove(planned)
                    else:
                        planned.times -= 1
                    return planned.fault
        return None
