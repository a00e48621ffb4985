"""Object stores: pinned without reading, streamed, confined; targets that change by one manifest, and are read through it."""

from __future__ import annotations

import gzip
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from datasync.connectors.files.stores.manifest import Manifest, Manifests
from datasync.connectors.files.stores.probe import probe
from datasync.connectors.files.stores.settings import settings
from datasync.connectors.files.stores.store import Store, parsed
from datasync.connectors.files.target import FileTarget
from datasync.connectors.registry import open_source, open_target
from datasync.contract import endpoints
from datasync.contract.types import parse_type
from datasync.errors import ConnectorError, PermanentError, Refused, TargetMismatch
from datasync.seams import Connection, PublishRequest, ReadRequest, Source, Surroundings
from tests.connectors.files.reading import read
from tests.connectors.files.stores import Bucket, lookup
from tests.connectors.files.writing import TARGETS, frame, run, spec

SMALL = {"id": parse_type("int64"), "name": parse_type("string")}
FILES: list[tuple[str, str, bytes, dict[str, Any]]] = [
    ("csv", "x.csv", b"id,name\n1,a\n2,b\n", {}),
    ("csv", "x.csv.gz", gzip.compress(b"id,name\n1,a\n2,b\n"), {}),
    ("ndjson", "x.ndjson", b'{"id":1,"name":"a"}\n{"id":2,"name":"b"}\n', {}),
    ("json", "x.json", b'[{"id":1,"name":"a"},{"id":2,"name":"b"}]', {}),
    ("xml", "x.xml", b"<d><r><id>1</id><name>a</name></r><r><id>2</id><name>b</name></r></d>", {"row_tag": "r"}),
]


def source(made: Bucket, kind: str, path: str, root: Path, options: dict[str, Any] | None = None) -> Source:
    model = {"type": kind, "path": path, "connection": "lake", **({"options": options} if options else {})}
    return open_source(endpoints.FILE_SOURCES[kind].model_validate(model), Surroundings(root, root / ".datasync", lookup(made)))


def target(made: Bucket, path: str, root: Path, kind: str = "parquet") -> FileTarget:
    model = {"type": kind, "path": path, "connection": "lake", "write": "replace"}
    found = open_target(TARGETS.validate_python(model), Surroundings(root, root / ".datasync", lookup(made)))
    assert isinstance(found, FileTarget)
    return found


def small(*rows: tuple[int, str]) -> pl.DataFrame:
    return frame([{"id": number, "name": name} for number, name in rows], SMALL)


def through_manifest(made: Bucket, folder: str) -> list[tuple[Any, ...]]:
    """As docs/connectors/object-stores.md tells readers to do it."""
    fs, place = made.store.fs, f"{made.name}/{folder}/_datasync"
    newest = max(fs.ls(f"{place}/manifests", detail=False))
    parts = json.loads(fs.cat_file(newest))["parts"]
    frames = [pl.read_parquet(fs.open(f"{place}/parts/{name}")) for name in parts]
    return sorted(pl.concat(frames).rows())


def test_every_kind_is_read(bucket: Bucket, tmp_path: Path) -> None:
    for kind, name, data, options in FILES:
        bucket.put(f"in/{kind}/{name}", data)
        for path in (f"in/{kind}/{name}", f"in/{kind}/*", f"in/{kind}"):
            with closing(source(bucket, kind, bucket.url(path), tmp_path, options)) as opened:
                assert [row[1:] for row in read(opened)[1]][-2:] == [("1", "a"), ("2", "b")]
    pl.DataFrame({"id": [1, 2], "at": [5, None]}).write_parquet(tmp_path / "x.parquet")
    bucket.put("in/x.parquet", (tmp_path / "x.parquet").read_bytes())
    with closing(source(bucket, "parquet", bucket.url("in/x.parquet"), tmp_path)) as opened:
        assert read(opened)[1] == [(1, 1, 5), (2, 2, None)]
        assert opened.cursor_type("id", {}) == parse_type("int64")
        assert opened.max_cursor("id", {}) == 2
        with opened.read(ReadRequest(files=opened.files() or (), cursor="at")) as reading:
            assert (reading.count(), reading.null_cursors()) == (2, 1)
    assert not list((tmp_path / ".datasync").glob("objects-*"))


