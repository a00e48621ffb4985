"""What happens in a run in, log records with its id, its stage and its figures out; nothing is shown unless someone listens.

Records of the logger `datasync.run` carry `event` and `fields`; row values are never among them.
"""

from __future__ import annotations

import logging
from contextvars import ContextVar
from typing import Any

RUN: ContextVar[str] = ContextVar("datasync_run", default="")
"""Id of the run that the current thread works for."""

log = logging.getLogger("datasync.run")
# Without a listener nothing is to be printed, not even what is worth a warning: the result says it all.
log.addHandler(logging.NullHandler())


def note(event: str, level: int = logging.INFO, **fields: Any) -> None:
    """Write down one event.

    Args:
        event: in words that never change, such as `run began`: what a query looks for.
        level: of `logging`.
        fields: figures and names; None is left out.
    """
    if not log.isEnabledFor(level):
        return
    said = {"run_id": RUN.get() or None, **fields}
    known = {name: value for name, value in said.items() if value is not None}
    words = " ".join(f"{name}={value}" for name, value in known.items())
    log.log(level, "%s %s", event, words, extra={"event": event, "fields": known})
