"""An error in, where it came from as text out, without a word of what others said: their messages hold values of rows."""

from __future__ import annotations

import traceback
from collections.abc import Iterator

from datasync.errors import DataSyncError

CAUSE = "\nThe above exception was the direct cause of the following exception:\n\n"
DURING = "\nDuring handling of the above exception, another exception occurred:\n\n"


def trace(error: BaseException) -> str:
    """Give the tracebacks of an error and of what lies behind it, outermost last.

    An error of ours says what it says everywhere. Of a driver's, a library's or Python's own only the kind is shown: a server
    quotes the cell that it stumbled over, a library the address with its key.
    """
    return "".join(_parts(error, set()))


def _parts(error: BaseException, seen: set[int]) -> Iterator[str]:
    seen.add(id(error))
    behind = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if behind is not None and id(behind) not in seen:
        yield from _parts(behind, seen)
        yield CAUSE if error.__cause__ is not None else DURING
    yield "Traceback (most recent call last):\n"
    yield from traceback.format_tb(error.__traceback__)
    yield f"{type(error).__module__}.{type(error).__qualname__}{f': {error}' if isinstance(error, DataSyncError) else ''}\n"
