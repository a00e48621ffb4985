"""How something is opened in, the same one at every call out: nothing is opened before it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar


class Opened(Protocol):
    """A session, or what holds one."""

    def cancel(self) -> None:
        """End the statement that another thread is in."""

    def close(self) -> None:
        """Let go of it."""


Held = TypeVar("Held", bound=Opened)


class OnUse(Generic[Held]):
    """Opens at the first call, so that a connection that is not configured is missed by nobody who does without.

    Args:
        opening: opens it.
    """

    def __init__(self, opening: Callable[[], Held]) -> None:
        self._opening = opening
        self._held: Held | None = None

    def __call__(self) -> Held:
        """Give it, opened when needed."""
        if self._held is None:
            self._held = self._opening()
        return self._held

    def cancel(self) -> None:
        """End the statement that another thread is in, if it was ever opened."""
        if self._held is not None:
            self._held.cancel()

    def close(self) -> None:
        """Close it; the next call opens another."""
        held, self._held = self._held, None
        if held is not None:
            held.close()
