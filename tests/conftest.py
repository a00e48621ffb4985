"""What all tests share: Great Expectations imported once, so that audits fork from a process that has it; database servers."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.canary import leaks
from tests.services import mysql_database, mysql_url, postgres_connection_of, postgres_database, postgres_url

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler import LoadScopeScheduling

__all__ = ["mysql_database", "mysql_url", "postgres_connection_of", "postgres_database", "postgres_url"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let one flag write golden files anew."""
    parser.addoption(
        "--refresh-golden", action="store_true", help="write golden files as they are now, to be looked at in the diff"
    )


@pytest.fixture
def refresh_golden(request: pytest.FixtureRequest) -> bool:
    """Tell whether golden files are written anew."""
    return bool(request.config.getoption("--refresh-golden"))


@pytest.fixture(scope="session", autouse=True)
def _great_expectations(tmp_path_factory: pytest.TempPathFactory) -> None:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations
        import great_expectations.checkpoint

        assert great_expectations.checkpoint
        _warm(tmp_path_factory.mktemp("warm"))


def _warm(folder: Path) -> None:
    """Run one checkpoint here: what Great Expectations does only once is then done for every audit that forks from this process."""
    from datasync.gates import gx_worker

    url = f"sqlite:///{folder / 'warm.sqlite'}"
    with closing(sqlite3.connect(folder / "warm.sqlite")) as connection:
        connection.execute("CREATE TABLE t (id INTEGER)")
        connection.execute("INSERT INTO t VALUES (1)")
        connection.commit()
    expectation = {
        "type": "unexpected_rows_expectation", "kwargs": {"unexpected_rows_query": "SELECT * FROM {batch} WHERE id > 1"},
        "meta": {"check": "warm"}, "severity": "critical",
    }  # fmt: skip
    gx_worker.prepare()
    command = {"url": url, "schema": None, "table": "t", "dialect": "sqlite", "expectations": [expectation]}
    assert gx_worker.checkpoint(command)[0]["success"]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Share tests out one by one, but keep those together that share what takes long to make: an Airflow, and the history that browsers look at."""
    from xdist.scheduler import LoadScopeScheduling

    class KeepTogether(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            if file.startswith("tests/browser/"):
                return "tests/browser"
            return file if file.startswith("tests/airflow/") else nodeid

    return KeepTogether(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Fail every test whose output or log holds a planted secret or a planted personal value."""
    report: pytest.TestReport = yield  # type: ignore[assignment]
    found = leaks("\n".join(text for _, text in report.sections))
    if found and report.outcome != "failed":
        report.outcome = "failed"
        report.longrepr = f"the output of {item.nodeid} holds a planted {' and '.join(found)}"
    return report  # type: ignore[return-value]
