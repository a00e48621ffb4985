"""History in, whether the app is well and Prometheus' figures out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from datasync.errors import StorageError
from datasync.history import lists, views
from datasync.history.incidents import utc
from datasync.web.asked import Asked, House, Reading

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

router = APIRouter()


@router.get("/health")
def health(request: Request) -> JSONResponse:
    """Tell whether history answers; open to everybody, and says nothing else."""
    house: House = request.app.state.house
    try:
        views.newest(house.history, 1)
    except StorageError:
        return JSONResponse({"status": "history cannot be used"}, 503)
    return JSONResponse({"status": "ok"})


@router.get("/metrics")
def metrics(question: Reading) -> Response:
    """Prometheus' text format; `Authorization: Bearer` signs in."""
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.exposition import CONTENT_TYPE_PLAIN_1_0_0

    registry = CollectorRegistry()
    registry.register(_Figures(question))
    return Response(generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_PLAIN_1_0_0})


class _Figures:
    """What history knows, whenever Prometheus asks: nothing is kept in this process."""

    def __init__(self, question: Asked) -> None:
        self._history, self._sees, self._all = question.house.history, question.sees, question.person.contracts is None

    def describe(self) -> list[Metric]:
        """Nothing ahead: registering must not read history."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Give all metrics."""
        yield from self._totals()
        yield from self._newest()
        yield from self._waiting()

    def _totals(self) -> Iterator[Metric]:
        from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily

        runs = CounterMetricFamily("datasync_runs", "Finished runs in history.", labels=["contract", "kind", "status"])
        rows = CounterMetricFamily("datasync_rows", "Rows of runs in history.", labels=["contract", "kind", "outcome"])
        spent = CounterMetricFamily("datasync_run_seconds", "Seconds of runs in history.", labels=["contract", "kind"])
        sums: dict[tuple[str, str], list[float]] = {}
        for total in views.totals(self._history):
            if not self._sees(total.contract):
                continue
            runs.add_metric([total.contract, total.kind, total.status], total.runs)
            amounts = (total.extracted, total.published, total.quarantined, total.seconds)
            sums[total.contract, total.kind] = [
                a + b for a, b in zip(sums.get((total.contract, total.kind), [0, 0, 0, 0]), amounts, strict=True)
            ]
        for (contract, kind), (extracted, published, quarantined, seconds) in sums.items():
            for outcome, value in (("extracted", extracted), ("published", published), ("quarantined", quarantined)):
                rows.add_metric([contract, kind, outcome], value)
            spent.add_metric([contract, kind], seconds)
        going = GaugeMetricFamily("datasync_runs_running", "Runs that began and are not over.", labels=["contract"])
        for contract, count in views.running_counts(self._history).items():
            if self._sees(contract):
                going.add_metric([contract], count)
        yield from (runs, rows, spent, going)

    def _newest(self) -> Iterator[Metric]:
        from prometheus_client.metrics_core import GaugeMetricFamily

        state = GaugeMetricFamily("datasync_last_run_good", "1: the newest run passed or warned.", labels=["contract"])
        violations = GaugeMetricFamily(
            "datasync_last_run_violations",
            "Broken promises, rows or tables, newest run.",
            labels=["contract", "severity"],
        )
        fresh = GaugeMetricFamily("datasync_freshness_age_seconds", "Age of the newest row, newest run.", labels=["contract"])
        age = GaugeMetricFamily("datasync_published_age_seconds", "Age of the newest run that published.", labels=["contract"])
        stages = GaugeMetricFamily(
            "datasync_last_run_stage_seconds", "Seconds of stages, newest run.", labels=["contract", "stage"]
        )
        now, published = datetime.now(UTC), lists.last_published(self._history)
        for text in views.contracts(self._history):
            name = text.contract
            if not self._sees(name):
                continue
            if name in published:
                age.add_metric([name], (now - utc(published[name])).total_seconds())
            row = next((run for run in views.last_runs(self._history, name, 2) if run.finished_at is not None), None)
            result = self._history.result(row.run_id) if row else None
            if result is None:
                continue
            state.add_metric([name], float(result.ok))
            for severity in ("error", "warn"):
                broken = sum(check.failed for check in result.checks if check.severity == severity)
                violations.add_metric([name, severity], broken)
            for stage in result.stages:
                if stage.status != "skipped":
                    stages.add_metric([name, stage.name], stage.seconds)
            for check in result.checks:
                if check.type == "freshness" and isinstance(check.observed, int):
                    fresh.add_metric([name], check.observed)
        yield from (state, violations, fresh, age, stages)

    def _waiting(self) -> Iterator[Metric]:
        from prometheus_client.metrics_core import GaugeMetricFamily

        outbox = GaugeMetricFamily("datasync_outbox_messages", "Messages that are not delivered.", labels=["state"])
        # Messages are of all contracts together.
        waiting = views.outbox_depth(self._history) if self._all else {}
        for name in ("pending", "failed", "dead") if self._all else ():
            outbox.add_metric([name], waiting.get(name, 0))
        incidents = GaugeMetricFamily("datasync_incidents", "Unresolved incidents.", labels=["contract", "state"])
        for (contract, name), count in views.incident_counts(self._history).items():
            if self._sees(contract):
                incidents.add_metric([contract, name], count)
        yield from (outbox, incidents)
