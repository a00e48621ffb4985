"""Expectations and a staging table in, Great Expectations' verdicts out, through a worker process that is started early."""

from __future__ import annotations

import gc
import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from datasync.contract.types import Dialect
from datasync.seams import GxAccess

START_TIMEOUT = 120.0
"""Seconds for the worker to be ready: its imports take 4 to 10 on a busy machine."""
TIMEOUT = 3600.0
"""Seconds for one checkpoint."""


@dataclass(frozen=True, slots=True)
class GxOutcome:
    """What Great Expectations said of one check: success, or why it could not say."""

    check: str
    success: bool
    error: str = ""
    observed: float | int | None = None


class Auditor:
    """The audit's worker process.

    Args:
        log: where the worker's own output goes; kept only when it fails.
        timeout: seconds for one checkpoint.
    """

    def __init__(self, log: Path, timeout: float = TIMEOUT) -> None:
        self._log = log
        self._timeout = timeout
        self._worker: _Worker | None = None
        self._ready = False
        self._stopped = threading.Event()
        self.validation: dict[str, Any] | None = None
        """The last checkpoint as Great Expectations' own pages show it."""

    def start(self) -> None:
        """Start the worker, so that its imports overlap what comes before the audit; again is fine."""
        if self._worker is None:
            self._log.parent.mkdir(parents=True, exist_ok=True)
            # Where Great Expectations is imported already, a fork has it for nothing.
            self._worker = _forked(self._log) if "great_expectations" in sys.modules else _spawned(self._log)

    def expect(self, dialect: Dialect) -> None:
        """Say in which system staging will be, so that its driver is ready too when it is judged; starts the worker."""
        self.start()
        assert self._worker is not None
        self._worker.write({"expect": dialect})

    def checkpoint(self, access: GxAccess, expectations: Sequence[dict[str, Any]]) -> dict[str, GxOutcome]:
        """Run one checkpoint.

        Args:
            access: how to reach staging.
            expectations: `type`, `kwargs`, `severity` and `meta` with `check`, each with a check of its own.

        Returns:
            An outcome for every expectation's check: a worker that dies, hangs or drops one gives errors, never a pass.
        """
        wanted = [entry["meta"]["check"] for entry in expectations]
        answer = self._answer(access, expectations)
        if "error" in answer and self._worker is not None and self._worker.died and not self._stopped.is_set():
            # A process that dies has judged nothing: a fresh one may, and if it dies too, every check is an error.
            self.close()
            self._worker = _spawned(self._log, whole=True)
            answer = self._answer(access, expectations)
        if "error" in answer:
            return {check: GxOutcome(check, False, str(answer["error"])) for check in wanted}
        self.validation = answer.get("validation")
        found = {entry["check"]: _outcome(entry) for entry in answer["outcomes"]}
        return {check: found.get(check) or GxOutcome(check, False, "Great Expectations dropped it") for check in wanted}

    def _answer(self, access: GxAccess, expectations: Sequence[dict[str, Any]]) -> dict[str, Any]:
        self.start()
        assert self._worker is not None
        if not self._ready:
            hello = self._worker.read(START_TIMEOUT, self._stopped)
            if hello is None or "ready" not in hello:
                return {"error": "the audit's process did not start"}
            self._ready = True
        command = {"url": access.url, "schema": access.schema, "table": access.table, "dialect": access.dialect,
                   "expectations": list(expectations)}  # fmt: skip
        if not self._worker.write(command):
            return {"error": "the audit's process ended"}
        found = self._worker.read(self._timeout, self._stopped)
        return found if found is not None else {"error": "the audit's process ended or took too long"}

    def cancel(self) -> None:
        """End what the worker is doing; every check of the checkpoint is then an error."""
        self._stopped.set()
        if self._worker is not None:
            self._worker.kill()

    def close(self) -> None:
        """End the worker; may be called twice."""
        if self._worker is not None:
            self._worker.kill()
            self._worker = None
            self._ready = False


def _outcome(entry: dict[str, Any]) -> GxOutcome:
    error = entry["error"]
    if not error and not entry["success"] and not entry["evaluated"]:
        # A bad column or bad SQL leaves no result and, at times, no exception either.
        error = "Great Expectations gave no result"
    return GxOutcome(entry["check"], entry["success"] and not error, error, entry["observed"])


class _Worker:
    """A process and the two pipes to it."""

    def __init__(self, pid: int, commands: IO[bytes], answers: IO[bytes]) -> None:
        self._pid = pid
        self._commands = commands
        self._answers = answers
        self._buffer = b""
        self._ended = False
        self.died = False
        """It ended by itself."""

    def write(self, command: dict[str, Any]) -> bool:
        try:
            self._commands.write(json.dumps(command).encode() + b"\n")
            self._commands.flush()
        except (OSError, ValueError):
            self.died = True
            return False
        return True

    def read(self, timeout: float, stopped: threading.Event) -> dict[str, Any] | None:
        """Read one line; None when the worker ended, the time is over, or the run was stopped."""
        deadline = time.monotonic() + timeout
        while b"\n" not in self._buffer:
            if stopped.is_set() or time.monotonic() > deadline:
                return None
            try:
                readable, _, _ = select.select([self._answers], [], [], 0.1)
                part = os.read(self._answers.fileno(), 1 << 16) if readable else None
            except (OSError, ValueError):
                return None
            if part == b"":
                self.died = True
                return None
            self._buffer += part or b""
        line, _, self._buffer = self._buffer.partition(b"\n")
        found: dict[str, Any] = json.loads(line)
        return found

    def kill(self) -> None:
        if self._ended:
            return
        self._ended = True
        import signal

        try:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass
        for stream in (self._commands, self._answers):
            try:
                stream.close()
            except OSError:
                continue


def _spawned(log: Path, whole: bool = False) -> _Worker:
    """Start a worker; whole: with all of Great Expectations, for a version that insists on what we do without."""
    with log.open("ab") as errors:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "datasync.gates.gx_worker", *(["--whole"] if whole else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            start_new_session=True,
        )
    assert process.stdin is not None
    assert process.stdout is not None
    # Popen's own bookkeeping is not used: the worker is waited for by its id.
    process.returncode = 0
    return _Worker(process.pid, process.stdin, process.stdout)


def _forked(log: Path) -> _Worker:
    command_read, command_write = os.pipe()
    answer_read, answer_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        _child(log, (command_read, command_write), (answer_read, answer_write))
    os.close(command_read)
    os.close(answer_write)
    return _Worker(pid, os.fdopen(command_write, "wb"), os.fdopen(answer_read, "rb"))


def _child(log: Path, commands: tuple[int, int], answers: tuple[int, int]) -> None:
    """The forked worker: serve and never come back."""
    # The parent's garbage is the parent's to collect: what ends a library's threads finds none here, and may crash.
    gc.freeze()
    from datasync.gates.gx_worker import serve

    try:
        os.setsid()
        os.close(commands[1])
        os.close(answers[0])
        errors = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(errors, 1)
        os.dup2(errors, 2)
        serve(os.fdopen(commands[0], "r"), os.fdopen(answers[1], "w"))
    finally:
        os._exit(1)
