"""What a site was built from, kept beside its pages, in; which runs are new out. It grows with days, not with runs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from datasync.errors import StorageError
from datasync.history.incidents import utc
from datasync.history.rows import RunRow
from datasync.storage import Place, write_bytes
from datasync.workspace import storage_error

FILE = "site.json"
FORM = 1
"""Raised when pages change so much that old ones should be written again."""
OVERLAP = timedelta(minutes=2)
"""A run may be recorded a moment after another that was stamped later: what is this young is looked at twice."""


@dataclass
class SiteState:
    """What the pages show.

    Attributes:
        since: runs recorded before this are on the pages.
        recent: of the last moments before `since`, run id to when it was recorded.
        days: contract to the days that have a page, oldest first.
        seen: contract to a digest of what its page shows besides runs.
    """

    since: datetime | None = None
    recent: dict[str, str] = field(default_factory=dict)
    days: dict[str, list[str]] = field(default_factory=dict)
    seen: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Place) -> SiteState:
        """Read a site's state; a folder without one, or with that of another form, is built from the start.

        Raises:
            StorageError: it is there and cannot be read, or is no state of a site.
        """
        try:
            found: Any = json.loads((folder / FILE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError) as error:
            raise storage_error(f"{FILE} of the site cannot be read", error) from error
        if not isinstance(found, dict) or found.get("form") != FORM:
            return cls()
        try:
            since = datetime.fromisoformat(found["since"]) if found["since"] else None
            return cls(
                since, dict(found["recent"]), {name: list(days) for name, days in found["days"].items()}, dict(found["seen"])
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StorageError(
                f"{FILE} of the site is damaged", code="E_SITE", hint="remove it to build all pages again"
            ) from error

    def write(self, folder: Place) -> None:
        """Write the state: last, so that a build that was cut off is done again."""
        content = {
            "form": FORM, "since": self.since.isoformat() if self.since else None, "recent": self.recent, "days": self.days,
            "seen": self.seen,
        }  # fmt: skip
        write_bytes(folder / FILE, json.dumps(content, ensure_ascii=False).encode())

    @property
    def begin(self) -> datetime | None:
        """From when on runs are to be looked at."""
        return self.since - OVERLAP if self.since else None

    def new(self, rows: Iterable[RunRow]) -> list[RunRow]:
        """Give those that the pages do not show yet."""
        return [row for row in rows if self.recent.get(row.run_id) != _stamp(row)]

    def note(self, rows: Iterable[RunRow]) -> None:
        """Remember that the pages show these runs."""
        moments = {row.run_id: _moment(row) for row in rows}
        for row in rows:
            day = f"{utc(row.started_at):%Y-%m-%d}"
            days = self.days.setdefault(row.contract, [])
            if day not in days:
                days.append(day)
                days.sort()
        if not moments:
            return
        self.since = max([*moments.values(), *([self.since] if self.since else [])])
        known = {run_id: datetime.fromisoformat(text) for run_id, text in self.recent.items()} | moments
        self.recent = {run_id: moment.isoformat() for run_id, moment in known.items() if moment >= self.since - OVERLAP}


def _moment(row: RunRow) -> datetime:
    assert row.finished_at is not None
    return utc(row.finished_at)


def _stamp(row: RunRow) -> str:
    return _moment(row).isoformat()
