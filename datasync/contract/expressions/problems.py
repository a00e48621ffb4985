"""What is wrong with an expression in, one error that says what was found, what is allowed and where out."""

from __future__ import annotations

from datasync.errors import DataSyncError


class ExpressionError(DataSyncError):
    """An expression or regex that cannot be used.

    Attributes:
        found: what stands there, in the author's words.
        allowed: what may stand there; may be empty.
        hint: what to do about it; may be empty.
        position: offset in characters from the start of the text; -1 when code built the expression.
    """

    code = "E_EXPRESSION"

    def __init__(self, found: str, allowed: str = "", hint: str = "", position: int = -1) -> None:
        super().__init__(f"{found}; allowed: {allowed}" if allowed else found, hint=hint)
        self.found = found
        self.allowed = allowed
        self.position = position
