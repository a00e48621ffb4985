"""An interval in, the options of one run per window out; windows published before come back with their own run's id."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from datasync.contract.lint.http import named_variables
from datasync.contract.loader import LoadedContract
from datasync.contract.variables import bound_names, placeholders, resolve_params
from datasync.errors import UsageError
from datasync.history.store import History
from datasync.plan.window import cursor_facts, explicit_window, split, to_text
from datasync.sync.options import RunOptions
from datasync.sync.prepare import interval_facts
from datasync.sync.project import open_project

INTERVAL = ("ds", "next_ds", "data_interval_start", "data_interval_end")
"""Run variables that a given interval decides where there is no cursor."""


def backfill_options(loaded: LoadedContract, interval: tuple[str, str, str], params: Mapping[str, str]) -> Iterator[RunOptions]:
    """Cut `(start, end, every)` into windows.

    Raises:
        UsageError: the contract has no windows, or the interval does not fit its cursor.
    """
    start, end, every = interval
    contract = loaded.contract
    facts = cursor_facts(contract, None) or (interval_facts(contract.timezone) if _reads_interval(contract.source) else None)
    if facts is None or (contract.target is not None and contract.target.write == "replace"):
        raise UsageError(
            f"{contract.contract} has no windows to fill", code="E_WINDOW",
            hint="a backfill needs source.cursor, or a source that names the day it reads, such as {ds} in its path",
        )  # fmt: skip
    whole = explicit_window(start, end, facts)
    assert whole is not None
    assert whole.start is not None
    known = resolve_params(contract, params)
    history = History(open_project(loaded.path).history_url)
    try:
        for window in split(whole.start, whole.end, every):
            first, last = to_text(window.start), to_text(window.end)
            text = f"{contract.contract}|{sorted(known.items())}|{first}|{last}"
            base = f"backfill-{contract.contract}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
            yield RunOptions(window_start=first, window_end=last, params=params, run_id=_fresh(base, history))
    finally:
        history.close()


def _reads_interval(source: Any) -> bool:
    """Whether what is read depends on the data interval alone."""
    names = {bound.name for bound in bound_names(getattr(source, "query", None) or "")} | named_variables(source)
    names |= {name for name, _ in placeholders(getattr(source, "path", None) or "")}
    return bool(names & set(INTERVAL))


def _fresh(base: str, history: History) -> str:
    """The id of the try that was published, else one that was never used."""
    number = 1
    while True:
        run_id = base if number == 1 else f"{base}-{number}"
        result = history.result(run_id)
        if result is None or result.ok:
            return run_id
        number += 1
