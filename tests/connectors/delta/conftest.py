"""Places for Delta tables: a folder, and S3 as moto plays it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from datasync.connectors.delta.tables import locate
from datasync.connectors.registry import open_source, open_target
from datasync.contract.endpoints import DeltaSource, DeltaTarget
from datasync.seams import Connection, Surroundings, Target
from datasync.testing.conformance import Harness
from tests.connectors.files.stores import ACCOUNT, KEY, azurite


@dataclass(frozen=True)
class Lake:
    """Where tables of a test lie."""

    root: Path
    base: str = "lake"
    connection: Connection | None = None
    opened: list[Any] = field(default_factory=list)

    def around(self, home: str = ".datasync") -> Surroundings:
        return Surroundings(self.root, self.root / home, self._connection)

    def _connection(self, name: str) -> Connection:
        assert self.connection is not None, name
        return self.connection

    @property
    def _named(self) -> str | None:
        return self.connection.id if self.connection is not None else None

    def target(self, table: str = "t", home: str = ".datasync") -> Target:
        endpoint = DeltaTarget(type="delta", path=f"{self.base}/{table}", connection=self._named, write="append")
        self.opened.append(open_target(endpoint, self.around(home)))
        found: Target = self.opened[-1]
        return found

    def source(self, table: str = "t") -> Any:
        return open_source(DeltaSource(type="delta", path=f"{self.base}/{table}", connection=self._named), self.around())

    def table(self, table: str = "t") -> Any:
        """The table, as deltalake opens it."""
        return locate(f"{self.base}/{table}", self._named, self.around()).open()

    def rows(self, table: str = "t") -> list[dict[str, Any]]:
        found = self.table(table).to_pyarrow_table().to_pylist()
        return sorted(found, key=lambda row: repr(list(row.values())))

    def harness(self, **facts: Any) -> Harness:
        return Harness(target=self.target, source=self.source, **facts)

    def close(self) -> None:
        for connector in self.opened:
            connector.close()


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    """A folder."""
    made = Lake(tmp_path)
    yield made
    made.close()


SERVER = """\
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(*server.get_host_and_port(), flush=True)
sys.stdin.read()
server.stop()
"""


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    """The URL of an S3 server in a process of its own: deltalake keeps Python's lock while it reads a log."""
    server = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert server.stdout is not None
        host, port = server.stdout.readline().split()
        yield f"http://{host}:{port}"
    finally:
        server.communicate(timeout=20)


@pytest.fixture
def s3_bucket(s3_url: str) -> Callable[[str], Connection]:
    """Makes a bucket and gives a connection to it."""
    import boto3

    def make(bucket: str) -> Connection:
        client = boto3.client(
            "s3", endpoint_url=s3_url, aws_access_key_id="key", aws_secret_access_key="secret", region_name="eu-west-1"
        )
        client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        client.close()
        return Connection(
            "lake", "aws", login="key", password="secret", extra={"endpoint_url": s3_url, "region_name": "eu-west-1"}
        )

    return make


@pytest.fixture(scope="session")
def azure_url() -> Iterator[str]:
    """The URL of an account of azurite."""
    with azurite() as url:
        yield url


@pytest.fixture
def azure_container(azure_url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Connection]:
    """Makes a container and gives a connection to it."""
    from azure.storage.blob import BlobServiceClient

    monkeypatch.setenv("AZURITE_BLOB_STORAGE_URL", azure_url.removesuffix(f"/{ACCOUNT}"))

    def make(container: str) -> Connection:
        with BlobServiceClient(azure_url, credential=KEY) as client:
            client.create_container(container)
        return Connection("lake", "wasb", login=ACCOUNT, password=KEY, extra={"use_emulator": True})

    return make
