"""Named places where a test can make a run die, fail, sleep or wait; nothing happens unless DATASYNC_FAILPOINTS is set.

`DATASYNC_FAILPOINTS="publish.after_dml=kill,stage.after_batch=raise@2"`: name, action, and from which passing on (`@N`,
default 1; `@N-M`: until the Mth). Actions: `kill` (SIGKILL to this process), `kill_if:FILE` (only while the file exists, which is
removed first), `raise` (RuntimeError), `sleep:SECONDS`, `wait:FILE` (until the file
exists, 60 s at most), `disk_full` (OSError as a full disk gives). A run says on stderr that failpoints are armed.
"""

from __future__ import annotations

import errno
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

VARIABLE = "DATASYNC_FAILPOINTS"

INVENTORY = (
    "extract.connected", "extract.batch", "extract.done",
    "gate.batch", "quarantine.before_write", "quarantine.after_write",
    "transform.batch", "spill.written",
    "stage.after_create", "stage.after_batch", "stage.before_commit", "stage.after_commit",
    "audit.begin", "audit.stored", "audit.moved", "audit.done",
    "publish.begin", "publish.after_ddl", "publish.after_dml", "publish.after_files",
    "publish.after_commit_row", "publish.after_commit", "publish.after_rename", "publish.after_settle",
    "send.queued", "send.before_batch", "send.after_answer", "send.after_set_aside", "send.after_batch", "send.done",
    "reconcile.begin", "reconcile.done",
    "history.before_record", "history.after_outbox", "history.after_record",
    "alert.before_send", "alert.after_send",
)  # fmt: skip
"""Every failpoint there is; a test holds this list and the code to each other."""

_passed: Counter[str] = Counter()
"""How often each point was passed in this process: a failpoint is about the process, so this is its only state."""


def failpoint(name: str) -> None:
    """Pass a named place; act if the environment says so."""
    armed = os.environ.get(VARIABLE)
    if not armed:
        return
    for part in armed.split(","):
        point, _, action = part.strip().partition("=")
        if point == name:
            act, _, nth = action.partition("@")
            _passed[name] += 1
            first, _, last = nth.partition("-")
            if int(first or 1) <= _passed[name] <= int(last or 10**9):
                _act(name, act)


def _act(name: str, action: str) -> None:
    verb, _, argument = action.partition(":")
    actions: dict[str, Callable[[], None]] = {
        "kill": _kill,
        "kill_if": lambda: _kill_if(Path(argument)),
        "raise": lambda: _raise(RuntimeError(f"failpoint {name}")),
        "disk_full": lambda: _raise(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))),
        "sleep": lambda: time.sleep(float(argument)),
        "wait": lambda: _wait(Path(argument)),
    }
    actions[verb]()


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _kill_if(file: Path) -> None:
    if file.exists():
        file.unlink()
        _kill()


def _raise(error: BaseException) -> None:
    raise error


def _wait(file: Path) -> None:
    deadline = time.monotonic() + 60
    while not file.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
