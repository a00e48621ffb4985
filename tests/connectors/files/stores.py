"""Object stores that tests start themselves, or those that DATASYNC_TEST_*_URL name; each gives a bucket that only one test has."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datasync.connectors.files.stores.store import Store
from datasync.seams import Connection
from datasync.testing.servers.s3 import s3_server

# Without it gcsfs asks Google itself what kind of bucket it sees, for minutes.
os.environ.setdefault("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Azurite's own, known to all."""
AZURITE = Path(__file__).parents[3] / ".venv/node/node_modules/azurite/dist/src/blob/main.js"
ENVIRONMENT = {"s3": "DATASYNC_TEST_S3_URL", "gs": "DATASYNC_TEST_GCS_URL", "abfs": "DATASYNC_TEST_AZURE_URL"}
"""A connection in Airflow's form, as URI or JSON, to a server where tests may make buckets."""


@dataclass(frozen=True)
class Bucket:
    """An empty bucket and who may use it."""

    scheme: str
    name: str
    connection: Connection
    store: Store = field(repr=False)

    def url(self, key: str) -> str:
        return f"{self.scheme}://{self.name}/{key}"

    def put(self, key: str, data: bytes) -> None:
        self.store.fs.pipe_file(f"{self.name}/{key}", data)

    def names(self) -> list[str]:
        found = self.store.fs.find(self.name)
        return sorted(path.removeprefix(f"{self.name}/") for path in found)

    def airflow(self) -> str:
        """The connection as AIRFLOW_CONN_* gives it."""
        known = self.connection
        return json.dumps(
            {"conn_type": known.kind, "login": known.login, "password": known.password, "extra": json.dumps(dict(known.extra))}
        )


def given(scheme: str) -> Connection | None:
    """The server that the environment names."""
    text = os.environ.get(ENVIRONMENT[scheme])
    if not text:
        return None
    from datasync.connectors import connections

    return connections._json("lake", text) if text.startswith("{") else connections._uri("lake", text)


@contextmanager
def serving(scheme: str) -> Iterator[Connection]:
    """A server for as long as it is needed."""
    found = given(scheme)
    if found is not None:
        yield found
        return
    with {"s3": _moto, "gs": _gcs, "abfs": _azure}[scheme]() as connection:
        yield connection


@contextmanager
def _moto() -> Iterator[Connection]:
    with s3_server() as url:
        yield Connection("lake", "aws", login="key", password="secret", extra={"endpoint_url": url})


@contextmanager
def _gcs() -> Iterator[Connection]:
    import logging

    from gcp_storage_emulator.server import create_server

    logging.getLogger("gcp_storage_emulator").setLevel(logging.ERROR)
    server = create_server("127.0.0.1", 0, in_memory=True)
    server.start()
    port = server._api._httpd.server_address[1]
    try:
        yield Connection(
            "lake", "google_cloud_platform", extra={"endpoint_url": f"http://127.0.0.1:{port}", "anon": True, "project": "p"}
        )
    finally:
        server.stop()


@contextmanager
def _azure() -> Iterator[Connection]:
    with azurite() as url:
        yield Connection("lake", "wasb", login=ACCOUNT, password=KEY, extra={"endpoint_url": url})


@contextmanager
def azurite() -> Iterator[str]:
    """Serve on a free port; gives the URL of its account."""
    arguments = [
        "--disableTelemetry",
        "--skipApiVersionCheck",
        "--inMemoryPersistence",
        "--blobHost",
        "127.0.0.1",
        "--blobPort",
        "0",
    ]
    process = subprocess.Popen(["node", str(AZURITE), *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    # Its log must be read, or it stops when the pipe is full.
    reader = threading.Thread(target=lambda: process.stdout and process.stdout.read(), daemon=True)
    try:
        port = next(
            match[1] for line in process.stdout if (match := re.search(r"listen\w* on http://127\.0\.0\.1:([1-9]\d*)", line))
        )
        reader.start()
        yield f"http://127.0.0.1:{port}/{ACCOUNT}"
    finally:
        process.terminate()
        process.wait(timeout=20)
        if reader.is_alive():
            reader.join(timeout=10)
        process.stdout.close()


@contextmanager
def bucket(scheme: str, connection: Connection) -> Iterator[Bucket]:
    """A bucket for one test."""
    name = f"t{secrets.token_hex(6)}"
    store = Store(f"{scheme}://{name}/x", connection)
    store.fs.mkdir(name)
    made = Bucket(scheme, name, connection, store)
    try:
        yield made
    finally:
        store.fs.rm(name, recursive=True)
        store.close()


def lookup(made: Bucket) -> Any:
    """What finds the connection of a bucket by its id."""

    def found(name: str) -> Connection:
        assert name == "lake"
        return made.connection

    return found
