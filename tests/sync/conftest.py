"""Fixtures that tests of the earlier configuration share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.connectors.api.server import Api
from tests.sync.earlier import EXAMPLE, table


@pytest.fixture
def api() -> Iterator[Api]:
    """The API that the example sends to."""
    made = Api()
    yield made
    made.close()


@pytest.fixture
def earlier(tmp_path: Path, api: Api, postgres_database: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the example in it, its table filled; the working directory is there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AIRFLOW_CONN_TARGET_API", f"http://127.0.0.1:{api.port}")
    monkeypatch.setenv("AIRFLOW_CONN_SOURCE_POSTGRES", postgres_database)
    monkeypatch.setenv("AIRFLOW_VAR_COMPANY_CODE", "C01")
    (tmp_path / "datasync.toml").touch()
    (tmp_path / "example.yaml").write_bytes(EXAMPLE.read_bytes())
    table(postgres_database)
    return tmp_path