def test_pinned_by_what_the_store_says(bucket: Bucket, tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv", "_c.csv", ".d.csv", "e.csv.tmp", "f.txt"):
        bucket.put(f"in/{name}", b"a\n1\n")
    with closing(source(bucket, "csv", bucket.url("in/*.csv*"), tmp_path)) as opened:
        pinned = opened.files() or ()
        assert [file.path for file in pinned] == [bucket.url("in/a.csv"), bucket.url("in/b.csv")]
        assert all(file.size == 4 and file.fingerprint and file.modified for file in pinned)
        assert opened.files() == pinned
        bucket.put("in/b.csv", b"a\n2\n")
        changed = opened.files() or ()
        assert changed[0] == pinned[0]
        assert changed[1].fingerprint != pinned[1].fingerprint
        with pytest.raises(PermanentError, match="changed since"), opened.read(ReadRequest(files=pinned)):
            pass
        bucket.store.remove(f"{bucket.name}/in/b.csv")
        with pytest.raises(PermanentError, match="is gone"), opened.read(ReadRequest(files=changed)):
            pass
    for path, code in (("in/z.csv", "E_SOURCE_MISSING"), ("nowhere/", "E_SOURCE_MISSING")):
        with closing(source(bucket, "csv", bucket.url(path), tmp_path)) as opened, pytest.raises(PermanentError) as caught:
            opened.files()
        assert caught.value.code == code
    with closing(source(bucket, "csv", bucket.url("in/z*.csv"), tmp_path)) as opened:
        assert opened.files() == ()


def test_an_object_that_changes_while_it_is_read(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("x.csv", b"a\n" + b"1\n" * 1000)
    with (
        closing(source(bucket, "csv", bucket.url("x.csv"), tmp_path)) as opened,
        opened.read(ReadRequest(files=opened.files() or ())) as reading,
    ):
        batches = reading.batches()
        next(batches)
        bucket.put("x.csv", b"a\n" + b"2\n" * 1000)
        with pytest.raises(PermanentError) as caught:
            list(batches)
    assert caught.value.code == "E_SOURCE_CHANGED"


@pytest.mark.parametrize("url", [
    "s3://b1t/../x", "s3://b1t/a/../../x", "s3://b1t/a//x", "s3://b1t/./x", "s3://*/x", "s3:///x", "s3://B/x", "file:///etc/passwd",
    "http://b1t/x", "s3://b1t/a\\x", "s3://b1t/a\nx", "s3://user:pw@b1t/x", "s3://b1t/a#b", "s3://..", "memory://b1t/x",
])  # fmt: skip
def test_paths_that_lead_elsewhere(url: str) -> None:
    """F74 for stores."""
    with pytest.raises(PermanentError) as caught:
        parsed(url)
    assert caught.value.code == "E_PATH"


def test_a_root_confines() -> None:
    connection = Connection("lake", "aws", extra={"root": "lake/team"})
    assert Store("s3://lake/team/x.csv", connection).path == "lake/team/x.csv"
    for url in ("s3://lake/teams/x.csv", "s3://lake/x.csv", "s3://other/team/x.csv"):
        with pytest.raises(PermanentError, match="outside"):
            Store(url, connection)


def test_connections_in_airflows_form() -> None:
    s3 = settings(
        "s3",
        Connection(
            "c", "aws", login="k", password="s", extra={"endpoint_url": "http://h", "region_name": "eu", "aws_session_token": "t"}
        ),
    )
    assert (s3["key"], s3["secret"], s3["token"]) == ("k", "s", "t")
    assert s3["client_kwargs"] == {"endpoint_url": "http://h", "region_name": "eu"}
    assert settings("s3", None).keys() == {"config_kwargs"}
    assert settings("s3", Connection("c", "aws", extra={"anon": True}))["anon"] is True
    gs = settings(
        "gs",
        Connection(
            "c", "google_cloud_platform", extra={"extra__google_cloud_platform__project": "p", "keyfile_dict": '{"a": 1}'}
        ),
    )
    assert (gs["project"], gs["token"]) == ("p", {"a": 1})
    azure = settings("abfs", Connection("c", "wasb", login="account", password="key"))
    assert azure == {"account_name": "account", "account_key": "key"}
    azure = settings(
        "abfs", Connection("c", "wasb", host="account.blob.core.windows.net", login="id", password="s", extra={"tenant_id": "t"})
    )
    assert azure == {"account_name": "account", "tenant_id": "t", "client_id": "id", "client_secret": "s"}
    with pytest.raises(PermanentError, match="role_arn"):
        settings("s3", Connection("c", "aws", extra={"role_arn": "arn:x"}))


def test_a_store_that_is_not_there_says_no_secret(tmp_path: Path) -> None:
    connection = Connection(
        "lake", "aws", login="CANARY-9f3", password="CANARY-9f4", extra={"endpoint_url": "http://127.0.0.1:9"}
    )
    with pytest.raises(ConnectorError) as caught:
        Store("s3://bucket/x", connection).within("bucket/x")
    assert caught.value.transient
    assert "CANARY" not in f"{caught.value} {caught.value.hint}"


def test_a_bucket_that_is_not_there(bucket: Bucket, tmp_path: Path) -> None:
    with closing(source(bucket, "csv", f"{bucket.scheme}://no-such-bucket-{bucket.name}/x", tmp_path)) as opened:
        with pytest.raises(PermanentError) as caught:
            opened.files()
        assert caught.value.code in ("E_NO_BUCKET", "E_SOURCE_MISSING")


def test_connections_are_tested(bucket: Bucket) -> None:
    probe(bucket.connection)
    assert bucket.connection.extra
    rooted = Connection("lake", bucket.connection.kind, login=bucket.connection.login, password=bucket.connection.password,
                        extra={**bucket.connection.extra, "root": bucket.name})  # fmt: skip
    probe(rooted)


def test_readers_go_through_the_manifest(bucket: Bucket, tmp_path: Path) -> None:
    url = bucket.url("lake/orders")
    for number in range(5):
        run(target(bucket, url, tmp_path), spec(f"r{number}", "replace", SMALL), [small((number, "x"))])
        assert through_manifest(bucket, "lake/orders") == [(number, "x")]
        with closing(source(bucket, "parquet", url, tmp_path)) as opened:
            assert [row[1:] for row in read(opened)[1]] == [(number, "x")]
    parts = [key for key in bucket.names() if "/parts/" in key]
    assert len(parts) == 3, "the current version and two before it"
    run(target(bucket, url, tmp_path), spec("more", "append", SMALL), [small((9, "y"))])
    assert through_manifest(bucket, "lake/orders") == [(4, "x"), (9, "y")]
    state = target(bucket, url, tmp_path).inspect(spec("look", "append", SMALL))
    assert [commit.run_id for commit in state.commits] == ["r0", "r1", "r2", "r3", "r4", "more"]
    # Nothing lies where a reader that knows nothing of manifests would look.
    assert bucket.store.glob(f"{bucket.name}/lake/orders/*.parquet") == []


@pytest.mark.parametrize("kind", ["csv", "ndjson", "json", "xml"])
def test_other_kinds_are_targets_too(kind: str, bucket: Bucket, tmp_path: Path) -> None:
    url = bucket.url(f"lake/{kind}")
    merge: dict[str, Any] = {"key": ("id",), "required": frozenset({"id"})}
    run(target(bucket, url, tmp_path, kind), spec("r1", "merge", SMALL, **merge), [small((1, "a"), (2, "b"))])
    run(target(bucket, url, tmp_path, kind), spec("r2", "merge", SMALL, **merge), [small((2, "B"), (3, "c"))])
    run(target(bucket, url, tmp_path, kind), spec("r3", "append", SMALL), [small((4, "d"))])
    with closing(source(bucket, kind, url, tmp_path, {"row_tag": "row"} if kind == "xml" else None)) as opened:
        assert sorted(row[1:] for row in read(opened)[1]) == [("1", "a"), ("2", "B"), ("3", "c"), ("4", "d")]


def test_a_target_of_another_type_is_refused(bucket: Bucket, tmp_path: Path) -> None:
    url = bucket.url("lake/orders")
    run(target(bucket, url, tmp_path), spec("r1", "replace", SMALL), [small((1, "a"))])
    with closing(target(bucket, url, tmp_path)) as opened, pytest.raises(TargetMismatch, match="column name"):
        opened.inspect(spec("r2", "replace", {**SMALL, "name": parse_type("int64")}))


def test_a_zombie_on_another_machine_is_fenced(bucket: Bucket, tmp_path: Path) -> None:
    """I4: no lock reaches over machines; the token in the manifest does."""
    url, wanted = bucket.url("lake/orders"), spec("slow", "replace", SMALL)
    zombie = target(bucket, url, tmp_path / "one")
    token = zombie.acquire(wanted)
    writer = zombie.writer(wanted)
    writer.write(small((1, "zombie")))
    rows = writer.finish()
    run(target(bucket, url, tmp_path / "two"), spec("fast", "replace", SMALL), [small((2, "living"))])
    with pytest.raises(Refused) as caught:
        zombie.publish(wanted, PublishRequest(token=token, rows=rows))
    zombie.close()
    assert caught.value.code == "E_FENCED"
    assert through_manifest(bucket, "lake/orders") == [(2, "living")]


def test_two_syncs_that_publish_at_once_both_do(bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two who saw the same manifest one is refused its number, and begins again from what the other wrote."""
    url = bucket.url("lake/orders")
    run(target(bucket, url, tmp_path / "one"), spec("r0", "append", SMALL), [small((0, "x"))])
    raced = []
    upload = "datasync.connectors.files.stores.place.ObjectPlace.upload"
    from datasync.connectors.files.stores.place import ObjectPlace

    genuine = ObjectPlace.upload

    def slow(self: ObjectPlace, room: Path) -> None:
        genuine(self, room)
        if not raced:
            raced.append(True)
            run(target(bucket, url, tmp_path / "two"), spec("r2", "append", SMALL, sync="other"), [small((2, "y"))])

    monkeypatch.setattr(upload, slow)
    run(target(bucket, url, tmp_path / "one"), spec("r1", "append", SMALL), [small((1, "x"))])
    assert raced
    assert through_manifest(bucket, "lake/orders") == [(0, "x"), (1, "x"), (2, "y")]
    named = (Manifests(bucket.store, f"{bucket.name}/lake/orders").latest() or Manifest()).parts
    assert len([key for key in bucket.names() if "/parts/" in key]) == len(named), "what lost the race is removed"


def test_parts_that_were_given_up_go_when_they_are_old(bucket: Bucket, tmp_path: Path) -> None:
    url = bucket.url("lake/orders")
    run(target(bucket, url, tmp_path), spec("r1", "replace", SMALL), [small((1, "a"))])
    bucket.put("lake/orders/_datasync/parts/part-lost.parquet", b"x")
    with closing(target(bucket, url, tmp_path)) as opened:
        opened.tidy()
    assert "lake/orders/_datasync/parts/part-lost.parquet" in bucket.names()
    Manifests(bucket.store, f"{bucket.name}/lake/orders").tidy(lambda item: True)
    assert "lake/orders/_datasync/parts/part-lost.parquet" not in bucket.names()
    assert through_manifest(bucket, "lake/orders") == [(1, "a")]


def test_a_damaged_manifest_is_never_a_first_run(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("lake/orders/_datasync/manifests/00000000000000000007.json", b"{")
    with closing(target(bucket, bucket.url("lake/orders"), tmp_path)) as opened, pytest.raises(PermanentError) as caught:
        opened.inspect(spec("r1", "replace", SMALL))
    assert caught.value.code == "E_TARGET_STATE"


def test_a_single_object_is_no_target(bucket: Bucket, tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="a folder of parts"):
        target(bucket, bucket.url("lake/orders.parquet"), tmp_path)


def test_duckdb_reads_the_parts_of_a_manifest(bucket: Bucket, tmp_path: Path) -> None:
    """The other way that docs show: an engine that takes fsspec's file systems."""
    run(target(bucket, bucket.url("lake/orders"), tmp_path), spec("r1", "replace", SMALL), [small((1, "a"), (2, "b"))])
    place = f"{bucket.name}/lake/orders/_datasync"
    parts = json.loads(bucket.store.fs.cat_file(max(bucket.store.fs.ls(f"{place}/manifests", detail=False))))["parts"]
    bucket.store.fetch(f"{place}/parts/{parts[0]}", tmp_path / "part.parquet")
    assert duckdb.sql(f"SELECT count(*) FROM read_parquet('{tmp_path / 'part.parquet'}')").fetchall() == [(2,)]
