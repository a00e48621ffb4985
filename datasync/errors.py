"""The whole exception tree: what went wrong, where, what is allowed and what to do next.

    DataSyncError
    ├── ContractError          the contract is wrong; carries every problem found         exit 2
    ├── UsageError             the command line or the call is wrong                      exit 2
    │   └── TargetMismatch     the target's table does not fit the contract               exit 2
    ├── ConnectorError         a system failed
    │   ├── TransientError     … and the same call may work later (retried)               exit 3
    │   └── PermanentError     … and will go on failing until someone acts                exit 3
    ├── StorageError           workspace, quarantine or history cannot be used            exit 3
    ├── Refused                another owner, lost watermark, overlapping append          exit 4
    └── Interrupted            a signal ended the run                                     exit 130

Bad *data* is never an exception: gates return verdicts.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from datasync.hints import HINTS

MAX_TEXT = 400
"""Characters of any foreign text that may stand in a message."""


def shorten(text: str, limit: int = MAX_TEXT) -> str:
    """Cut `text` to `limit` characters, saying so with an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def did_you_mean(found: str, allowed: Iterable[str]) -> str:
    """Give `did you mean 'x'?` for the closest allowed word, or an empty text."""
    close = difflib.get_close_matches(found, list(allowed), n=1, cutoff=0.6)
    return f"did you mean '{close[0]}'?" if close else ""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a contract, at one place of its file.

    Attributes:
        where: dotted path of the key, e.g. `columns.price.min`.
        found: what stands there, in the author's words.
        allowed: what may stand there.
        hint: what to do about it; may be empty.
        file: the contract's file as given; line and column count from 1 (0: the file as a whole).
        severity: `error` refuses the contract, `advice` only informs.
    """

    where: str
    found: str
    allowed: str = ""
    hint: str = ""
    file: str = ""
    line: int = 0
    column: int = 0
    code: str = "E_CONTRACT"
    severity: str = "error"

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        parts = [f"{self.where}: {self.found}" if self.where else self.found]
        if self.allowed:
            parts.append(f"allowed: {self.allowed}")
        if self.hint:
            parts.append(self.hint)
        return (f"{place}: " if place else "") + "; ".join(parts)


class DataSyncError(Exception):
    """Base of all errors a caller may want to handle.

    Args:
        message: where and what was found, in own words, without row values or secrets.
        code: stable upper-case identifier, e.g. `E_SOURCE_MISSING`.
        hint: what the reader can do next; where it is absent, what its code alone tells (`datasync.hints`).
        stage: the stage that was running, when known.
    """

    code = "E_DATASYNC"

    def __init__(self, message: str, *, code: str = "", hint: str = "", stage: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.hint = hint or HINTS.get(self.code, "")
        self.stage = stage

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class ContractError(DataSyncError):
    """A contract that cannot be used; `problems` holds all of them, in file order."""

    code = "E_CONTRACT"

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        text = "\n".join(str(problem) for problem in self.problems)
        super().__init__(f"{count} problem{'s' if count != 1 else ''} in the contract\n{text}")


class UsageError(DataSyncError):
    """The command line, or the arguments of an API call, do not fit."""

    code = "E_USAGE"


class UnknownName(UsageError):
    """A name that is in no table; the message lists what is known."""

    code = "E_UNKNOWN_NAME"

    def __init__(self, what: str, found: str, known: Iterable[str]) -> None:
        names = sorted(known)
        super().__init__(
            f"unknown {what} '{shorten(found, 60)}'; known: {', '.join(names)}",
            hint=did_you_mean(found, names),
        )


class TargetMismatch(UsageError):
    """The table that exists differs from the contract in a way that is not additive."""

    code = "E_TARGET_MISMATCH"


class ConnectorError(DataSyncError):
    """A source, target or other system failed."""

    code = "E_CONNECTOR"
    transient = False


class TransientError(ConnectorError):
    """The same call may work later: connection lost, deadlock, lock timeout, server starting."""

    code = "E_TRANSIENT"
    transient = True
    retry_after: float | None = None
    """Seconds for which the system asked to be left alone; set by who knows it."""


class PermanentError(ConnectorError):
    """Will fail again until someone changes something: no such file, no permission, corrupt file."""

    code = "E_PERMANENT"


class StorageError(DataSyncError):
    """Workspace, quarantine store or history cannot be read or written."""

    code = "E_STORAGE"


class Refused(DataSyncError):
    """Running now would be wrong: someone else owns the sync, or its state does not allow this run."""

    code = "E_REFUSED"


class Interrupted(DataSyncError):
    """SIGINT or SIGTERM ended the run; nothing was published."""

    code = "E_INTERRUPTED"
