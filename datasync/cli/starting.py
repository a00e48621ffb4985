"""What somebody in Slack wants started in, a `datasync` of its own that does it and one sentence about its end out.

A run gets a process of its own: it takes memory, forks and hears signals, and the listener must outlive it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datasync.errors import UsageError, shorten

if TYPE_CHECKING:
    from datasync.alerts.slack_desk import StartRequest
    from datasync.sync.project import Project

PATIENCE = 10.0
"""Seconds that runs have to end when the listener does."""
NO_RESULT = "it ended without a result"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:+-]{0,99}")


class Processes:
    """Starts runs in processes of their own.

    Args:
        project: where they run.
        command: how `datasync` is called.
    """

    def __init__(self, project: Project, command: Sequence[str] = (sys.executable, "-m", "datasync.cli.app")) -> None:
        self._project, self._command = project, tuple(command)
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self._closed = False

    def start(self, request: StartRequest) -> str:
        """Do what is asked for, and wait for its end.

        Raises:
            UsageError: no such contract or run, or params that are not known any more.
        """
        from datasync.results.words import verdict
        from datasync.sync.recorded import recorded

        arguments = self._arguments(request)
        said = []
        for found in self._json(arguments):
            if "run_id" not in found:
                problem = found.get("error") if isinstance(found.get("error"), Mapping) else {}
                raise UsageError(shorten(str((problem or {}).get("message") or NO_RESULT), 300), code="E_START")
            result = recorded(self._project, str(found["run_id"]))
            said.append(f"{result.contract} (run {result.run_id}): {verdict(result)}")
        return "; ".join(said)

    def close(self) -> None:
        """Start none any more, and end those that still go on, as a signal would: nothing is half published."""
        with self._lock:
            self._closed = True
            running = list(self._running)
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()

    def _arguments(self, request: StartRequest) -> list[str]:
        if request.what in ("release", "reject", "replay"):
            if not _ID.fullmatch(request.run_id):
                raise UsageError("that is no run", code="E_RUN_ID")
            if request.what == "replay":
                data = ["--data", str(request.data)] if request.data is not None else []
                return ["quarantine", "replay", request.run_id, *data, "--json"]
            reason = f"{request.reason} (by {request.by})" if request.reason else f"by {request.by}"
            return ["runs", request.what, request.run_id, f"--reason={reason}", "--json"]
        from datasync.alerts.observing import contract_in, params_in

        given = [word for name, value in params_in(request.subject).items() for word in ("--param", f"{name}={value}")]
        return ["run", str(self._path(contract_in(request.subject))), *given, "--json"]

    def _path(self, contract: str) -> Path:
        """Find a contract's file: where its newest run had it, else among the project's contracts."""
        from datasync.history.store import History
        from datasync.web.catalogue import files_of

        history = History(self._project.history_url)
        try:
            runs = history.list_runs(contract, limit=1)
            result = history.result(runs[0].run_id) if runs else None
        finally:
            history.close()
        if result is not None and result.path and self._within(Path(result.path)):
            return Path(result.path)
        found = next((file.file for file in files_of(self._project) if file.name == contract), None)
        if found is not None:
            return found
        raise UsageError(f"there is no contract '{contract[:63]}' here", code="E_CONTRACT_MISSING", hint="/datasync status")

    def _within(self, path: Path) -> bool:
        return path.is_file() and path.resolve().is_relative_to(self._project.root)

    def _json(self, arguments: Sequence[str]) -> list[dict[str, Any]]:
        """Run a command and give the documents it prints: one, or one per part; an empty one when it printed none."""
        with self._lock:
            if self._closed:
                raise UsageError("the listener is ending", code="E_START")
            process = subprocess.Popen(  # noqa: S603 - our own command, arguments checked above
                [*self._command, *arguments], cwd=self._project.root, env=dict(os.environ), text=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
            self._running.add(process)
        try:
            text, _ = process.communicate()
        finally:
            with self._lock:
                self._running.discard(process)
        try:
            found = json.loads(text)
        except ValueError:
            return [{}]
        documents = found if isinstance(found, list) and found else [found]
        return [document if isinstance(document, dict) else {} for document in documents]
