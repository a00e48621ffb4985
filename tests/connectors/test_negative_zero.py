"""A negative zero, of which MySQL and SQLite keep no sign: it becomes the zero that it equals, and no check takes it for an edit."""

from __future__ import annotations

from pathlib import Path

import pytest

from datasync.gates.fidelity import figures, row_hash, staged_figures
from tests.connectors.sql_targets import Place, frame_of, spec_of, stage


@pytest.mark.parametrize("kind", ["sqlite", "mysql"])
@pytest.mark.parametrize("spelled", ["float32", "float64"])
def test_it_is_kept_as_zero(kind: str, spelled: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    place = Place("sqlite", tmp_path) if kind == "sqlite" else request.getfixturevalue(kind)
    spec = spec_of({"id": "int64", "x": spelled})
    target = place.target()
    given = frame_of(spec, [(1, 0.0), (2, -0.0), (3, None)])
    assert stage(target, spec, given) == 3
    staging = target.staging(spec)
    (found,) = staging.frames(f"SELECT id, x FROM {staging.relation} ORDER BY id")
    assert found["x"].to_list() == [0.0, 0.0, None]
    assert staged_figures(staging, spec.columns) == figures(given, spec.columns)
    assert row_hash(found, spec.columns) == row_hash(given, spec.columns)
    # Inside a list it is text, with its sign.
    lists = spec_of({"id": "int64", "x": f"list<{spelled}>"}, run_id="r2")
    assert stage(target, lists, frame_of(lists, [(1, [-0.0])])) == 1
    target.close()
