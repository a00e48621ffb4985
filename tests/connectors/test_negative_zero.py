"""A negative zero, of which MySQL and SQLite keep no sign: refused, not altered."""

from __future__ import annotations

from pathlib import Path

import pytest

from datasync.errors import PermanentError
from tests.connectors.sql_targets import Place, frame_of, spec_of, stage


@pytest.mark.parametrize("kind", ["sqlite", "mysql"])
@pytest.mark.parametrize("spelled", ["float32", "float64"])
def test_it_is_refused(kind: str, spelled: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    place = Place("sqlite", tmp_path) if kind == "sqlite" else request.getfixturevalue(kind)
    spec = spec_of({"id": "int64", "x": spelled})
    target = place.target()
    with pytest.raises(PermanentError) as caught:
        stage(target, spec, frame_of(spec, [(1, 0.0), (2, -0.0), (3, None)]))
    assert (caught.value.code, "1 row with negative zero" in caught.value.message) == ("E_VALUE", True)
    # Inside a list it is text, with its sign.
    lists = spec_of({"id": "int64", "x": f"list<{spelled}>"}, run_id="r2")
    assert stage(target, lists, frame_of(lists, [(1, [-0.0])])) == 1
    target.close()
