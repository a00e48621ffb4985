"""An empty folder in, a MariaDB of one's own on a socket in it out; the server itself must be installed."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from datasync.testing.servers import NotInstalled

PLACES = ("/usr/sbin", "/usr/local/sbin")
"""Where servers are that are on no ordinary user's PATH."""


def _install(folder: Path, scratch: Path, user: str) -> None:
    """Make an empty server's folder.

    Raises:
        NotInstalled: there is no MariaDB.
        RuntimeError: with what the installer said.
    """
    command = ["mariadb-install-db", "--no-defaults", f"--datadir={folder}", f"--tmpdir={scratch}",
               "--auth-root-authentication-method=normal", "--skip-test-db", f"--user={user}"]  # fmt: skip
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=_environment())
    except FileNotFoundError:
        raise NotInstalled("MariaDB is not installed: apt-get install mariadb-server, or make services") from None
    if done.returncode:
        raise RuntimeError(f"MariaDB was not installed: {done.stdout}{done.stderr}")


def _environment() -> dict[str, str]:
    return os.environ | {"PATH": os.pathsep.join((os.environ.get("PATH", ""), *PLACES))}


class MariadbServer:
    """A MariaDB of our own on a socket in a folder, as a user who is not root.

    Args:
        folder: empty; short, for a socket's path is.
        password: of its user root.
    """

    def __init__(self, folder: Path, password: str = "local") -> None:  # noqa: S107 - a server for minutes
        self.user = "mysql" if getpass.getuser() == "root" else getpass.getuser()
        self.socket = folder / "s"
        self.password = password
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
            connection.cursor().execute("SET PASSWORD FOR root@localhost = PASSWORD(%s)", [password])

    @property
    def url(self) -> str:
        """Where it is, and who may do everything there."""
        return f"mysql://root:{self.password}@localhost/?unix_socket={self.socket}"

    def start(self, *options: str) -> None:
        """Start it and wait until it answers.

        Raises:
            RuntimeError: it does not within half a minute.
        """
        command = ["mariadbd", "--no-defaults", f"--datadir={self._data}", f"--tmpdir={self._scratch}", f"--socket={self.socket}",
                   "--skip-networking", f"--user={self.user}", "--skip-log-bin",
                   "--innodb-flush-log-at-trx-commit=0", *options]  # fmt: skip
        quiet = subprocess.DEVNULL
        # In our process group: it takes no notice of a Ctrl-C, and ends with us where the whole group is told to.
        self._process = subprocess.Popen(command, stdout=quiet, stderr=quiet, env=_environment())
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


@contextmanager
def mariadb_server(password: str = "local") -> Iterator[MariadbServer]:  # noqa: S107 - a server for minutes
    """Serve from a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="my") as folder:
        server = MariadbServer(Path(folder), password)
        try:
            yield server
        finally:
            server.stop()


def mysql_connect(url: str) -> Any:
    """Open a connection past the connector, with names in double quotes as other databases have them."""
    import pymysql

    parts = urlsplit(url)
    query = {key: values[0] for key, values in parse_qs(parts.query).items()}
    return pymysql.connect(
        host=parts.hostname or "localhost", port=parts.port or 3306, user=unquote(parts.username or ""),
        password=unquote(parts.password or ""), database=parts.path.lstrip("/") or None, charset="utf8mb4", autocommit=True,
        unix_socket=query.get("unix_socket"), init_command="SET sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES')",
    )  # fmt: skip
