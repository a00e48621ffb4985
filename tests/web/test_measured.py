"""What Prometheus and a load balancer are told."""

from __future__ import annotations

from pathlib import Path

from tests.web.stage import make_project, run, visitor


def test_prometheus_reads_what_history_knows(tmp_path: Path) -> None:
    from prometheus_client.parser import text_string_to_metric_families

    file = make_project(tmp_path)
    run(file, "first")
    with visitor(tmp_path) as found:
        answered = found.client.get("/metrics")
    assert answered.headers["content-type"].startswith("text/plain")
    metrics = {family.name: family.samples for family in text_string_to_metric_families(answered.text)}

    def value(name: str, **labels: str) -> float:
        return next(sample.value for sample in metrics[name] if labels.items() <= sample.labels.items())

    assert value("datasync_runs", contract="shop", status="warned") == 1
    assert value("datasync_rows", contract="shop", outcome="extracted") == 4
    assert value("datasync_rows", contract="shop", outcome="quarantined") == 3
    assert value("datasync_last_run_violations", contract="shop", severity="error") == 3
    assert value("datasync_last_run_good", contract="shop") == 1
    assert value("datasync_last_run_stage_seconds", contract="shop", stage="extract") >= 0
    assert 0 <= value("datasync_published_age_seconds", contract="shop") < 60
    assert value("datasync_outbox_messages", state="dead") == 0
    assert "SECRETMAIL" not in answered.text


def test_health_says_when_history_is_gone(tmp_path: Path) -> None:
    make_project(tmp_path)
    with visitor(tmp_path) as found:
        assert found.client.get("/health").status_code == 200
        found.history.close()
        database = tmp_path / ".datasync" / "history.db"
        database.write_bytes(b"this is no database, and never was one; " * 200)
        answered = found.client.get("/health")
        assert answered.status_code == 503
        assert found.get("/").status_code == 503


def test_what_is_too_large_is_not_read(tmp_path: Path) -> None:
    make_project(tmp_path)
    with visitor(tmp_path) as found:
        assert found.client.post("/login", headers={"content-length": "999999999"}, content=b"x").status_code == 413
        assert found.client.post("/login", content=iter([b"x"])).status_code == 411
