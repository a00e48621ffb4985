"""What people want started in, how far each is and how it ended out: also after the app was started again.

Each is a small file in the project's home, so that every process that serves the app there knows of it. A process holds a lock as
long as it lives; what it began and never ended is known to be lost as soon as that lock is free.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from datasync.alerts.slack_desk import StartRequest
from datasync.connectors.locks import FileLock
from datasync.errors import DataSyncError, StorageError, UsageError
from datasync.storage import write_bytes

log = logging.getLogger("datasync")
Start = Callable[[StartRequest], str]
"""Does what somebody wants started, waits for its end and says it in a sentence; UsageError when it cannot."""
AT_ONCE = 2
KEPT = 20
LOST = "the app was ended before this was: the run itself is among the contract's runs"
_NAME = re.compile(r"[0-9]{20}-[0-9a-f]{8}\.json")


@dataclass(frozen=True, slots=True)
class Job:
    """Something that somebody started here.

    Attributes:
        name: of its file; sorts by time.
        owner: the process that does it.
        state: waits, goes on, done, failed or lost.
        said: how it ended.
    """

    request: StartRequest
    began: datetime
    name: str
    owner: str
    state: str = "waits"
    said: str = ""

    @property
    def over(self) -> bool:
        """It goes on no more."""
        return self.state in ("done", "failed", "lost")


class Jobs:
    """Starts what people want, a few at once.

    Args:
        start: does it; None: nothing is started from here.
        home: `.datasync`; the files are in its `started/`.
    """

    def __init__(self, start: Start | None, home: Path) -> None:
        self._start, self._home, self._folder = start, home, home / "started"
        self._me = secrets.token_hex(8)
        self._alive = self._of(self._me)
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None

    @property
    def newest(self) -> list[Job]:
        """What was started lately, newest first."""
        found = [job for job in map(self._read, sorted(self._files(), reverse=True)[:KEPT]) if job is not None]
        lost = {owner for owner in {job.owner for job in found if not job.over} if owner != self._me and self._of(owner).free}
        return [replace(job, state="lost", said=LOST) if not job.over and job.owner in lost else job for job in found]

    def begin(self, request: StartRequest) -> bool:
        """Start something; False: it goes on already, and is not started twice.

        Raises:
            UsageError: nothing is started from here, or too much waits already.
            StorageError: it cannot be written down.
        """
        if self._start is None:
            raise UsageError("runs are not started from here", code="E_START")
        with self._lock:
            going = [job for job in self.newest if not job.over]
            if any(_same(job.request, request) for job in going):
                return False
            if len(going) >= KEPT:
                raise UsageError("too much waits already", code="E_START", hint="wait for something to end")
            # Held until this process ends, however it does.
            self._alive.acquire("the app")
            now = datetime.now(UTC)
            job = Job(request, now, f"{now:%Y%m%d%H%M%S%f}-{secrets.token_hex(4)}.json", self._me)
            self._write(job)
            for old in sorted(self._files(), reverse=True)[KEPT:]:
                old.unlink(missing_ok=True)
            self._pool = self._pool or ThreadPoolExecutor(AT_ONCE, "datasync-start")
            self._pool.submit(self._do, job)
            return True

    def _do(self, job: Job) -> None:
        assert self._start is not None
        try:
            self._write(replace(job, state="goes on"))
            state, said = "done", self._start(job.request)
        except DataSyncError as error:
            state, said = "failed", error.message
        except Exception:
            log.exception("a job of the web app")
            state, said = "failed", "an unexpected error: the server's log says which"
        finally:
            if job.request.data is not None:
                job.request.data.unlink(missing_ok=True)
        try:
            self._write(replace(job, state=state, said=said))
        except StorageError as error:
            log.warning("how a job ended is not kept: %s", error.message)

    def close(self) -> None:
        """Start nothing any more; what waits is lost, what goes on may still say how it ends."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _of(self, owner: str) -> FileLock:
        """Give the lock that a process holds while it lives."""
        return FileLock(self._home, f"app:{owner}")

    def _files(self) -> list[Path]:
        return [file for file in self._folder.glob("*.json") if _NAME.fullmatch(file.name)]

    def _write(self, job: Job) -> None:
        request = {name: getattr(job.request, name) for name in ("what", "run_id", "subject", "by", "reason")}
        content = {"request": request, "began": job.began.isoformat(), "owner": job.owner, "state": job.state, "said": job.said}
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_bytes(self._folder / job.name, json.dumps(content).encode())
        except OSError as error:
            raise StorageError("what was started cannot be written down", code="E_WORKSPACE") from error

    def _read(self, file: Path) -> Job | None:
        """Read a file; None: it is gone meanwhile, or no job of ours."""
        try:
            found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            began = datetime.fromisoformat(found["began"])
            texts = [str(found[name]) for name in ("owner", "state", "said")]
            return Job(StartRequest(**found["request"]), began, file.name, *texts)
        except (OSError, ValueError, KeyError, TypeError):
            return None


def _same(one: StartRequest, other: StartRequest) -> bool:
    return (one.what, one.run_id, one.subject) == (other.what, other.run_id, other.subject)
