"""A finished run in, OpenTelemetry spans and metrics out, where the standard OTEL_* variables or the process say where to.

Nothing is imported, and nothing is paid, unless something is configured. A collector that does not answer costs a few seconds at
the end of a run and never changes its result.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from datasync.results.model import RunResult, StageResult

log = logging.getLogger("datasync")
TIMEOUT = 3
"""Seconds for an export, unless OTEL_EXPORTER_OTLP_TIMEOUT says otherwise."""
NAME = "datasync"


def wanted(signal: str, environment: Mapping[str, str] | None = None) -> bool:
    """Tell whether a signal (`TRACES` or `METRICS`) is to be exported by this process.

    It is when its exporter or an endpoint is named, and neither OTEL_SDK_DISABLED nor `none` says no.
    """
    known = os.environ if environment is None else environment
    if known.get("OTEL_SDK_DISABLED", "").lower() == "true" or known.get(f"OTEL_{signal}_EXPORTER") == "none":
        return False
    names = (f"OTEL_{signal}_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
    return any(known.get(name) for name in names)


def emit(result: RunResult) -> None:
    """Export a run's spans and metrics; whatever fails is logged."""
    for signal, work in (("TRACES", _trace), ("METRICS", _measure)):
        if wanted(signal):
            try:
                work(result)
            except ImportError:
                log.warning('OpenTelemetry is configured and not installed: pip install "datasync[telemetry]"')
            except Exception as error:
                log.warning("telemetry of run %s was not sent: %s", result.run_id, type(error).__name__)


def _trace(result: RunResult) -> None:
    from opentelemetry import trace
    from opentelemetry.propagate import extract

    with _tracers() as provider:
        tracer = provider.get_tracer(NAME)
        carrier = {name.lower(): os.environ[name] for name in ("TRACEPARENT", "TRACESTATE") if name in os.environ}
        began = result.started_at
        ended = max([began + timedelta(seconds=result.seconds), *(stage.ended for stage in result.stages if stage.ended)])
        span = tracer.start_span(
            f"{result.kind} {result.contract}", extract(carrier), start_time=_nanoseconds(began), attributes=attributes(result)
        )
        inside = trace.set_span_in_context(span)
        for stage in result.stages:
            if stage.began is not None:
                _stage(tracer, inside, stage)
        if not result.ok:
            said = result.error.code if result.error else result.status
            span.set_status(trace.Status(trace.StatusCode.ERROR, said))
        span.end(_nanoseconds(ended))


def _stage(tracer: Any, inside: Any, stage: StageResult) -> None:
    from opentelemetry import trace

    assert stage.began is not None
    known = {"datasync.stage": stage.name, "datasync.status": stage.status, "datasync.rows_in": stage.rows_in,
             "datasync.rows_out": stage.rows_out, "datasync.own_seconds": stage.seconds}  # fmt: skip
    span = tracer.start_span(stage.name, inside, start_time=_nanoseconds(stage.began), attributes=known)
    if stage.status in ("failed", "error"):
        span.set_status(trace.Status(trace.StatusCode.ERROR, stage.status))
    span.end(_nanoseconds(stage.ended or stage.began))


def attributes(result: RunResult) -> dict[str, str | int | float]:
    """Give what a run's span says: names and counts, never a row's values."""
    rows = {f"datasync.rows.{name}": getattr(result.rows, name) for name in ("extracted", "accepted", "quarantined", "published")}
    found: dict[str, str | int | float] = {
        "datasync.contract": result.contract, "datasync.version": result.version, "datasync.run_id": result.run_id,
        "datasync.kind": result.kind, "datasync.status": result.status, "datasync.target": result.target, **rows,
        "datasync.checks.failed": sum(1 for check in result.checks if check.status == "failed"),
    }  # fmt: skip
    return found | ({"error.type": result.error.code} if result.error else {})


def _measure(result: RunResult) -> None:
    with _meters() as provider:
        meter = provider.get_meter(NAME)
        who = {"contract": result.contract, "kind": result.kind}
        meter.create_counter("datasync.runs").add(1, {**who, "status": result.status})
        rows = meter.create_counter("datasync.rows", unit="{row}")
        for name in ("extracted", "added", "accepted", "quarantined", "dropped", "published"):
            rows.add(getattr(result.rows, name), {**who, "outcome": name})
        checks = meter.create_counter("datasync.checks", unit="{check}")
        for check in result.checks:
            checks.add(1, {**who, "status": check.status, "severity": check.severity})
        meter.create_histogram("datasync.run.duration", unit="s").record(result.seconds, {**who, "status": result.status})
        stages = meter.create_histogram("datasync.stage.duration", unit="s")
        for stage in result.stages:
            if stage.status != "skipped":
                stages.record(stage.seconds, {**who, "stage": stage.name})
        for check in result.checks:
            if check.type == "freshness" and isinstance(check.observed, int):
                meter.create_gauge("datasync.freshness.age", unit="s").set(check.observed, {"contract": result.contract})


@contextmanager
def _tracers() -> Iterator[Any]:
    """Give the process's own tracers, else ones that send what is made inside and end."""
    from opentelemetry import trace

    if not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        yield trace.get_tracer_provider()
        return
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

    def over_http() -> Any:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        return OTLPSpanExporter(timeout=_patience("TRACES"))

    provider = TracerProvider(resource=_resource())
    provider.add_span_processor(BatchSpanProcessor(_exporter("TRACES", ConsoleSpanExporter, over_http)))
    try:
        yield provider
    finally:
        provider.force_flush(5000)
        provider.shutdown()


@contextmanager
def _meters() -> Iterator[Any]:
    """Give the process's own meters, else ones that send what is measured inside and end."""
    from opentelemetry import metrics
    from opentelemetry.sdk.metrics import MeterProvider

    if isinstance(metrics.get_meter_provider(), MeterProvider):
        yield metrics.get_meter_provider()
        return
    from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, PeriodicExportingMetricReader

    def over_http() -> Any:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

        return OTLPMetricExporter(timeout=_patience("METRICS"))

    exporter = _exporter("METRICS", ConsoleMetricExporter, over_http)
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=float("inf"))
    provider = MeterProvider([reader], resource=_resource(), shutdown_on_exit=False)
    try:
        yield provider
    finally:
        provider.force_flush(5000)
        provider.shutdown(5000)


def _resource() -> Any:
    from opentelemetry.sdk.resources import Resource

    named = "OTEL_SERVICE_NAME" in os.environ or "service.name=" in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    return Resource.create({} if named else {"service.name": NAME})


def _exporter(signal: str, console: Callable[..., Any], over_http: Callable[[], Any]) -> Any:
    import sys

    if os.environ.get(f"OTEL_{signal}_EXPORTER") == "console":
        # stdout is for results.
        return console(out=sys.stderr)
    return over_http()


def _patience(signal: str) -> float | None:
    """Ours, unless the environment names one, which the exporter reads itself."""
    named = any(name in os.environ for name in ("OTEL_EXPORTER_OTLP_TIMEOUT", f"OTEL_EXPORTER_OTLP_{signal}_TIMEOUT"))
    return None if named else TIMEOUT


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000) * 1000
