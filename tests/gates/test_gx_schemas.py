"""A staging table in a schema whose name has capitals and blanks, judged by Great Expectations."""

from __future__ import annotations

import secrets
from contextlib import closing
from pathlib import Path

import pytest

from datasync.gates.auditor import Auditor
from tests.connectors.sql_targets import Place, frame_of, spec_of, stage
from tests.services import connection_of

EXPECTED = {"type": "expect_table_row_count_to_equal", "kwargs": {"value": 1}, "meta": {"check": "n"}, "severity": "critical"}


@pytest.mark.parametrize("kind", ["postgres", "mysql"])
def test_a_schemas_name_is_taken_as_it_is_written(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    place = Place(kind, tmp_path, connection_of(request.getfixturevalue(f"{kind}_database")))
    schema = f"My Mart {secrets.token_hex(4)}"
    with place.sql() as run:
        run(f'CREATE SCHEMA "{schema}"')
    try:
        target, spec = place.target(f"{schema}.t"), spec_of({"id": "int64", "v": "string"})
        stage(target, spec, frame_of(spec, [(1, "a")]))
        with closing(Auditor(tmp_path / "log")) as auditor, target.staging(spec).gx() as access:
            found = auditor.checkpoint(access, [EXPECTED])["n"]
        assert (found.success, found.error) == (True, "")
    finally:
        place.close()
        with place.sql() as run:
            run(f'DROP SCHEMA "{schema}"' + (" CASCADE" if kind == "postgres" else ""))
