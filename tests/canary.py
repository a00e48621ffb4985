"""A secret and a personal value that are planted wherever tests have data and connections: no output may ever hold them (F73, F87)."""

from __future__ import annotations

SECRET = "CANARY-9f3b1c77-secret"
"""Password, token or key of every connection that a test makes up."""
PERSON = "Canary-Person-4471"
"""Stands in rows: as a value that breaks a promise, and as one that does not."""


def leaks(text: str) -> list[str]:
    """Give which of the two a text holds, also in URL or JSON form."""
    return [name for name, value in (("secret", SECRET), ("person", PERSON)) if value in text]
