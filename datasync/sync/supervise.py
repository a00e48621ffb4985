"""Work in, its result out: a thread works while the main thread listens for signals and ends it in time."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from datasync.errors import Interrupted

Result = TypeVar("Result")
PATIENCE = 2.5
"""Seconds that the work has to end after a signal; the promise is three."""


@dataclass(frozen=True, slots=True)
class Supervised(Generic[Result]):
    """What to supervise.

    Attributes:
        work: runs in a thread of its own; looks at `stop`.
        stop: set by SIGINT and SIGTERM.
        cancel: ends what the work waits for in drivers; called repeatedly until the work is done.
        committed: from here on the work is let finish: only bookkeeping is left.
    """

    work: Callable[[], Result]
    stop: threading.Event
    cancel: Callable[[], None]
    committed: Callable[[], bool]


def supervise(task: Supervised[Result]) -> Result:
    """Run the work to its end, or end it on a signal.

    Outside the main thread no signal can be caught: the work then runs where it is.

    Raises:
        Interrupted: the work did not end in time after a signal.
        Whatever the work raises.
    """
    if threading.current_thread() is not threading.main_thread():
        return task.work()
    outcome: dict[str, Any] = {}
    thread = threading.Thread(target=_work, args=(task.work, outcome), name="datasync-run", daemon=True)
    with _signals(task.stop):
        thread.start()
        waited = 0.0
        while thread.is_alive():
            thread.join(0.05)
            if task.stop.is_set() and not task.committed():
                task.cancel()
                waited += 0.05
                if waited >= PATIENCE:
                    raise Interrupted("the run was interrupted and its systems did not answer in time")
    if "error" in outcome:
        raise outcome["error"]
    return outcome["result"]  # type: ignore[no-any-return]


def _work(work: Callable[[], Result], outcome: dict[str, Any]) -> None:
    try:
        outcome["result"] = work()
    except BaseException as error:
        outcome["error"] = error


@contextmanager
def _signals(stop: threading.Event) -> Iterator[None]:
    """Let SIGINT and SIGTERM set the event while inside."""

    def heard(number: int, frame: object) -> None:
        stop.set()

    before = {number: signal.signal(number, heard) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
