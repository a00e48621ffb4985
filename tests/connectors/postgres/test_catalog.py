"""Tables of PostgreSQL that cannot be written by key."""

from __future__ import annotations

from typing import Any

import pytest

from datasync.errors import TargetMismatch
from tests.connectors.sql_targets import Place, spec_of

COLUMNS = {"k": "string", "v": "int64"}


@pytest.mark.parametrize("write", ["merge", "append"])
def test_a_key_that_its_collation_takes_for_another_is_refused(postgres: Place, write: Any) -> None:
    with postgres.sql() as run:
        run('CREATE COLLATION folding FROM "C"')
        run("CREATE TABLE t (k text COLLATE folding PRIMARY KEY, v bigint)")
        # A server of which no part is ICU makes no such collation: its catalog says that it is one.
        run("SET allow_system_table_mods = on")
        run("UPDATE pg_collation SET collisdeterministic = false WHERE collname = 'folding'")
    spec = spec_of(COLUMNS, write=write, key=("k",) if write == "merge" else ())
    if write == "append":
        assert postgres.target().inspect(spec).exists
        return
    with pytest.raises(TargetMismatch, match="nondeterministic"):
        postgres.target().inspect(spec)
