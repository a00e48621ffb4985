"""An API and a project that sends to it, fresh for every test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.connectors.api.project import Project
from tests.connectors.api.server import Api


@pytest.fixture
def api() -> Iterator[Api]:
    made = Api()
    yield made
    made.close()


@pytest.fixture
def project(tmp_path: Path, api: Api, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Project:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", f"http://127.0.0.1:{api.port}")
    (tmp_path / "datasync.toml").touch()
    made = Project(tmp_path, api, capfd)
    made.source([(1, "a", 1), (2, "b", 2), (3, "c", 3), (4, "d", 4), (5, "e", 5)])
    made.write()
    return made
