"""A producer of batches in, the same batches from a thread of its own out, through a bounded queue."""

from __future__ import annotations

import contextvars
import queue
import threading
from collections.abc import Iterator
from typing import TypeVar

from datasync.errors import Interrupted

Item = TypeVar("Item")
DEPTH = 2
"""Items between two threads: enough to overlap, few enough to bound memory."""
_POLL = 0.05


class _End:
    """Says that the producer is done, and how."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def overlapped(producer: Iterator[Item], stop: threading.Event, name: str, depth: int = DEPTH) -> Iterator[Item]:
    """Run `producer` in a thread and give its items in order.

    Args:
        producer: consumed by the thread alone.
        stop: ends both sides within a poll.
        name: of the thread.
        depth: items that may wait.

    Raises:
        Whatever the producer raises, at the place of the item it failed to make. Interrupted when `stop` is set.
    """
    waiting: queue.Queue[Item | _End] = queue.Queue(maxsize=depth)
    abandoned = threading.Event()
    # The thread works for the same run: its log records say so.
    context, work = contextvars.copy_context(), (_produce, producer, waiting, (stop, abandoned))
    worker = threading.Thread(target=context.run, args=work, name=f"datasync-{name}", daemon=True)
    worker.start()
    try:
        while True:
            item = _take(waiting, stop)
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        abandoned.set()
        worker.join(timeout=2)


def _produce(producer: Iterator[Item], waiting: queue.Queue[Item | _End], ends: tuple[threading.Event, threading.Event]) -> None:
    error: BaseException | None = None
    try:
        for item in producer:
            if not _put(waiting, item, ends):
                break
    except BaseException as broken:
        error = broken
    finally:
        close = getattr(producer, "close", None)
        if close is not None:
            try:
                close()
            except BaseException as broken:
                error = error or broken
    _put(waiting, _End(error), ends)


def _put(waiting: queue.Queue[Item | _End], item: Item | _End, ends: tuple[threading.Event, threading.Event]) -> bool:
    while not any(end.is_set() for end in ends):
        try:
            waiting.put(item, timeout=_POLL)
        except queue.Full:
            continue
        return True
    return False


def _take(waiting: queue.Queue[Item | _End], stop: threading.Event) -> Item | _End:
    while True:
        try:
            return waiting.get(timeout=_POLL)
        except queue.Empty:
            if stop.is_set():
                raise Interrupted("the run was interrupted") from None
