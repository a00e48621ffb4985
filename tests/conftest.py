"""What all tests share: Great Expectations imported once, so that audits fork from a process that has it; database servers."""

from __future__ import annotations

import pytest

from tests.services import postgres_connection_of, postgres_database, postgres_url

__all__ = ["postgres_connection_of", "postgres_database", "postgres_url"]


@pytest.fixture(scope="session", autouse=True)
def _great_expectations() -> None:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations
        import great_expectations.checkpoint

        assert great_expectations.checkpoint
