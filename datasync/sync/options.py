"""What the caller of a run may choose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from datasync.seams import Connection, StageName
from datasync.stages.context import Progress


def _silent(progress: Progress) -> None:
    """Show nothing."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Choices of one run.

    Attributes:
        window_start, window_end: an explicit window, as text of the cursor's type.
        params: values of declared params, as text.
        full: read from `cursor.start`, ignoring the watermark.
        begin: resume from this stage.
        list_parts: only divide a partitioned source into parts, with `begin` and `until` both extract.
        until: stop after this stage of a split run; a later call with `begin` goes on.
        origin: what started it, in the scheduler's own words; found again by `History.of_origin`.
        connections: looks connections up by id; default: the environment and connections.yaml.
        run_id: names the run; of a finished run: give its result again.
        shadow: publish beside the target, as a sync of its own.
        data: `check` reads this file instead of the source.
        at_target: `check` judges the published table.
        recorded: the manifest of the run that is resumed: its window and files are taken as they were.
        released: who let a held run go, and why.
        now: the run's time; default: now.
        progress: told how far the run is.
        deliver: send the run's messages when it is over; else they wait for `datasync alerts send` or Airflow's notify task.
        links: word to URL, kept with the result and shown in messages: the scheduler's run and log, and the `report`'s own page.
        variables: run variables that the scheduler calls otherwise, such as its own `run_id`.
    """

    window_start: str | None = None
    window_end: str | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    full: bool = False
    begin: StageName | None = None
    until: StageName | None = None
    list_parts: bool = False
    origin: str | None = None
    connections: Callable[[str], Connection] | None = None
    run_id: str | None = None
    shadow: bool = False
    data: Path | None = None
    at_target: bool = False
    recorded: Mapping[str, Any] | None = None
    released: str | None = None
    now: datetime | None = None
    progress: Callable[[Progress], None] = _silent
    kind: Literal["run", "check", "replay", "shadow"] = "run"
    deliver: bool = True
    links: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
