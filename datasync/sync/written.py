"""A prepared run in, what is written down of it before it begins out: its manifest, its facts in history, its notes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from datasync.contract.loader import LoadedContract
from datasync.history.rows import RunFacts
from datasync.plan.window import to_text
from datasync.results.codec import plain
from datasync.results.model import RunResult
from datasync.sync.options import RunOptions
from datasync.sync.prepare import Prepared
from datasync.sync.telling import BASE


def manifest_of(loaded: LoadedContract, options: RunOptions, prepared: Prepared, sequence: int) -> dict[str, Any]:
    """Give what a run's manifest says of it: enough to take it up with the same window, files, params and time.

    Args:
        loaded: its contract.
        options: what its caller chose.
        prepared: its plan.
        sequence: the target's newest commit as the audit saw it.
    """
    asked = {
        "window_start": options.window_start,
        "window_end": options.window_end,
        "params": dict(options.params),
        "full": options.full,
    }
    window = prepared.plan.window
    return {
        "run_id": prepared.plan.run_id,
        "path": str(loaded.path),
        "hash": loaded.hash,
        "asked": asked,
        "kind": options.kind,
        "origin": options.origin,
        "links": dict(options.links),
        "released": options.released,
        "sequence": sequence,
        "window": {"start": to_text(window.start), "end": to_text(window.end), "explicit": window.explicit} if window else None,
        "files": plain(prepared.plan.files),
    }


def linked(result: RunResult, links: Mapping[str, str]) -> RunResult:
    """Give a result with the addresses of its pages, as they are when it is recorded.

    Args:
        links: word to URL; `report` is the run's own page. Without it that of the web app, where DATASYNC_URL names one.
    """
    base = os.environ.get(BASE, "").rstrip("/")
    others = {word: link for word, link in links.items() if word != "report"}
    return replace(result, report=links.get("report") or (f"{base}/runs/{result.run_id}" if base else None), links=others)


def facts_of(prepared: Prepared, started: datetime, origin: str | None, contract_hash: str) -> RunFacts:
    """Give what history knows of a run when it starts."""
    plan, window = prepared.plan, prepared.plan.window
    return RunFacts(
        run_id=plan.run_id,
        contract=plan.contract.contract,
        version=plan.contract.version,
        sync=plan.sync,
        kind=plan.kind,
        path=plan.path,
        started_at=started,
        window_start=to_text(window.start) if window else None,
        window_end=to_text(window.end) if window else None,
        explicit=window.explicit if window else False,
        full=prepared.situation.full and window is not None,
        origin=origin,
        contract_hash=contract_hash,
    )


def rerun_notes(prepared: Prepared) -> tuple[str, ...]:
    """Say that a window was published before."""
    assert prepared.rerun is not None
    return prepared.notes or (f"nothing to do: run {prepared.rerun.run_id} published this window",)
