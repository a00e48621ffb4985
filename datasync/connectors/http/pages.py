"""Pages as they are fetched in, the same pages fetched ahead of whoever takes them out."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

AHEAD = 4
"""Pages that are fetched before they are wanted, at most; and requests side by side where an API allows it."""
T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True, slots=True)
class Page:
    """Some records of an answer.

    Attributes:
        number: counts from 0.
        records: values of `json_text.tree_of`.
        size: bytes of the answer.
        sound: its text holds no escape that could be half a character.
        total: how many records the API says there are in all.
    """

    number: int
    records: Sequence[Any] = field(repr=False)
    size: int
    sound: bool = True
    total: int | None = None


def ahead(pages: Iterator[T], stop: threading.Event) -> Iterator[T]:
    """Take pages in a thread, some ahead, in order; an error of it is raised here when its turn comes.

    Closing this ends the thread behind the page that it is in.
    """
    waiting: queue.Queue[tuple[str, Any]] = queue.Queue(AHEAD)
    done = threading.Event()

    def offer(item: tuple[str, Any]) -> bool:
        while not (done.is_set() or stop.is_set()):
            try:
                waiting.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            for page in pages:
                if not offer(("page", page)):
                    return
            offer(("end", None))
        except BaseException as error:  # it belongs to whoever takes the pages
            offer(("error", error))

    # A daemon: a process that is told to end must not wait for a server.
    threading.Thread(target=work, name="datasync-pages", daemon=True).start()
    try:
        yield from _taken(waiting, stop)
    finally:
        done.set()


def _taken(waiting: queue.Queue[tuple[str, Any]], stop: threading.Event) -> Iterator[Any]:
    from datasync.errors import TransientError

    while True:
        try:
            kind, found = waiting.get(timeout=0.1)
        except queue.Empty:
            if stop.is_set():
                raise TransientError("given up", code="E_CANCELLED") from None
            continue
        if kind == "page":
            yield found
        elif kind == "error":
            raise found
        else:
            return


def side_by_side(fetch: Callable[[U], T], wanted: Sequence[U]) -> Iterator[T]:
    """Fetch several things at once, never more than `AHEAD` of them, and give them in order."""
    pool = ThreadPoolExecutor(AHEAD, thread_name_prefix="datasync-page")
    running: list[Future[T]] = []
    try:
        for number, item in enumerate(wanted):
            running.append(pool.submit(fetch, item))
            if number >= AHEAD - 1:
                yield running.pop(0).result()
        while running:
            yield running.pop(0).result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
