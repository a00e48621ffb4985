"""Delta tables in object stores: the conformance suite on S3, and what connections become."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from datasync.connectors.delta.tables import locate
from datasync.errors import PermanentError, TransientError
from datasync.seams import Connection, PublishRequest, Surroundings
from datasync.testing.conformance import Conformance, Harness, frame_of, publish, spec_of, stage
from tests.connectors.delta.conftest import Lake
from tests.connectors.test_conformance import DELTA_NAMES

ROWS = {"id": "int64", "v": "string"}


@pytest.fixture
def bucket(tmp_path: Path, s3_bucket: Callable[[str], Connection]) -> Iterator[Lake]:
    """A bucket of its own."""
    name = f"lake-{secrets.token_hex(6)}"
    made = Lake(tmp_path, f"s3://{name}", s3_bucket(name))
    yield made
    made.close()


class TestS3(Conformance):
    @pytest.fixture
    def harness(self, bucket: Lake) -> Harness:
        return bucket.harness(lacks=frozenset({"time"}), hostile=DELTA_NAMES)


class TestAzure(Conformance):
    @pytest.fixture
    def harness(self, tmp_path: Path, azure_container: Callable[[str], Connection]) -> Iterator[Harness]:
        name = f"lake-{secrets.token_hex(6)}"
        made = Lake(tmp_path, f"abfs://{name}", azure_container(name))
        yield made.harness(lacks=frozenset({"time"}), hostile=DELTA_NAMES)
        made.close()


def test_of_writers_at_once_only_one_commits_a_version(bucket: Lake) -> None:
    spec = spec_of(ROWS)
    publish(bucket.harness(), spec, [(0, "first")])
    outcomes: list[str] = []

    def write(number: int) -> None:
        mine = replace(spec, run_id=f"m{number}")
        target = bucket.target(home=f"home{number}")
        token = target.acquire(mine)
        stage(target, mine, frame_of(mine.columns, [(number, mine.run_id)]))
        gate.wait(timeout=30)
        try:
            target.publish(mine, PublishRequest(token=token, rows=1, seen=1))
            outcomes.append(mine.run_id)
        except Exception as error:
            outcomes.append(getattr(error, "code", type(error).__name__))
        target.close()

    gate = threading.Barrier(3)
    writers = [threading.Thread(target=write, args=(number,)) for number in (1, 2, 3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(timeout=60)
    assert sorted(outcomes)[:2] == ["E_FENCED", "E_FENCED"]
    assert bucket.table().count() == 2


def around(connection: Connection, root: Path = Path("/nowhere")) -> Surroundings:
    return Surroundings(root, root, lambda name: connection)


def test_connections_become_options_without_showing_secrets() -> None:
    aws = Connection(
        "lake", "aws", login="key", password="CANARY", extra={"region_name": "eu-west-1", "aws_session_token": "CANARY2"}
    )
    found = locate("s3://bucket/t", "lake", around(aws))
    assert found.options == {
        "aws_conditional_put": "etag", "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "CANARY", "AWS_SESSION_TOKEN": "CANARY2",
        "AWS_REGION": "eu-west-1",
    }  # fmt: skip
    assert "CANARY" not in repr(found)
    azure = Connection("lake", "wasb", login="account", password="key", extra={"endpoint_url": "http://127.0.0.1:10000/account"})
    assert locate("abfs://box/t", "lake", around(azure)).options == {
        "AZURE_STORAGE_ACCOUNT_NAME": "account", "AZURE_STORAGE_ACCOUNT_KEY": "key",
        "AZURE_STORAGE_ENDPOINT": "http://127.0.0.1:10000/account", "AZURE_ALLOW_HTTP": "true",
    }  # fmt: skip
    google = Connection("lake", "google_cloud_platform", extra={"keyfile_dict": {"type": "service_account"}})
    assert locate("gs://b/t", "lake", around(google)).options == {"GOOGLE_SERVICE_ACCOUNT_KEY": '{"type": "service_account"}'}
    with pytest.raises(PermanentError, match="not aws"):
        locate("s3://bucket/t", "lake", around(azure))
    with pytest.raises(PermanentError, match="no object store"):
        locate("ftp://host/t", None, around(azure))


def test_a_store_that_does_not_answer_is_transient(tmp_path: Path) -> None:
    gone = Connection(
        "lake", "aws", login="key", password="CANARY", extra={"endpoint_url": "http://127.0.0.1:9", "region_name": "x"}
    )
    lake = Lake(tmp_path, "s3://bucket", gone)
    with pytest.raises(TransientError) as silent:
        lake.target().inspect(spec_of(ROWS))
    assert silent.value.code == "E_CONNECT"
    assert "CANARY" not in str(silent.value)
