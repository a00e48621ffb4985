"""What people want started in, how far each is and how it ended out: kept in this process, the newest few."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

from datasync.alerts.slack_desk import StartRequest
from datasync.errors import DataSyncError, UsageError

log = logging.getLogger("datasync")
Start = Callable[[StartRequest], str]
"""Does what somebody wants started, waits for its end and says it in a sentence; UsageError when it cannot."""
AT_ONCE = 2
KEPT = 20


@dataclass(slots=True)
class Job:
    """Something that somebody started here.

    Attributes:
        state: waits, goes on, done or failed.
        said: how it ended.
    """

    request: StartRequest
    began: datetime
    state: str = "waits"
    said: str = ""

    @property
    def over(self) -> bool:
        """It goes on no more."""
        return self.state in ("done", "failed")


class Jobs:
    """Starts what people want, a few at once.

    Args:
        start: does it; None: nothing is started from here.
    """

    def __init__(self, start: Start | None) -> None:
        self._start = start
        self._jobs: deque[Job] = deque(maxlen=KEPT)
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None

    @property
    def newest(self) -> list[Job]:
        """What was started lately, newest first."""
        with self._lock:
            return list(reversed(self._jobs))

    def begin(self, request: StartRequest) -> bool:
        """Start something; False: it goes on already, and is not started twice.

        Raises:
            UsageError: nothing is started from here, or too much waits already.
        """
        if self._start is None:
            raise UsageError("runs are not started from here", code="E_START")
        with self._lock:
            going = [job for job in self._jobs if not job.over]
            if any(_same(job.request, request) for job in going):
                return False
            if len(going) >= KEPT:
                raise UsageError("too much waits already", code="E_START", hint="wait for something to end")
            self._pool = self._pool or ThreadPoolExecutor(AT_ONCE, "datasync-start")
            job = Job(request, datetime.now(UTC))
            self._jobs.append(job)
            self._pool.submit(self._do, job)
            return True

    def _do(self, job: Job) -> None:
        assert self._start is not None
        job.state = "goes on"
        try:
            job.said = self._start(job.request)
            job.state = "done"
        except DataSyncError as error:
            job.said, job.state = error.message, "failed"
        except Exception:
            log.exception("a job of the web app")
            job.said, job.state = "an unexpected error: the server's log says which", "failed"
        finally:
            if job.request.data is not None:
                job.request.data.unlink(missing_ok=True)

    def close(self) -> None:
        """Start nothing any more."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)


def _same(one: StartRequest, other: StartRequest) -> bool:
    return (one.what, one.run_id, one.subject) == (other.what, other.run_id, other.subject)
