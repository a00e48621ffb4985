"""Results in the forms that others read, through the front door; logs; telemetry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from datasync.cli.app import invoke
from datasync.sync.telemetry import wanted

CONTRACT = """\
contract: NAME
version: 1.0.0
source: {type: csv, path: in.csv}
columns:
  id: {type: int64, key: true}
  price: {type: int64, min: 0}
quarantine: {allow: ALLOW}
target: {type: duckdb, database: out.duckdb, table: t, write: merge}
"""


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)
    Path("datasync.toml").touch()
    Path("in.csv").write_text("id,price\n1,5\n2,-31337\n", encoding="utf-8")
    Path("contracts").mkdir()
    for name, allow in (("strict", "0%"), ("lenient", "50%")):
        Path(f"contracts/{name}.yaml").write_text(CONTRACT.replace("NAME", name).replace("ALLOW", allow), encoding="utf-8")


@pytest.mark.parametrize("asked", [["--site", "in.csv/x"], ["--format", "html", "--output", "in.csv/x.html"],
                                   ["--format", "html,json", "--output", "in.csv/x"], ["--open", "--output", "in.csv/x.html"]])  # fmt: skip
def test_a_place_that_cannot_be_written_is_named(asked: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    invoke(["check", "contracts/lenient.yaml"])
    capfd.readouterr()
    assert invoke(["report", *asked]) == 3
    said = capfd.readouterr().err
    assert "E_STORAGE" in said
    assert "in.csv/x" in said or "site.json" in said


def test_check_annotates_every_contract_of_a_pull_request(capfd: pytest.CaptureFixture[str]) -> None:
    assert invoke(["check", "contracts", "--format", "github"]) == 1
    out = capfd.readouterr().out
    assert "::error file=contracts/strict.yaml,line=6,title=price.min failed::1 of 2 rows (50.0 %25)" in out
    assert "::warning file=contracts/lenient.yaml,line=6,title=price.min warned::" in out


def test_one_run_is_written_in_several_forms(capfd: pytest.CaptureFixture[str]) -> None:
    assert (
        invoke(["check", "contracts/strict.yaml", "--format", "html,json,junit,markdown,github,terminal", "--output", "out"]) == 1
    )
    names = {path.name for path in Path("out").iterdir()}
    assert names == {"report.html", "result.json", "junit.xml", "summary.md", "annotations.txt", "summary.txt"}
    assert json.loads(Path("out/result.json").read_text(encoding="utf-8"))["status"] == "failed"
    capfd.readouterr()
    assert invoke(["report", "--format", "junit"]) == 0
    assert capfd.readouterr().out.strip() == Path("out/junit.xml").read_text(encoding="utf-8").strip()


def test_a_document_on_stdout_is_all_there_is_there(capfd: pytest.CaptureFixture[str]) -> None:
    assert invoke(["run", "contracts", "--format", "json"]) == 1
    assert [found["contract"] for found in json.loads(capfd.readouterr().out)] == ["lenient", "strict"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check", "contracts", "--format", "htm"], "did you mean 'html'"),
        (["check", "contracts", "--format", "html,junit"], "--output DIR"),
        (["check", "contracts", "--format", "junit", "--json"], "exclude each other"),
        (["check", "contracts", "--format", "html"], "a page is of one run"),
        (["check", "contracts", "--data", "in.csv"], "for one contract"),
        (["report", "x", "--site", "s"], "--site shows every run"),
    ],
)
def test_wrong_choices_are_said(capfd: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    assert invoke(arguments) == 2
    assert said in " ".join(capfd.readouterr().err.split())


def test_lint_annotates_the_place_of_a_problem(capfd: pytest.CaptureFixture[str]) -> None:
    Path("contracts/strict.yaml").write_text("contract: strict\nversion: 1.0\n", encoding="utf-8")
    assert invoke(["lint", "--format", "github"]) == 2
    assert "::error file=contracts/strict.yaml,line=2,col=10,title=version::" in capfd.readouterr().out


@pytest.fixture
def _log() -> Iterator[None]:
    import logging

    root, own = logging.getLogger(), logging.getLogger("datasync")
    before = (list(root.handlers), root.level, own.level)
    yield
    root.handlers = before[0]
    root.setLevel(before[1])
    own.setLevel(before[2])


@pytest.mark.usefixtures("_log")
def test_the_log_is_json_with_run_and_stage(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATASYNC_LOG", "json")
    assert invoke(["run", "contracts/lenient.yaml", "--json"]) == 0
    seen = capfd.readouterr()
    result = json.loads(seen.out)
    every = [json.loads(line) for line in seen.err.splitlines()]
    lines = [line for line in every if line["logger"] == "datasync.run"]
    assert {line["run_id"] for line in lines} == {result["run_id"]}
    assert [line["event"] for line in lines[:1] + lines[-2:]] == ["run began", "check", "run ended"]
    ended = {line["stage"]: line for line in lines if line["event"] == "stage ended"}
    assert set(ended) == {"extract", "gate_prepared", "stage", "audit", "publish", "reconcile"}
    assert ended["gate_prepared"]["set_aside"] == 1
    assert lines[-1]["published"] == 1


def test_without_a_listener_nothing_is_logged(capfd: pytest.CaptureFixture[str]) -> None:
    assert invoke(["run", "contracts/strict.yaml", "--json"]) == 1
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c"}, True),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://c"}, False),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_SDK_DISABLED": "TRUE"}, False),
    ],
)
def test_only_what_is_configured_is_exported(environment: dict[str, str], said: bool) -> None:
    assert wanted("TRACES", environment) is said


def test_spans_and_metrics_reach_a_collector(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    bodies: dict[str, bytes] = {}

    def keep(request: Request) -> Response:
        bodies[request.path] = request.get_data()
        return Response(b"", content_type="application/x-protobuf")

    httpserver.expect_request("/v1/traces").respond_with_handler(keep)
    httpserver.expect_request("/v1/metrics").respond_with_handler(keep)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", httpserver.url_for("").rstrip("/"))
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
    monkeypatch.setenv("TRACEPARENT", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    assert invoke(["run", "contracts/strict.yaml", "--json"]) == 1
    traced = ExportTraceServiceRequest.FromString(bodies["/v1/traces"])
    spans = {span.name: span for scope in traced.resource_spans[0].scope_spans for span in scope.spans}
    whole = spans["run strict"]
    assert {"extract", "gate_prepared", "stage", "audit"} < set(spans)
    assert whole.trace_id.hex() == "0af7651916cd43dd8448eb211c80319c"
    assert whole.status.code == 2
    assert all(span.parent_span_id == whole.span_id for name, span in spans.items() if span is not whole)
    assert all(
        whole.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano <= whole.end_time_unix_nano
        for span in spans.values()
    )
    measured = ExportMetricsServiceRequest.FromString(bodies["/v1/metrics"])
    metrics = {metric.name: metric for scope in measured.resource_metrics[0].scope_metrics for metric in scope.metrics}
    assert {"datasync.runs", "datasync.rows", "datasync.checks", "datasync.run.duration", "datasync.stage.duration"} <= set(
        metrics
    )
    assert b"31337" not in bodies["/v1/traces"] + bodies["/v1/metrics"]


def test_a_collector_that_is_gone_changes_nothing(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    assert invoke(["run", "contracts/lenient.yaml", "--json"]) == 0


def test_data_docs_are_built_for_new_runs_and_linked(capfd: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        assert invoke(["run", "contracts/lenient.yaml", "--json"]) == 0
        assert invoke(["report", "--site", "site", "--data-docs"]) == 0
    pages = sorted(Path("site/data-docs/validations/lenient").rglob("*.html"))
    assert len(pages) == 2
    text = pages[0].read_text(encoding="utf-8")
    assert "Evaluated Expectations" in text
    listed = Path("site/data-docs/index.html").read_text(encoding="utf-8")
    assert all(page.parents[1].name in listed for page in pages)
    index = Path("site/index.html").read_text(encoding="utf-8")
    assert 'href="data-docs/index.html">Great Expectations Data Docs (a list of the newest 200 runs)<' in index
    assert invoke(["report", "--data-docs"]) == 2
    assert invoke(["report", "--site", "memory://site", "--data-docs"]) == 2


def test_the_workflow_to_copy_names_commands_that_are_there() -> None:
    import re

    import yaml

    from datasync.cli.app import COMMANDS

    file = Path(__file__).parents[2] / "docs" / "github-workflow.yml"
    steps = yaml.safe_load(file.read_text(encoding="utf-8"))["jobs"]["check"]["steps"]
    named = re.findall(r"datasync ([a-z]+)", " ".join(step.get("run", "") for step in steps))
    assert set(named) == {"lint", "check", "report"}
    assert set(named) <= set(COMMANDS)
