"""Outcomes of steps in, one tally per check and the run's row counts out."""

from __future__ import annotations

from collections.abc import Mapping

from datasync.results.model import CheckTally, RowCounts
from datasync.seams import StageName
from datasync.stages.context import StepOutcome

Outcomes = Mapping[StageName, StepOutcome]


def tallies_of(outcomes: Outcomes) -> dict[tuple[str, str], CheckTally]:
    """Add up what all steps saw, by gate and check."""
    found: dict[tuple[str, str], CheckTally] = {}
    for outcome in outcomes.values():
        for gate, checks in outcome.tallies.items():
            for name, tally in checks.items():
                found[gate, name] = found.get((gate, name), CheckTally()) + tally
    return found


def row_counts(outcomes: Outcomes, published: int) -> RowCounts:
    """Say where the run's rows are.

    After a completed audit `accepted` is what staging holds; of a run that ended early it is what no gate set aside.
    """
    if "extract" not in outcomes:
        return RowCounts()
    extract = outcomes["extract"]
    added = sum(outcome.added for outcome in outcomes.values())
    dropped = sum(outcome.dropped for outcome in outcomes.values())
    quarantined = sum(outcome.set_aside for outcome in outcomes.values())
    audited = "audit" in outcomes and outcomes["audit"].detail.get("completed", False)
    # An API takes rows one batch after the other: what it refused has left staging, as what the audit moved.
    refused = outcomes["publish"].set_aside if "publish" in outcomes else 0
    staged = outcomes["audit"].rows_out - refused if audited else 0
    accepted = staged if audited else extract.rows_in + added - quarantined - dropped
    return RowCounts(
        extract.rows_in, added, accepted, quarantined, dropped, staged, published, extract.detail.get("source_count")
    )


def conserved(rows: RowCounts) -> bool:
    """Tell whether every row is in exactly one bucket."""
    return rows.extracted + rows.added == rows.accepted + rows.quarantined + rows.dropped
