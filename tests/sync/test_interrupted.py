"""F02: whoever interrupts a run that is still being prepared is told so, and nobody is woken by it."""

from __future__ import annotations

from pathlib import Path

from datasync.contract.loader import load_contract
from datasync.errors import TransientError
from datasync.results.verdict import exit_code
from datasync.seams import Connection
from datasync.sync.options import RunOptions
from datasync.sync.session import Session

CONTRACT = """\
contract: things
version: 1.0.0
owner: {email: a@example.com}
source: {type: postgres, connection: shop, table: things}
columns: {id: {type: int64, key: true}}
target: {type: duckdb, database: out.duckdb, table: things, write: replace}
alerts: [{when: error_occurred, to: [email]}]
"""


def test_a_system_that_was_told_to_stop_is_no_broken_system(tmp_path: Path) -> None:
    (tmp_path / "datasync.toml").touch()
    (tmp_path / "things.yaml").write_text(CONTRACT, encoding="utf-8")

    def connection(name: str) -> Connection:
        session.stop.set()
        raise TransientError("the statement was interrupted", code="E_CANCELLED")

    session = Session(load_contract(tmp_path / "things.yaml"), RunOptions(connections=connection))
    result = session.carry_out()
    assert (result.status, exit_code(result)) == ("interrupted", 130)
    assert result.error is not None
    assert result.error.code == "E_INTERRUPTED"
    assert result.alerts == ()
