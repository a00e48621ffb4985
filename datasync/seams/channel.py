"""What a channel of alerts must offer."""

from __future__ import annotations

from typing import Any, Protocol


class Channel(Protocol):
    """Somewhere an alert can be sent."""

    def send(self, message: Any) -> None:
        """Deliver one message.

        Raises:
            TransientError: try again later.
            PermanentError: will not work.
        """
