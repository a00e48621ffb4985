"""F04: the server is killed in the middle of staging or publishing and comes back: old rows or new, and the run goes on or says why."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from datasync.errors import TransientError
from datasync.seams import PublishRequest
from tests.canary import SECRET
from tests.connectors.sql_targets import Place, frame_of, publish, spec_of, stage
from tests.services import MariadbServer, connection_of

IV = {"id": "int64", "v": "string"}
DURABLE = "--innodb-flush-log-at-trx-commit=1"


@pytest.fixture
def server() -> Iterator[MariadbServer]:
    with tempfile.TemporaryDirectory(prefix="my") as folder:
        made = MariadbServer(Path(folder), SECRET)
        made.stop()
        made.start(DURABLE)
        yield made
        made.stop()


def test_killed_in_staging_and_in_publishing(server: MariadbServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place("mysql", tmp_path, connection_of(server.url))
    place.rows("CREATE DATABASE shop")
    target, spec = place.target("shop.t"), spec_of(IV, write="replace")
    publish(target, spec, [(1, "old")])
    second = replace(spec, run_id="r2")
    token = target.acquire(second)
    writer = target.writer(second)
    writer.write(frame_of(second, [(2, "new")]))
    server.stop(kill=True)
    with pytest.raises(TransientError) as lost:
        writer.write(frame_of(second, [(3, "new")]))
    assert lost.value.code == "E_CONNECT"
    server.start(DURABLE)
    writer.abandon()
    # The run is over; the next one comes with connections of its own.
    target = place.target("shop.t")
    token = target.acquire(second)
    assert target.orphans() == []
    stage(target, second, frame_of(second, [(2, "new"), (3, "new")]))
    killed: list[str] = []

    def kill(name: str) -> None:
        if name == "publish.after_dml" and not killed:
            killed.append(name)
            server.stop(kill=True)
            server.start(DURABLE)
            assert place.rows("SELECT id, v FROM shop.t") == [(1, "old")]

    monkeypatch.setattr("datasync.connectors.mysql.publishing.failpoint", kill)
    commit = target.publish(second, PublishRequest(token=token, rows=2, seen=1))
    assert (commit.sequence, killed) == (2, ["publish.after_dml"])
    assert place.rows("SELECT id, v FROM shop.t ORDER BY id") == [(2, "new"), (3, "new")]
    place.close()
