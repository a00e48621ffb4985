"""The fence before every batch: a zombie that wakes sends nothing more."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from datasync.connectors.api.target import ApiTarget
from datasync.contract.endpoints import RestTarget
from datasync.errors import Refused
from datasync.seams import Connection, Delivery, PublishRequest, Surroundings, TargetSpec
from datasync.testing.conformance import spec_of, stage
from datasync.testing.edges import frame_of
from tests.connectors.api.server import Api


def _target(root: Path, api: Api) -> ApiTarget:
    endpoint = RestTarget(type="rest", connection="shop", endpoint="/v1/items", write="append", batch_rows=1)
    connection = Connection("shop", "http", "127.0.0.1", api.port)
    return ApiTarget(endpoint, Surroundings(root, root / ".datasync", lambda name: connection))


def _delivery(sent: list[tuple[int, int]]) -> Delivery:
    def keep(rows: pl.DataFrame, words: Sequence[str], number: int) -> None:
        raise AssertionError("nothing is refused here")

    return Delivery({}, 0, keep, lambda acknowledged, refused: sent.append((acknowledged, refused)))


def _staged(target: ApiTarget, spec: TargetSpec) -> int:
    token = target.acquire(spec)
    assert stage(target, spec, frame_of(spec.columns, [(1, "a"), (2, "b"), (3, "c")])) == 3
    return token


def test_a_zombie_is_stopped_between_two_batches(tmp_path: Path, api: Api) -> None:
    spec = spec_of({"id": "int64", "v": "string"})
    zombie = _target(tmp_path, api)
    token = _staged(zombie, spec)

    def overtaken(acknowledged: int, refused: int) -> None:
        if acknowledged == 1:
            # What a lock file that was lost (another machine, a removed folder) would let happen.
            zombie._locks.release()
            with closing(_target(tmp_path, api)) as other:
                other.acquire(replace(spec, run_id="r2"))

    with pytest.raises(Refused, match="newer run"):
        zombie.publish(spec, PublishRequest(token, 3, delivery=replace(_delivery([]), sent=overtaken)))
    zombie.close()
    assert len(api.received) == 1


def test_a_committed_run_gives_its_commit_again(tmp_path: Path, api: Api) -> None:
    spec = spec_of({"id": "int64", "v": "string"})
    sent: list[tuple[int, int]] = []
    with closing(_target(tmp_path, api)) as target:
        token = _staged(target, spec)
        first = target.publish(spec, PublishRequest(token, 3, delivery=_delivery(sent)))
    with closing(_target(tmp_path, api)) as target:
        again = target.publish(spec, PublishRequest(target.acquire(spec), 3, delivery=_delivery(sent)))
        assert target.inspect(spec).commits == (first,)
    assert (again, len(api.received)) == (first, 3)
    assert sent == [(0, 0), (1, 0), (2, 0), (3, 0), (3, 0)]


def test_two_runs_of_a_sync_exclude_each_other(tmp_path: Path, api: Api) -> None:
    spec = spec_of({"id": "int64", "v": "string"})
    with closing(_target(tmp_path, api)) as first, closing(_target(tmp_path, api)) as second:
        first.acquire(spec)
        with pytest.raises(Refused):
            second.acquire(replace(spec, run_id="r2"))
